//! The only writer of the catalog.
//!
//! [`Control::apply`] is the journey of a change, from top to bottom: lock, read, believe, prepare, commit. Everything
//! that can fail comes before the one step that can be seen. Where changes come from (files, signals, a socket) and how
//! traffic is served are left to others; [`publish::Publish`] is all that is asked of them.

pub mod change;
mod content;
pub mod files;
pub mod publish;
mod status;

use std::fmt;
use std::hash::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::status::{Applied, Effect, Status};

use self::change::Change;
use self::content::{Content, Recorder};
use self::files::Files;
use self::publish::{Publish, Revision};
use crate::model::catalog::Catalog;
use crate::model::source::{References, Source};
use crate::model::violation::Violation;

/// The only writer of the catalog.
pub struct Control {
    references: Box<dyn References + Send + Sync>,
    publish: Box<dyn Publish>,
    digest: RandomState,
    writer: Mutex<Writer>,
    status: Mutex<Status>,
    /// Locked for as long as it takes to copy a pointer.
    catalog: Mutex<Arc<Catalog>>,
}

/// Why a change was not applied. What was served before is still served.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The change does not make a catalog that can be served.
    #[error("the catalog is refused: {} violation(s)", violations.len())]
    Invalid {
        /// Everything that is wrong with it.
        violations: Vec<Violation>,
        /// Whether this differs from what was refused just before, and so is worth telling.
        news: bool,
    },
}

impl Control {
    /// Makes a writer that follows references and publishes as told; it begins with nothing served.
    pub fn new(references: Box<dyn References + Send + Sync>, publish: Box<dyn Publish>) -> Self {
        let (writer, status) = (Mutex::default(), Mutex::default());
        Self {
            references,
            publish,
            digest: RandomState::new(),
            writer,
            status,
            catalog: Mutex::default(),
        }
    }

    /// Applies a change: all of it is live when this returns, or none of it ever is.
    ///
    /// A change that leaves everything as it is served publishes nothing and keeps the revision.
    ///
    /// # Errors
    ///
    /// Returns every violation of a refused change; the last good catalog stays.
    pub fn apply(&self, change: Change) -> Result<Applied, ControlError> {
        let mut writer = lock(&self.writer);
        let is_read = matches!(change, Change::Reread(_) | Change::Refresh(_));
        let sources = match change.into_sources(&mut writer.files) {
            Ok(sources) => sources,
            Err(violations) => return Err(self.refuse(&mut writer, None, violations)),
        };
        if is_read && sources.is_empty() && lock(&self.status).apis > 0 {
            return Err(self.refuse(&mut writer, None, vec![vanished()]));
        }
        if writer.serves(&sources, &*self.references, &self.digest) {
            return Ok(self.keep(&mut writer));
        }
        let recorder = Recorder::new(&*self.references, &self.digest);
        let revision = Revision(writer.revision.0 + 1);
        let prepared = Catalog::believe(&sources, &recorder)
            .and_then(|catalog| Ok((self.publish.prepare(revision, &catalog)?, catalog)));
        let content = recorder.content(&sources);
        let (commit, catalog) = match prepared {
            Ok(prepared) => prepared,
            Err(violations) => return Err(self.refuse(&mut writer, Some(content), violations)),
        };
        let apis = catalog.apis().len();
        *lock(&self.catalog) = Arc::new(catalog);
        commit();
        writer.revision = revision;
        writer.served = Some(content);
        writer.refused = None;
        lock(&self.status).publish(revision, apis);
        Ok(Applied {
            revision,
            apis,
            effect: Effect::Published,
        })
    }

    /// Does everything that [`Control::apply`] does before the first thing that can be seen.
    ///
    /// # Errors
    ///
    /// Returns every violation that would keep the change from being applied.
    pub fn check(&self, change: Change) -> Result<Catalog, Vec<Violation>> {
        let mut writer = lock(&self.writer);
        let sources = change.into_sources(&mut writer.files)?;
        let catalog = Catalog::believe(&sources, &*self.references)?;
        drop(self.publish.prepare(Revision(writer.revision.0 + 1), &catalog)?);
        Ok(catalog)
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
        Arc::clone(&lock(&self.catalog))
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

/// Says that nothing is left of a catalog that is served: what a volume looks like that is not mounted.
fn vanished() -> Violation {
    Violation {
        file: String::new(),
        line: 0,
        column: 0,
        path: String::new(),
        message: "the catalog directory holds no file any more".to_owned(),
        fix: Some("mount it again; to serve nothing, keep a file without APIs".to_owned()),
    }
}

/// What only the one who holds the writer's lock may see.
#[derive(Debug, Default)]
struct Writer {
    files: Files,
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
