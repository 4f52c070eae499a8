//! One reason a document is not a catalog: where, what, and what would fix it.

use serde::{Deserialize, Serialize};

/// One reason a document is not a catalog.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Violation {
    /// The file, as the operator would name it; empty when no file is to blame.
    pub file: String,
    /// The line, from 1; 0 when no place is to blame.
    pub line: usize,
    /// The column in characters, from 1; 0 when no place is to blame.
    pub column: usize,
    /// The place as a path of keys, such as `versions[0].resources[2].tier`.
    pub path: String,
    /// What is wrong: lower case, no full stop, names the thing.
    pub message: String,
    /// What would fix it, where that can be said.
    pub fix: Option<String>,
}
