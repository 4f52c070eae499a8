//! The serde shape of `conf/tollgate.toml`.
