//! Policy tests: what is to come of requests, held against a catalog that need not be served.
//!
//! [`judge`] reads files of tests and runs them against a compiled catalog. A request goes through the admission of
//! traffic ([`rehearsal`](crate::explain::rehearsal)); nothing here decides what becomes of it. A test begins with empty
//! counts at the same moment of the same day, whenever it is run, and its clock is stepped.

mod believe;
mod compare;
mod document;
mod outcome;
mod stage;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use schemars::generate::SchemaSettings;
use serde_json::Value;

use self::document::Expect;
use self::outcome::Position;
use self::stage::{Cast, Stage};
use crate::counting::Counts;
use crate::explain::explanation::Explanation;
use crate::explain::question::Question;
use crate::explain::rehearsal::Rehearsal;
use crate::forwarding::Trust;
use crate::model::catalog::Catalog;
use crate::model::instant::UnixTime;
use crate::model::reader::Places;
use crate::model::source::Source;
use crate::model::violation::Violation;
use crate::quota::{Ledger, Moment, Secret};
use crate::settings::Limits;
use crate::snapshot::Snapshot;

pub use self::outcome::{Difference, Outcome, violations};

/// What tests are held against.
#[derive(Clone, Copy, Debug)]
pub struct Against<'a> {
    /// The catalog.
    pub catalog: &'a Catalog,
    /// The same, compiled.
    pub snapshot: &'a Snapshot,
    /// How much a caller may use.
    pub limits: &'a Limits,
    /// Whose forwarding fields are believed.
    pub trust: &'a Trust,
}

/// A test, believed.
struct Trial {
    name: String,
    /// Where the file states it.
    path: String,
    places: Arc<Places>,
    question: Question,
    cast: Option<Arc<Cast>>,
    times: u32,
    every: Duration,
    expect: Expect,
    then: Option<Expect>,
}

/// Runs every test of some files, in their order.
///
/// # Errors
///
/// Returns everything that is wrong with the files; then none of their tests is run.
pub fn judge(sources: &[Source], against: Against<'_>) -> Result<Vec<Outcome>, Vec<Violation>> {
    let (mut trials, mut found) = (Vec::new(), Vec::new());
    for source in sources {
        match believe::believe(source, against.catalog) {
            Ok(believed) => trials.extend(believed),
            Err(violations) => found.extend(violations),
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    let run = Run {
        against,
        nobody: Stage::set(None, None, start()),
    };
    Ok(trials.iter().map(|trial| run.outcome(trial)).collect())
}

/// Returns the JSON Schema (draft 2020-12) of a file of tests.
pub fn schema() -> Value {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<document::Document>()
        .to_value()
}

/// Runs tests, one after the other.
struct Run<'a> {
    against: Against<'a>,
    /// The registry in which nobody is.
    nobody: Stage,
}

impl Run<'_> {
    fn outcome(&self, trial: &Trial) -> Outcome {
        let began = Instant::now();
        let stage = trial
            .cast
            .as_ref()
            .map(|cast| cast.stage(trial.question.client_ip, start()));
        let stage = stage.as_deref().unwrap_or(&self.nobody);
        let counts = Counts::new(Ledger::new(Secret::new([0; 16]), COUNTERS));
        let rehearsal = Rehearsal {
            snapshot: self.against.snapshot,
            credentials: &stage.credentials,
            counts: &counts,
            limits: self.against.limits,
            trust: self.against.trust,
        };
        let ask = |number: u32| {
            let since = trial.every.saturating_mul(number);
            rehearsal.explain(&trial.question, stage.shown.as_ref(), at(since))
        };
        let mut differences = Vec::new();
        let mut last: Option<Explanation> = None;
        for (number, (expect, key)) in trial.expectations() {
            match ask(number) {
                Ok(explanation) => {
                    differences = compare::differences(expect, &explanation, key, trial);
                    last = Some(explanation);
                }
                Err(unclear) => {
                    differences = vec![Difference::unclear(&unclear, &trial.place(key))];
                }
            }
            for difference in &mut differences {
                difference.request = number + 1;
            }
            if !differences.is_empty() {
                break;
            }
        }
        Outcome::of(trial, differences, last, began.elapsed())
    }
}

impl Trial {
    /// Returns each request by its number, with what is expected of it and the key that states so.
    fn expectations(&self) -> impl Iterator<Item = (u32, (&Expect, &'static str))> {
        let each = (0..self.times).map(|number| (number, (&self.expect, "expect")));
        each.chain(self.then.iter().map(|then| (self.times, (then, "then"))))
    }

    /// Returns where something of the test is stated.
    fn place(&self, key: &str) -> Position {
        Position::of(&self.places, &format!("{}.{key}", self.path))
    }
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn start() -> UnixTime {
    UnixTime(START)
}

/// Returns the moment so long after a test began.
fn at(since: Duration) -> (Moment, UnixTime) {
    let micros = Duration::from_secs(START).saturating_add(since).as_micros();
    let moment = Moment::new(since, i64::try_from(micros).unwrap_or(i64::MAX));
    (moment, UnixTime(START.saturating_add(since.as_secs())))
}

/// When every test begins: noon (UTC) of Tuesday, 1 January 2030, in the middle of every window of the calendar that
/// is shorter than a week.
const START: u64 = 1_893_499_200;

/// Counters of one test.
const COUNTERS: usize = 1_000;

/// No test sends more requests.
const MOST_TIMES: u32 = 100_000;

#[cfg(test)]
mod tests;
