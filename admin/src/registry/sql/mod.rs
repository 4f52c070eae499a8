//! The registry's statements, the same for SQLite and PostgreSQL: one noun a file.
//!
//! Nothing here decides: what may be asked is for the nouns' own files to say. Statements are constant texts, values
//! are always bound.

pub(super) mod api_key;
pub(super) mod application;
pub(super) mod audit;
pub(super) mod change;
pub(super) mod client;
pub(super) mod code;
pub(super) mod gathered;
pub(super) mod refresh;
pub(super) mod revocation;
pub(super) mod row;
pub(super) mod store;
pub(super) mod subscription;
pub(super) mod token;
pub(super) mod user;

pub(super) use sqlx::AnyConnection;
pub(super) use sqlx::Result;

/// So many rows are read at a time.
pub(super) const PAGE: i64 = 5_000;
