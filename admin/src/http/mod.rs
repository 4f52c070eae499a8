//! The control plane's HTTP interfaces: routers that own no socket.
//!
//! Whoever serves them puts a [`Peer`] among the extensions of each request; without one nothing is answered.

pub mod admin;
pub mod console;
pub mod oauth;
mod problem;
pub mod traffic;

pub use crate::oauth::peer::Peer;
