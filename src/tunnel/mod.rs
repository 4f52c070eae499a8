//! tunnel/mod.
