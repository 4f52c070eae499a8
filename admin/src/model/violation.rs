//! One reason a document is not a catalog: where, what, and what would fix it.
//!
//! Violations always come as a list, sorted by place; how a list is shown on a terminal is the shell's business.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One reason a document is not a catalog. Its order is that of files, lines and columns.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
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

impl Violation {
    /// Says what would fix it.
    #[must_use]
    pub fn fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..self
        }
    }
}

/// Writes `file:line:column: message (fix)`, without the parts that no place is to blame for.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}:", self.file)?;
            if self.line > 0 {
                write!(f, "{}:{}:", self.line, self.column)?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&self.message)?;
        self.fix.iter().try_for_each(|fix| write!(f, " ({fix})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(file: &str, line: usize, column: usize) -> Violation {
        Violation {
            file: file.into(),
            line,
            column,
            path: "tiers[0].name".into(),
            message: "unknown tier `Glod`".into(),
            fix: None,
        }
    }

    #[test]
    fn a_violation_reads_as_a_compiler_would_say_it() {
        let mended = violation("conf/a.toml", 3, 9).fix("did you mean `Gold`?");
        assert_eq!(
            mended.to_string(),
            "conf/a.toml:3:9: unknown tier `Glod` (did you mean `Gold`?)"
        );
        assert_eq!(
            violation("conf/a.toml", 0, 0).to_string(),
            "conf/a.toml: unknown tier `Glod`"
        );
        assert_eq!(violation("", 0, 0).to_string(), "unknown tier `Glod`");
    }

    #[test]
    fn violations_sort_by_place() {
        let mut found = [
            violation("b", 1, 1),
            violation("a", 10, 1),
            violation("a", 2, 7),
            violation("a", 2, 3),
        ];
        found.sort();
        let places: Vec<_> = found.iter().map(|v| (v.file.as_str(), v.line, v.column)).collect();
        assert_eq!(places, [("a", 2, 3), ("a", 2, 7), ("a", 10, 1), ("b", 1, 1)]);
    }
}
