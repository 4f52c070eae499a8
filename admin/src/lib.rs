//! Tollgate's control plane: what is stated, and the one writer of it.
//!
//! Three layers, imports pointing down: `http` has the routers; `control` applies changes to the catalog and hands
//! each accepted one to whoever serves traffic, `registry` keeps consumers, `oauth` gives them tokens; `model` holds
//! the catalog's nouns and decides what is a valid catalog.
//! Nothing here knows Pingora, sockets or the request path.
//!
//! Libraries, and what else there is: sqlx (diesel is not asynchronous, rusqlite has no PostgreSQL) asks both databases
//! with one set of statements; argon2 (rust-argon2 knows no PHC strings of others) hashes passwords; jsonwebtoken
//! (josekit brings OpenSSL) signs and checks tokens, with aws-lc-rs (ring makes no RSA keys) below it; askama
//! (minijinja finds a mistake in a template when it is shown) fills pages, and escapes what goes into them; axum (warp,
//! poem) routes; quick_cache (moka keeps threads and queues for what is not asked of it) bounds what is remembered;
//! hashbrown (std's map, which is made of it, takes no hash that is known already) is what the view's tables are made
//! of; hex (data-encoding) reads bytes that came as text.

pub mod control;
pub mod http;
pub mod model;
pub mod oauth;
pub mod registry;
