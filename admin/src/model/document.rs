//! The raw serde shape of a catalog file.
