//! The response cache: what is kept of responses, and for whom.
//!
//! [`storage`] owns the bytes: bounds, purging, the disk. What is stored, under which key and for how long is decided
//! beside it, by functions of plain values: [`directives`] and [`freshness`] read what RFC 9111 says of time,
//! [`admission`] decides what is kept, [`key`] and `part` what an entry is found by, [`reuse`] whether it may be used,
//! [`invalidation`] what an unsafe request makes worthless, [`posted`] what of a POST is for GET. `begin` finds out what a
//! request asks for, [`filters`] and [`keeping`] tell Pingora's state machine, [`purge`] takes back what operators name; one
//! request fetches for many by `lock`.
//!
//! Where Pingora's cache (0.9.1) is not RFC 9111, this goes round it: it ignores `Vary` and `Set-Cookie`, knows no age
//! that a response came with and no request directives, updates five fields only after a validation, and lets unsafe
//! requests pass without a trace.

pub mod admission;
mod begin;
pub mod cached;
pub mod commons;
pub mod directives;
pub mod fields;
pub mod filters;
pub mod freshness;
pub mod hit;
pub mod invalidation;
pub mod keeping;
pub mod key;
mod lock;
pub mod opened;
mod part;
pub mod posted;
pub mod purge;
mod reference;
pub mod reuse;
pub mod status;
pub mod storage;
pub mod variance;
