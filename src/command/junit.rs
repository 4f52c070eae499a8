//! What came of policy tests as a JUnit report, which pipelines show: a suite for each file.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::trial::Outcome;

/// Writes a report.
///
/// # Errors
///
/// Returns why the file cannot be written.
pub(super) fn write(file: &Path, outcomes: &[Outcome]) -> io::Result<()> {
    fs::write(file, text(outcomes)?)
}

fn text(outcomes: &[Outcome]) -> io::Result<String> {
    let mut report = Report::new("tollgate test");
    for of_file in outcomes.chunk_by(|one, next| one.file == next.file) {
        let Some(first) = of_file.first() else { continue };
        let mut suite = TestSuite::new(first.file.as_str());
        suite.add_test_cases(of_file.iter().map(case));
        suite.set_time(of_file.iter().map(took).sum::<Duration>());
        report.add_test_suite(suite);
    }
    report.set_time(outcomes.iter().map(took).sum::<Duration>());
    report.to_string().map_err(io::Error::other)
}

fn case(outcome: &Outcome) -> TestCase {
    let status = if outcome.passed {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("policy").set_message(outcome.summary());
        let mut lines = vec![
            format!("{}:{}:{}", outcome.file, outcome.line, outcome.column),
            outcome.request.clone(),
        ];
        lines.push(outcome.summary());
        lines.extend(outcome.why());
        status.set_description(lines.join("\n"));
        status
    };
    let mut case = TestCase::new(outcome.name.as_str(), status);
    case.set_classname(outcome.file.as_str()).set_time(took(outcome));
    case
}

fn took(outcome: &Outcome) -> Duration {
    Duration::from_micros(outcome.micros)
}
