//! The token endpoint as functions over registry and catalog: no sockets, no HTTP types beyond names and values.

pub mod claims;
pub mod keys;
