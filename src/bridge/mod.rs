//! bridge/mod.
