//! One reload, whoever asked for it: the watcher, a signal, or the control socket.
//!
//! It hands the catalog directory to [`Control`], writes the one log line that the outcome deserves, and tells an
//! observer, so that metrics and readiness need not know who asked.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use admin::control::change::Change;
use admin::control::files::{self, Fingerprint};
use admin::control::publish::Revision;
use admin::control::{Applied, Control, ControlError, Effect, Status};
use serde::{Deserialize, Serialize};
use tracing::{error, info};

use super::courtesy::behind_traffic;
use crate::model::violation::Violation;

/// Rereads the catalog directory; cheap to clone.
#[derive(Clone)]
pub struct Reload {
    control: Arc<Control>,
    catalog: Arc<PathBuf>,
    observe: Arc<Observe>,
}

/// Is told of each reload and what it led to.
pub type Observe = dyn Fn(&Result<Outcome, Vec<Violation>>) + Send + Sync;

/// What a reload that was not refused led to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Outcome {
    /// The revision that is served.
    pub revision: Revision,
    /// How many APIs it holds.
    pub apis: usize,
    /// Whether it was served before, too.
    pub unchanged: bool,
}

impl Reload {
    /// Makes reloads of a catalog directory.
    pub fn new(control: Arc<Control>, catalog: PathBuf, observe: Box<Observe>) -> Self {
        Self {
            control,
            catalog: Arc::new(catalog),
            observe: Arc::from(observe),
        }
    }

    /// Reads every file of the catalog directory and serves what they say, or leaves everything as it is. It blocks.
    ///
    /// # Errors
    ///
    /// Returns every violation that keeps the files from being served.
    pub fn run(&self) -> Result<Outcome, Vec<Violation>> {
        self.apply(Change::Reread(self.catalog.to_path_buf()))
    }

    /// As [`Self::run`], but opens only the files that were touched since.
    pub(super) fn refresh(&self) -> Result<Outcome, Vec<Violation>> {
        self.apply(Change::Refresh(self.catalog.to_path_buf()))
    }

    fn apply(&self, change: Change) -> Result<Outcome, Vec<Violation>> {
        let outcome = match behind_traffic(|| self.control.apply(change)) {
            Ok(applied) => Ok(tell(applied)),
            Err(ControlError::Invalid { violations, news }) => {
                if news {
                    tell_refusal(&violations, self.control.status().revision);
                }
                Err(violations)
            }
        };
        (self.observe)(&outcome);
        outcome
    }

    /// Returns what is served, and what keeps the files from being served.
    pub fn status(&self) -> Status {
        self.control.status()
    }

    /// Returns the catalog directory.
    pub(super) fn catalog(&self) -> &PathBuf {
        &self.catalog
    }

    /// Looks at the catalog directory without reading its texts.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        behind_traffic(|| files::fingerprint(&self.catalog))
    }

    /// Tells whether something that the catalog refers to has changed outside of its directory.
    pub(super) fn is_outdated(&self) -> bool {
        self.control.is_outdated()
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload")
            .field("catalog", &self.catalog)
            .finish_non_exhaustive()
    }
}

fn tell(applied: Applied) -> Outcome {
    let Applied { revision, apis, effect } = applied;
    match effect {
        Effect::Published => info!(revision = revision.0, apis, "catalog published"),
        Effect::Restored => info!(revision = revision.0, apis, "catalog files are what is served again"),
        Effect::Unchanged => {}
    }
    Outcome {
        revision,
        apis,
        unchanged: effect != Effect::Published,
    }
}

/// Names every place, one line each, below one line that says what it means.
fn tell_refusal(violations: &[Violation], revision: Revision) {
    error!(
        violations = violations.len(),
        serving = revision.0,
        "catalog refused, the last good one stays"
    );
    for violation in violations.iter().take(MOST_TOLD) {
        error!(place = %place(violation), fix = violation.fix.as_deref(), "{}", violation.message);
    }
    if violations.len() > MOST_TOLD {
        error!(
            untold = violations.len() - MOST_TOLD,
            "and more; `tollgate check` lists all"
        );
    }
}

fn place(violation: &Violation) -> String {
    let Violation { file, line, column, .. } = violation;
    if *line == 0 {
        file.clone()
    } else {
        format!("{file}:{line}:{column}")
    }
}

/// A refusal takes at most so many lines of the log.
const MOST_TOLD: usize = 100;
