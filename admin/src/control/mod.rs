//! The only writer of the catalog.
pub mod publish;
