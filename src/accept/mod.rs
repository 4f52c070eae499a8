//! From TCP to a request: who may connect, over which TLS, and how long a header may take.
//!
//! Listeners are plain TCP to Pingora. [`door`] counts connections, shakes hands and wraps what is left in
//! [`deadline`], then leaves the connection to the application behind it. [`certificates`] holds the TLS
//! configuration that handshakes use and replaces it when files change.

pub mod certificates;
pub mod connections;
pub mod deadline;
pub mod door;
mod pair;
pub mod possession;
mod self_signed;
mod sni;
mod unreadable;

#[cfg(test)]
mod sample;
