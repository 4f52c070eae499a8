//! Every edit of the catalog, as a value.
//!
//! A change says what is to be; [`Control`](super::Control) decides whether it will be.

use std::path::PathBuf;

use super::files::Files;
use crate::model::source::Source;
use crate::model::violation::Violation;

/// An edit of the catalog.
#[derive(Clone, Debug)]
pub enum Change {
    /// The catalog becomes what these sources say.
    Replace(Vec<Source>),
    /// The catalog becomes what the files below this directory say; each of them is read, touched or not.
    ///
    /// They are read while the writer's lock is held: of two rereadings, the one applied last has read last.
    Reread(PathBuf),
    /// As [`Change::Reread`], but a file that looks as it did when it was read last is not opened.
    ///
    /// For looking often. A file system whose times lie can hide an edit from it.
    Refresh(PathBuf),
}

impl Change {
    /// Returns the whole text of the catalog after this change.
    pub(super) fn into_sources(self, files: &mut Files) -> Result<Vec<Source>, Vec<Violation>> {
        match self {
            Self::Replace(sources) => Ok(sources),
            Self::Reread(dir) => {
                files.forget();
                files.read_settled(&dir)
            }
            Self::Refresh(dir) => files.read_settled(&dir),
        }
    }
}
