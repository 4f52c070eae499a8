//! The response cache: what is kept of responses, and for whom.
//!
//! [`storage`] owns the bytes: bounds, purging, the disk. What is stored, under which key and for how long is decided
//! beside it.

pub mod storage;
