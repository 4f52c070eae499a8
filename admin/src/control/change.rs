//! Every edit of the catalog, as a value.
//!
//! A change says what is to be; [`Control`](super::Control) decides whether it will be.

use std::path::{Path, PathBuf};

use super::ControlError;
use super::edit::{self, Draft, Edit, EditError, Edited};
use super::files::Files;
use super::history::Texts;
use super::publish::Revision;
use super::stated::Stated;
use crate::model::source::Source;

/// An edit of the catalog.
#[derive(Clone, Debug)]
pub enum Change {
    /// The files below a directory become others; all that are not among them go.
    Become(Whole),
    /// These edits are made in the files below this directory: all of them, or none.
    Edit(PathBuf, Vec<Edit>),
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

/// All files of a catalog, in the place of those that are there.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The catalog directory.
    pub dir: PathBuf,
    /// The texts, by their names below it.
    pub texts: Texts,
    /// The revision that they take the place of, where no other is to be replaced.
    pub instead_of: Option<Revision>,
    /// Whether files that were edited and are not served, or cannot be, are replaced, too. They are in no history.
    pub forces: bool,
}

/// Who makes a change, and what is said of it in the history.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Author {
    /// Who it is; `files` for whoever edits them.
    pub actor: String,
    /// What is done.
    pub note: String,
}

impl Author {
    /// Says that somebody edited the files.
    pub fn of_files() -> Self {
        Self {
            actor: "files".to_owned(),
            note: "the files were edited".to_owned(),
        }
    }
}

/// The texts of a catalog after a change, and what is to be written for it.
#[derive(Debug, Default)]
pub(super) struct Proposal {
    pub(super) sources: Vec<Source>,
    pub(super) edited: Vec<Edited>,
    /// The files to write, and the directory that they lie in; nothing, where the files were read.
    pub(super) written: Option<(PathBuf, Vec<Draft>)>,
}

impl Change {
    /// Tells whether somebody else wrote the files.
    pub(super) fn is_of_files(&self) -> bool {
        match self {
            Self::Become(_) | Self::Edit(..) => false,
            Self::Replace(_) | Self::Reread(_) | Self::Refresh(_) => true,
        }
    }

    /// Returns the whole text of the catalog after this change. `before` helps to look at files only once.
    pub(super) fn propose(self, files: &mut Files, before: &Stated) -> Result<Proposal, ControlError> {
        let sources = match self {
            Self::Become(whole) => {
                let now = whole.replaced(files, before)?;
                let Whole { dir, texts, .. } = whole;
                let written = differences(&dir, now, &texts);
                let sources = texts.into_iter().map(|(name, text)| Source {
                    name: named(&dir, &name).into(),
                    text: text.into(),
                });
                return Ok(Proposal {
                    sources: sources.collect(),
                    written: Some((dir, written)),
                    edited: Vec::new(),
                });
            }
            Self::Edit(dir, edits) => {
                let sources = files.read_settled(&dir).map_err(ControlError::Unreadable)?;
                let stated = Stated::of(&sources, before);
                let edit::Drafts { sources, files, edited } = edit::draft(&dir, &stated, edits)?;
                return Ok(Proposal {
                    sources,
                    edited,
                    written: Some((dir, files)),
                });
            }
            Self::Replace(sources) => sources,
            Self::Reread(dir) => {
                files.forget();
                files.read_settled(&dir).map_err(ControlError::Unreadable)?
            }
            Self::Refresh(dir) => files.read_settled(&dir).map_err(ControlError::Unreadable)?,
        };
        Ok(Proposal {
            sources,
            ..Proposal::default()
        })
    }
}

impl Whole {
    /// Returns the files that are there, unless somebody's work would be lost with them.
    fn replaced(&self, files: &mut Files, served: &Stated) -> Result<Vec<Source>, ControlError> {
        if self.instead_of.is_some_and(|meant| meant != served.revision()) {
            return Err(EditError::Overtaken(served.revision()).into());
        }
        if self.forces {
            return Files::read_whatever(&self.dir).map_err(ControlError::Unreadable);
        }
        let now = files.read_settled(&self.dir).map_err(ControlError::Unreadable)?;
        let is_served = served.is(&now);
        if is_served {
            Ok(now)
        } else {
            Err(EditError::Unserved.into())
        }
    }
}

/// Tells what is to be written so that files become others.
fn differences(dir: &Path, now: Vec<Source>, then: &Texts) -> Vec<Draft> {
    let mut then: Texts = then
        .iter()
        .map(|(name, text)| (named(dir, name), text.clone()))
        .collect();
    let mut drafts = Vec::new();
    for Source { name, text } in now {
        let after = then.remove(&*name);
        if after.as_deref() != Some(&*text) {
            drafts.push(Draft {
                name: name.to_string(),
                before: Some(text.to_string()),
                after,
            });
        }
    }
    drafts.extend(then.into_iter().map(|(name, text)| Draft {
        name,
        before: None,
        after: Some(text),
    }));
    drafts
}

fn named(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}
