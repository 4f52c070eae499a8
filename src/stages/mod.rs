//! stages/mod.
