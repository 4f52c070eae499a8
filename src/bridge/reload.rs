//! One reload, whoever asked for it: the watcher, a signal, or the control socket.
//!
//! It hands the catalog directory to [`Control`], writes the one log line that the outcome deserves, and tells an
//! observer, so that metrics and readiness need not know who asked.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use admin::control::change::{Author, Change};
use admin::control::files::{self, Fingerprint};
use admin::control::publish::Revision;
use admin::control::{Applied, Changed, Control, ControlError, Effect, Status};
use parking_lot::Mutex;
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
    /// What the policy tests looked like when they passed last; nothing where none is required.
    passed: Option<Arc<Mutex<Option<Fingerprint>>>>,
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
            passed: None,
        }
    }

    /// Runs the policy tests of the directory also where only they have changed, if they are required to pass; to be said
    /// before the first catalog is applied, which runs them as they are now.
    #[must_use]
    pub fn requiring_tests(self, are_required: bool) -> Self {
        let looked = || Arc::new(Mutex::new(Some(files::fingerprint_tests(&self.catalog))));
        Self {
            passed: are_required.then(looked),
            ..self
        }
    }

    /// Reads every file of the catalog directory and serves what they say, or leaves everything as it is. It blocks.
    ///
    /// # Errors
    ///
    /// Returns every violation that keeps the files from being served.
    pub fn run(&self) -> Result<Outcome, Vec<Violation>> {
        let tests = self.tests();
        self.conclude(
            tests,
            behind_traffic(|| self.control.apply(Change::Reread(self.catalog.to_path_buf()))),
        )
    }

    /// As [`Self::run`], but opens only the files that were touched since. Whatever becomes of it is told; what is
    /// returned is what the directory and its policy tests looked like before their texts were read.
    pub(super) fn refresh(&self) -> (Fingerprint, Option<Fingerprint>) {
        let tests = self.tests();
        let (applied, seen) = behind_traffic(|| self.control.refresh(self.catalog.to_path_buf()));
        let _ = self.conclude(tests, applied);
        (seen, tests)
    }

    fn conclude(
        &self,
        tests: Option<Fingerprint>,
        applied: Result<Applied, ControlError>,
    ) -> Result<Outcome, Vec<Violation>> {
        let outcome = match applied {
            Ok(applied) => self.tested(tests, tell(applied)),
            Err(ControlError::Invalid { violations, news }) => {
                if news {
                    tell_refusal(&violations, self.control.status().revision);
                }
                Err(violations)
            }
            Err(
                error @ (ControlError::Broken(_)
                | ControlError::Edit(_)
                | ControlError::Refused { .. }
                | ControlError::Unreadable(_)
                | ControlError::Write(_)),
            ) => Err(error.into_violations()),
        };
        (self.observe)(&outcome);
        outcome
    }

    /// Makes a change that did not come from the files, and tells of it as of any other. It blocks.
    ///
    /// # Errors
    ///
    /// Returns why the change was not made.
    pub(super) fn edit(&self, change: Change, author: &Author) -> Result<Changed, ControlError> {
        let changed = behind_traffic(|| self.control.change(change, author))?;
        (self.observe)(&Ok(tell(changed.applied)));
        Ok(changed)
    }

    /// Says what would come of a change. It blocks.
    ///
    /// # Errors
    ///
    /// Returns why the change would not be made.
    pub(super) fn rehearse(&self, change: Change) -> Result<Changed, ControlError> {
        behind_traffic(|| self.control.try_out(change))
    }

    /// Runs the policy tests where they have changed and the catalog has not: what is served stays, and whoever changed
    /// them is told now that the next change would be refused.
    fn tested(&self, tests: Option<Fingerprint>, outcome: Outcome) -> Result<Outcome, Vec<Violation>> {
        let Some(passed) = &self.passed else { return Ok(outcome) };
        if outcome.unchanged && *passed.lock() != tests {
            let change = Change::Refresh(self.catalog.to_path_buf());
            if let Err(violations) = behind_traffic(|| self.control.check(change)) {
                tell_refusal(&violations, outcome.revision);
                return Err(violations);
            }
        }
        *passed.lock() = tests;
        Ok(outcome)
    }

    /// Looks at the policy tests that are required to pass, without reading their texts.
    fn tests(&self) -> Option<Fingerprint> {
        self.passed.as_ref()?;
        Some(behind_traffic(|| files::fingerprint_tests(&self.catalog)))
    }

    /// Returns what is served, and what keeps the files from being served.
    pub fn status(&self) -> Status {
        self.control.status()
    }

    /// Returns the catalog directory.
    pub(super) fn catalog(&self) -> &PathBuf {
        &self.catalog
    }

    /// Looks at the catalog directory without reading its texts, and at its policy tests where they are required.
    pub(super) fn fingerprint(&self) -> (Fingerprint, Option<Fingerprint>) {
        (behind_traffic(|| files::fingerprint(&self.catalog)), self.tests())
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
