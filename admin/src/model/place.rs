//! Where something was stated: what `explain` shows as the rule behind a decision.

use std::fmt;
use std::sync::Arc;

/// The file and the line where something was stated.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Place {
    /// The file, as the operator would name it; empty where nothing was stated.
    pub file: Arc<str>,
    /// The line, from 1; 0 where nothing was stated.
    pub line: usize,
}

/// Writes `file:line`; nothing where nothing was stated.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return Ok(());
        }
        write!(f, "{}:{}", self.file, self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_an_editor_takes_it() {
        let place = Place {
            file: "conf/catalog/apis/a.toml".into(),
            line: 7,
        };
        assert_eq!(place.to_string(), "conf/catalog/apis/a.toml:7");
        assert_eq!(Place::default().to_string(), "");
    }
}
