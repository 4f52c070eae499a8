//! The JSON Schema of a catalog file, for editors.
