//! Tollgate's data plane: it serves what it was told.
//!
//! # The map
//!
//! A request is [`stages::admit`], read from top to bottom. A change is `admin::control::Control::apply`, read from
//! top to bottom. [`boot`] puts the long-lived things together, once.
//!
//! | layer | modules |
//! |---|---|
//! | composes | [`boot`], [`command`] |
//! | shell | [`gateway`], [`bridge`] |
//! | edge | [`accept`], [`tunnel`], [`upstream`], [`rewrite`], [`reply`], [`telemetry`] |
//! | state | [`exchange`], [`served`] |
//! | core | [`stages`] |
//! | values | [`head`], [`target`], [`denial`], [`forwarding`], [`hop`] |
//! | compiled | [`snapshot`] |
//!
//! Imports point down the table. Only `bridge`, `boot` and `command` reach into the `admin` crate; everyone else says
//! `crate::model`.

pub mod accept;
pub mod boot;
pub mod bridge;
pub mod command;
pub mod denial;
pub mod exchange;
pub mod forwarding;
pub mod gateway;
pub mod head;
pub mod hop;
pub mod reply;
pub mod rewrite;
pub mod served;
pub mod settings;
pub mod snapshot;
pub mod stages;
pub mod target;
pub mod telemetry;
pub mod tunnel;
pub mod upstream;

pub use admin::model;
