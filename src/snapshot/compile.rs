//! Catalog to Snapshot.
