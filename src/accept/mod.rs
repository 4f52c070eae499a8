//! accept/mod.
