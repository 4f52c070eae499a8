//! Edits of things that a catalog states, made in the texts of its files.
//!
//! Edits are made on copies of the texts, in their order; each sees what the ones before it did. What comes out is
//! judged as any other catalog.

mod bench;
mod merge;
mod pieces;
mod way;

use std::path::Path;

use serde_json::Value;
use thiserror::Error;

use super::object::Object;
use super::publish::Revision;
use super::stated::Stated;
use crate::model::source::Source;

/// An edit of one thing.
#[derive(Clone, Debug)]
pub struct Edit {
    /// What is edited.
    pub object: Object,
    /// What it becomes, in the shape of its table in a file; nothing, where it is to go.
    pub to: Option<Value>,
    /// What must be true of what it is before.
    pub only_if: OnlyIf,
    /// The API whose file a new scope goes to; shared scopes have none.
    pub within: Option<super::object::ApiId>,
}

/// What must be true of a thing before it is edited.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum OnlyIf {
    /// It is not there.
    Absent,
    /// Nothing, but that a thing that is to go is there.
    #[default]
    Anything,
    /// It says what has one of these marks.
    Is(Vec<String>),
    /// It is there.
    Present,
    /// It is not there, and whoever takes it for that is told so where it is.
    Unknown,
}

/// What an edit did.
#[derive(Clone, Debug, PartialEq)]
pub struct Edited {
    /// What was edited.
    pub object: Object,
    /// What it said before; nothing where it was not there.
    pub before: Option<Value>,
    /// What it says now; nothing where it is gone.
    pub after: Option<Value>,
    /// The file that states it, or did.
    pub file: String,
    /// The place in the file, as a path of keys.
    pub path: String,
}

/// Why an edit cannot be made.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum EditError {
    /// What was to be new is there already.
    #[error("{0} exists already")]
    Exists(Object),
    /// What it is to become states something that is no part of an API.
    #[error("`{0}` is no part of an API: it has a collection of its own")]
    Foreign(&'static str),
    /// What was to be edited, or to hold it, is not there.
    #[error("there is no {0}")]
    Missing(Object),
    /// What it is to become names another thing.
    #[error("`{key}` names another thing than {object}: names do not change")]
    Misnamed {
        /// What is edited.
        object: Object,
        /// The key that names another.
        key: &'static str,
    },
    /// What it is to become is no table.
    #[error("{0} is to be an object")]
    Shapeless(Object),
    /// Another catalog is served than the one that was to be replaced.
    #[error("revision {0} is served meanwhile")]
    Overtaken(Revision),
    /// It says something else than it was believed to.
    #[error("{object} was changed meanwhile")]
    Stale {
        /// What is edited.
        object: Object,
        /// The mark of what it says; nothing where it is not there.
        now: Option<String>,
    },
    /// The files were edited and are not served.
    #[error("the files were edited and are not what is served: they would be lost")]
    Unserved,
    /// The file that holds it cannot be edited by parts.
    #[error("`{0}` is not TOML that can be edited")]
    Unreadable(String),
}

/// The texts of a catalog after edits.
#[derive(Debug)]
pub(super) struct Drafts {
    pub(super) sources: Vec<Source>,
    /// The files that change: their names, and their texts before and after.
    pub(super) files: Vec<Draft>,
    pub(super) edited: Vec<Edited>,
}

/// A file that changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Draft {
    pub(super) name: String,
    /// Nothing, where the file is new.
    pub(super) before: Option<String>,
    /// Nothing, where the file goes.
    pub(super) after: Option<String>,
}

/// Makes edits on copies of the texts of a catalog directory.
///
/// # Errors
///
/// Returns why the first edit that cannot be made cannot.
pub(super) fn draft(dir: &Path, stated: &Stated, edits: Vec<Edit>) -> Result<Drafts, EditError> {
    let mut bench = bench::Bench::new(dir, stated);
    let mut edited = Vec::with_capacity(edits.len());
    for edit in edits {
        edited.push(bench.edit(edit)?);
    }
    let (sources, files) = bench.texts()?;
    Ok(Drafts { sources, files, edited })
}

#[cfg(test)]
mod tests;
