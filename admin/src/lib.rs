//! Tollgate's control plane: what is stated, and the one writer of it.
//!
//! Three layers, imports pointing down: `http` has the routers; `control` applies changes to the catalog and hands
//! each accepted one to whoever serves traffic, `registry` keeps consumers, `oauth` gives them tokens; `model` holds
//! the catalog's nouns and decides what is a valid catalog.
//! Nothing here knows Pingora, sockets or the request path.

pub mod control;
pub mod http;
pub mod model;
pub mod oauth;
pub mod registry;
