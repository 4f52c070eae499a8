//! Catalogs for tests and benches, as sources.
