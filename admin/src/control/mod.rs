//! The only writer of the catalog.
//!
//! [`Control::change`] is the journey of a change, from top to bottom: lock, read, draft, believe, prepare, write, commit.
//! Everything that can fail comes before the one step that can be seen. Where changes come from (files, signals, the
//! admin API) and how traffic is served are left to others; [`publish::Publish`] is all that is asked of them.

pub mod change;
mod content;
pub mod diff;
pub mod edit;
pub mod etag;
pub mod files;
pub mod history;
mod judging;
mod keeping;
pub mod object;
pub mod publish;
pub mod secrets;
pub mod stated;
mod status;

use std::fmt;
use std::hash::RandomState;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::status::{Applied, Changed, Effect, Status};

use self::change::{Author, Change};
use self::content::Content;
use self::edit::EditError;
use self::files::{Files, Fingerprint, WriteError};
use self::history::History;
use self::judging::{Anew, Judged, Unjudged};
use self::publish::{Publish, Revision};
use self::stated::Stated;
use crate::model::catalog::{Catalog, Kept};
use crate::model::source::{References, Source};
use crate::model::violation::Violation;

/// The only writer of the catalog.
pub struct Control {
    references: Box<dyn References + Send + Sync>,
    publish: Box<dyn Publish>,
    digest: RandomState,
    writer: Mutex<Writer>,
    history: Option<(PathBuf, Mutex<History>)>,
    status: Mutex<Status>,
    /// Locked for as long as it takes to copy two pointers.
    live: Mutex<(Arc<Catalog>, Arc<Stated>)>,
}

/// Why a change was not applied. What was served before is still served.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The files do not make a catalog that can be served.
    #[error("the catalog is refused: {} violation(s)", violations.len())]
    Invalid {
        /// Everything that is wrong with it.
        violations: Vec<Violation>,
        /// Whether this differs from what was refused just before, and so is worth telling.
        news: bool,
    },
    /// The files do not make a catalog, with or without the edits.
    #[error("the files are refused as they are: {} violation(s)", .0.len())]
    Broken(Vec<Violation>),
    /// An edit cannot be made.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The edits do not leave a catalog that can be served.
    #[error("the change is refused: {} violation(s)", violations.len())]
    Refused {
        /// Everything that is wrong with the catalog that it would leave.
        violations: Vec<Violation>,
        /// What the edits would have done, in their order.
        edited: Vec<edit::Edited>,
    },
    /// The files cannot be read.
    #[error("the files cannot be read: {} violation(s)", .0.len())]
    Unreadable(Vec<Violation>),
    /// The files cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl ControlError {
    /// Returns what is wrong, as violations; what is no file's fault blames none.
    pub fn into_violations(self) -> Vec<Violation> {
        match self {
            Self::Broken(violations)
            | Self::Invalid { violations, .. }
            | Self::Refused { violations, .. }
            | Self::Unreadable(violations) => violations,
            Self::Edit(_) | Self::Write(_) => vec![judging::nowhere(self.to_string(), None)],
        }
    }
}

impl Control {
    /// Makes a writer that follows references and publishes as told; it begins with nothing served.
    pub fn new(references: Box<dyn References + Send + Sync>, publish: Box<dyn Publish>) -> Self {
        Self {
            references,
            publish,
            digest: RandomState::new(),
            writer: Mutex::default(),
            history: None,
            status: Mutex::default(),
            live: Mutex::default(),
        }
    }

    /// Keeps what is served in a history, by the names of files below `dir`. Revisions go on from its last one.
    #[must_use]
    pub fn keeping(self, dir: PathBuf, history: History) -> Self {
        lock(&self.writer).revision = history.head().map(|head| head.revision).unwrap_or_default();
        Self {
            history: Some((dir, Mutex::new(history))),
            ..self
        }
    }

    /// Applies what somebody did to the files: all of it is live when this returns, or none of it ever is.
    ///
    /// # Errors
    ///
    /// Returns every violation of a refused change; the last good catalog stays.
    pub fn apply(&self, change: Change) -> Result<Applied, ControlError> {
        self.change(change, &Author::of_files()).map(|changed| changed.applied)
    }

    /// Applies a change, and keeps it in the history under its author's name.
    ///
    /// A change that leaves everything as it is served publishes nothing and keeps the revision.
    ///
    /// # Errors
    ///
    /// Returns why a change was not applied; the last good catalog stays, and the files are as they were.
    pub fn change(&self, change: Change, author: &Author) -> Result<Changed, ControlError> {
        self.make(&mut lock(&self.writer), change, author)
    }

    /// Applies what somebody did to the files, as [`Change::Refresh`] does, and tells what the directory looked like when
    /// it was read for that, whatever came of it.
    pub fn refresh(&self, dir: PathBuf) -> (Result<Applied, ControlError>, Fingerprint) {
        let mut writer = lock(&self.writer);
        let changed = self.make(&mut writer, Change::Refresh(dir), &Author::of_files());
        (changed.map(|changed| changed.applied), writer.files.seen())
    }

    fn make(&self, writer: &mut Writer, change: Change, author: &Author) -> Result<Changed, ControlError> {
        let is_of_files = change.is_of_files();
        let (proposal, judged) =
            self.judged(writer, change, Anew::WhereItDiffers)
                .map_err(|unjudged| match *unjudged {
                    Unjudged {
                        error: ControlError::Unreadable(violations) | ControlError::Refused { violations, .. },
                        content,
                    } if is_of_files => self.refuse(writer, content, violations),
                    Unjudged { error, .. } => error,
                })?;
        let written = proposal.written.iter().find(|(_, drafts)| !drafts.is_empty());
        if let Some((dir, drafts)) = written {
            writer.files.write(dir, drafts)?;
        }
        let written = written.map_or(0, |(_, drafts)| drafts.len());
        let applied = match judged {
            Some(judged) => self.publish(writer, judged, author),
            None => self.keep(writer),
        };
        Ok(Changed {
            applied,
            edited: proposal.edited,
            written,
        })
    }

    /// Does everything that [`Control::change`] does before the first thing that can be seen, and says what would become
    /// of the edits.
    ///
    /// # Errors
    ///
    /// Returns why the change would not be applied.
    pub fn try_out(&self, change: Change) -> Result<Changed, ControlError> {
        let mut writer = lock(&self.writer);
        let (proposal, judged) = self
            .judged(&mut writer, change, Anew::WhereItDiffers)
            .map_err(|unjudged| unjudged.error)?;
        let Status { revision, apis, .. } = self.status();
        let applied = judged.map_or(
            Applied {
                revision,
                apis,
                effect: Effect::Unchanged,
            },
            |judged| Applied {
                revision: judged.revision,
                apis: judged.catalog.apis().len(),
                effect: Effect::Published,
            },
        );
        Ok(Changed {
            applied,
            edited: proposal.edited,
            written: 0,
        })
    }

    /// Returns the catalog that files would make.
    ///
    /// # Errors
    ///
    /// Returns every violation that would keep them from being served.
    pub fn check(&self, change: Change) -> Result<Catalog, Vec<Violation>> {
        let mut writer = lock(&self.writer);
        let judged = self.judged(&mut writer, change, Anew::Always);
        let (_, judged) = judged.map_err(|unjudged| unjudged.error.into_violations())?;
        Ok(judged.map_or_else(|| Catalog::clone(&self.catalog()), |judged| judged.catalog))
    }

    /// Makes a catalog live, which cannot fail, and keeps it in the history.
    fn publish(&self, writer: &mut Writer, judged: Judged, author: &Author) -> Applied {
        let Judged {
            revision,
            is_known,
            commit,
            catalog,
            content,
            stated,
        } = judged;
        let (apis, stated) = (catalog.apis().len(), Arc::new(stated));
        let before = std::mem::replace(&mut *lock(&self.live), (Arc::new(catalog), Arc::clone(&stated))).1;
        commit();
        let is_first = writer.served.is_none();
        writer.revision = revision;
        writer.served = Some(content);
        writer.refused = None;
        lock(&self.status).publish(revision, apis);
        if !is_known && let Err(reason) = self.remember(&stated, (!is_first).then_some(&before), author) {
            tracing::error!(revision = revision.0, %reason, "the catalog is served, but the history does not have it");
        }
        Applied {
            revision,
            apis,
            effect: Effect::Published,
        }
    }

    /// Tells whether something that the served catalog refers to, such as a certificate file, has changed since.
    ///
    /// It reads what it compares; a change under way makes it wait.
    pub fn is_outdated(&self) -> bool {
        let writer = lock(&self.writer);
        let outdated = |content: &Content| content.is_outdated(&*self.references, &self.digest);
        match &writer.refused {
            Some(refused) => refused.content.as_ref().is_some_and(outdated),
            None => writer.served.as_ref().is_some_and(outdated),
        }
    }

    /// Returns the catalog that is served; an empty one before the first.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&lock(&self.live).0)
    }

    /// Returns what the catalog that is served states.
    pub fn stated(&self) -> Arc<Stated> {
        Arc::clone(&lock(&self.live).1)
    }

    /// Returns what is served, and what is wrong with the change refused last if none was applied since.
    pub fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    fn keep(&self, writer: &mut Writer) -> Applied {
        let effect = if writer.refused.take().is_some() {
            Effect::Restored
        } else {
            Effect::Unchanged
        };
        let mut status = lock(&self.status);
        status.violations.clear();
        Applied {
            revision: status.revision,
            apis: status.apis,
            effect,
        }
    }

    fn refuse(&self, writer: &mut Writer, content: Option<Content>, violations: Vec<Violation>) -> ControlError {
        let refused = Refused {
            content,
            violations: violations.clone(),
        };
        let news = writer.refused.replace(refused.clone()) != Some(refused);
        lock(&self.status).violations.clone_from(&violations);
        ControlError::Invalid { violations, news }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// What only the one who holds the writer's lock may see.
#[derive(Debug, Default)]
struct Writer {
    files: Files,
    pages: Kept,
    revision: Revision,
    served: Option<Content>,
    refused: Option<Refused>,
}

impl Writer {
    fn serves(&self, sources: &[Source], references: &dyn References, digest: &RandomState) -> bool {
        self.served
            .as_ref()
            .is_some_and(|served| served.is(sources, references, digest))
    }
}

/// The change that was refused last; without content where it could not even be read.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Refused {
    content: Option<Content>,
    violations: Vec<Violation>,
}

/// Locks, even if another thread broke while it held the lock: what is guarded here is replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
