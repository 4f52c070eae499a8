//! command/mod.
