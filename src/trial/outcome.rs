//! What came of a test, as people and programs are told.

use std::time::Duration;

use serde::Serialize;

use super::Trial;
use crate::explain::explanation::{Explanation, Outcome as Passing, Step};
use crate::explain::question::Unclear;
use crate::model::reader::Places;
use crate::model::violation::Violation;

/// What came of a test.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// The file that states it.
    pub file: String,
    /// The line of its name, from 1.
    pub line: usize,
    /// The column of its name in characters, from 1.
    pub column: usize,
    /// Whether everything came out as expected.
    pub passed: bool,
    /// The method and the path of its request.
    pub request: String,
    /// What came out otherwise, of the first request of which anything did.
    pub differences: Vec<Difference>,
    /// What each stage said of that request; empty where the test passed.
    pub steps: Vec<Step>,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// Something that came out otherwise.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Difference {
    /// What of it, such as `status`; with `then.` before it, of the last request.
    pub field: String,
    /// What was expected.
    pub expected: String,
    /// What came out.
    pub got: String,
    /// Which of the test's requests it was, from 1.
    pub request: u32,
    /// The line that states what was expected, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
}

/// A place in a file of tests.
#[derive(Clone, Debug)]
pub(super) struct Position {
    file: String,
    line: usize,
    column: usize,
}

impl Position {
    pub(super) fn of(places: &Places, path: &str) -> Self {
        let place = places.place(path);
        Self {
            file: places.file().to_string(),
            line: place.line,
            column: place.column,
        }
    }
}

impl Difference {
    /// Says that something came out otherwise than a place states.
    pub(super) fn new(field: String, (expected, got): (String, String), position: &Position) -> Self {
        Self {
            field,
            expected,
            got,
            request: 1,
            line: position.line,
            column: position.column,
        }
    }

    /// Says that nothing can be told of a request.
    pub(super) fn unclear(unclear: &Unclear, position: &Position) -> Self {
        let told = ("a decision".to_owned(), unclear.to_string());
        Self::new("request".to_owned(), told, position)
    }
}

impl Outcome {
    pub(super) fn of(trial: &Trial, differences: Vec<Difference>, last: Option<Explanation>, took: Duration) -> Self {
        let Position { file, line, column } = trial.place("name");
        let passed = differences.is_empty();
        let path = trial.question.url.split('?').next().unwrap_or_default();
        Self {
            name: trial.name.clone(),
            file,
            line,
            column,
            passed,
            request: format!("{} {path}", trial.question.method),
            differences,
            steps: last.filter(|_| !passed).map(|last| last.steps).unwrap_or_default(),
            micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// Says in one line what came out otherwise.
    pub fn summary(&self) -> String {
        let each = self.differences.iter().map(|difference| {
            let Difference {
                field, expected, got, ..
            } = difference;
            format!("{field}: expected {expected}, got {got}")
        });
        let what = each.collect::<Vec<_>>().join("; ");
        match self.differences.first() {
            Some(difference) if difference.request > 1 => format!("request {}: {what}", difference.request),
            Some(_) | None => what,
        }
    }

    /// Says why the last request was refused, with the line behind it, where it was.
    pub fn why(&self) -> Option<String> {
        let refusing = self.steps.iter().find(|step| step.outcome == Passing::Refused)?;
        Some(match refusing.rule.as_str() {
            "" => format!("{}: {}", refusing.stage, refusing.says),
            rule => format!("{}: {} ({rule})", refusing.stage, refusing.says),
        })
    }
}

/// Blames each test that fails, for whoever demands that all of them pass.
pub fn violations(outcomes: &[Outcome]) -> Vec<Violation> {
    let failing = outcomes.iter().filter(|outcome| !outcome.passed);
    let blame = |outcome: &Outcome| {
        let place = outcome.differences.first();
        let place = place.map_or((outcome.line, outcome.column), |first| (first.line, first.column));
        Violation {
            file: outcome.file.clone(),
            line: place.0,
            column: place.1,
            path: String::new(),
            message: format!("the policy test `{}` fails: {}", outcome.name, outcome.summary()),
            fix: outcome.why(),
        }
    };
    failing.map(blame).collect()
}
