//! `tollgate test`: the policy tests of a catalog, run against its files, with nobody asked and nothing served.

use std::io::{self, Write};
use std::path::PathBuf;

use admin::control::change::Change;
use admin::control::{Control, files};
use clap::Args;
use serde::Serialize;

use super::check::{Format, counted};
use super::conf::ConfArgs;
use super::exit::Exit;
use super::explain;
use super::junit;
use super::output::Output;
use super::render;
use crate::boot;
use crate::model::source::Source;
use crate::model::violation::Violation;
use crate::settings::{Environment, Settings};
use crate::trial::Outcome;

/// Run the policy tests of the catalog.
///
/// A test states a request, who sends it, and what is to come of it. It goes through the same admission as traffic,
/// against the files as they are: no gateway and no registry is asked, no backend is called, and quotas are counted
/// anew for each test. Without files, all of conf/catalog/tests/*.toml are run.
#[derive(Args, Clone, Debug, Default)]
#[command(after_long_help = "\
Examples:
  tollgate test                                        every test of conf/catalog/tests
  tollgate test conf/catalog/tests/orgnews.toml        those of one file
  tollgate test --conf /etc/tollgate --junit out.xml   for a pipeline that shows JUnit reports
  tollgate test --format json | jq '.tests[] | select(.passed | not)'

Exit codes: 0 all pass, 1 some fail, 2 the tests, the catalog or the settings are broken.")]
pub struct TestArgs {
    #[command(flatten)]
    conf: ConfArgs,
    /// Files of tests
    files: Vec<PathBuf>,
    /// Write a JUnit report, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// How the result is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What came of the tests, for programs.
#[derive(Serialize)]
struct Report<'o> {
    passed: usize,
    failed: usize,
    tests: &'o [Outcome],
}

/// Runs policy tests.
///
/// # Errors
///
/// Returns why the result could not be written.
pub fn run(args: &TestArgs, environment: &Environment, out: &mut Output<'_>, err: &mut Output<'_>) -> io::Result<Exit> {
    let outcomes = match outcomes(args, environment) {
        Ok(outcomes) => outcomes,
        Err(violations) => return render::violations(&violations, err).map(|()| Exit::Refused),
    };
    if let Some(file) = &args.junit
        && let Err(reason) = junit::write(file, &outcomes)
    {
        writeln!(err, "error: cannot write `{}`: {reason}", file.display())?;
        return Ok(Exit::Failed);
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    match args.format {
        Format::Json => {
            let passed = outcomes.len() - failed;
            let report = Report {
                passed,
                failed,
                tests: &outcomes,
            };
            writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        }
        Format::Text => describe(&outcomes, failed, out)?,
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

fn outcomes(args: &TestArgs, environment: &Environment) -> Result<Vec<Outcome>, Vec<Violation>> {
    let settings = Settings::load(&args.conf.path(environment), environment)?;
    // Those that are required would be run by the check, too, and end it.
    let settings = Settings {
        require_tests: false,
        ..settings
    };
    let control = Control::new(Box::new(environment.clone()), boot::rehearse(&settings).0);
    let catalog = control.check(Change::Reread(settings.catalog.clone()));
    let (catalog, tests) = match (catalog, tests(args, &settings)) {
        (Ok(catalog), Ok(tests)) => (catalog, tests),
        (catalog, tests) => return Err([catalog.err(), tests.err()].into_iter().flatten().flatten().collect()),
    };
    boot::tested(&settings, &catalog, &tests)
}

fn tests(args: &TestArgs, settings: &Settings) -> Result<Vec<Source>, Vec<Violation>> {
    if args.files.is_empty() {
        return files::read_tests(&settings.catalog).map(Option::unwrap_or_default);
    }
    let (mut sources, mut violations) = (Vec::new(), Vec::new());
    for file in &args.files {
        match files::read(file) {
            Ok(source) => sources.push(source),
            Err(violation) => violations.push(violation),
        }
    }
    if violations.is_empty() {
        Ok(sources)
    } else {
        Err(violations)
    }
}

fn describe(outcomes: &[Outcome], failed: usize, out: &mut Output<'_>) -> io::Result<()> {
    for outcome in outcomes.iter().filter(|outcome| !outcome.passed) {
        let Outcome { file, line, column, .. } = outcome;
        writeln!(
            out,
            "FAILED: {}\n--> {file}:{line}:{column}",
            explain::plain(&outcome.name)
        )?;
        let first = outcome.differences.first().map_or(1, |first| first.request);
        let number = if first > 1 {
            format!(", request {first}")
        } else {
            String::new()
        };
        writeln!(out, "{}{number}", explain::plain(&outcome.request))?;
        for difference in &outcome.differences {
            let field = &difference.field;
            writeln!(out, "  {field}, line {}:", difference.line)?;
            writeln!(out, "    expected  {}", explain::plain(&difference.expected))?;
            writeln!(out, "    got       {}", explain::plain(&difference.got))?;
        }
        explain::steps(&outcome.steps, out)?;
        writeln!(out)?;
    }
    let tests = counted(outcomes.len(), "test");
    let took = outcomes
        .iter()
        .map(|outcome| outcome.micros)
        .sum::<u64>()
        .div_ceil(1000);
    match failed {
        0 => writeln!(out, "ok: {tests} passed in {took} ms"),
        _ => writeln!(out, "{failed} of {tests} failed in {took} ms"),
    }
}
