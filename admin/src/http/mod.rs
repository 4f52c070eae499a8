//! The control plane's HTTP interfaces: routers that own no socket.
//!
//! Whoever serves them puts a [`Peer`] among the extensions of each request; without one nothing is answered.

pub mod cache;
pub mod explain;
mod guard;
pub mod oauth;
mod problem;
pub mod quotas;

pub use crate::oauth::peer::Peer;
