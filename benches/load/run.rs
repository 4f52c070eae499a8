//! Runs the scenarios that are asked for, one after the other, and shows what they find.

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::timeout;

use crate::arguments::Arguments;
use crate::report::{Report, Told, compare, html, table};
use crate::scenarios::{SCENARIOS, Scenario};
use crate::{Outcome, Result, client, cost, drive, effort, figure, report};

/// Does what the arguments say.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if arguments.list {
        for scenario in SCENARIOS {
            println!("{:<18} {}", scenario.name, scenario.question);
        }
        return Ok(());
    }
    let chosen = arguments.chosen()?;
    let earlier = arguments.compare.as_deref().map(Report::read).transpose()?;
    let effort = arguments.effort();
    if effort.is_test {
        check();
    }
    let mut report = Report::begin(effort);
    cost::step_aside(std::process::id());
    allow_many_connections();
    let mut broken = Vec::new();
    for scenario in chosen {
        let told = match measure(scenario, effort) {
            Ok(told) => told,
            // The others may still be asked.
            Err(e) => {
                println!("\n{}: FAILED: {e}", scenario.name);
                broken.push(scenario.name);
                continue;
            }
        };
        if effort.is_test && told.errors() == 0.0 {
            println!("load: {}: ok", told.name);
        } else {
            print!("{}", table::section(&told));
        }
        report.scenarios.push(told);
        if !effort.is_test {
            // After each scenario, so that a run that is broken off is not lost.
            write(arguments, &report)?;
        }
    }
    if !effort.is_test {
        println!(
            "\n{}\nwritten to {}",
            report.setting(),
            arguments.out.join("load.{json,html}").display()
        );
    }
    if let Some(earlier) = earlier {
        print!("{}", compare::table(&earlier, &report));
    }
    faults(&report, &broken)
}

fn measure(scenario: &Scenario, effort: effort::Effort) -> Result<Told> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let patience = if effort.is_test { TEST_PATIENCE } else { PATIENCE };
    let findings = runtime.block_on(async { timeout(patience, (scenario.run)(effort)).await });
    let findings = findings.map_err(|_| format!("no end after {} s: an answer never came", patience.as_secs()))?;
    Ok(Told::new(scenario, findings?))
}

/// Nothing that a scenario waits for may keep the others, or CI, from their turn.
const PATIENCE: Duration = Duration::from_mins(30);
const TEST_PATIENCE: Duration = Duration::from_mins(3);

/// Lets this process, and those that it starts, open as many files as the system allows.
fn allow_many_connections() {
    let allowed = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: allowed.maximum,
        ..allowed
    };
    // Where it may not, what needs many says so itself.
    let _ = setrlimit(Resource::Nofile, most);
}

fn write(arguments: &Arguments, report: &Report) -> Outcome {
    fs::create_dir_all(&arguments.out)?;
    let (json, page) = (arguments.out.join("load.json"), arguments.out.join("load.html"));
    fs::write(&json, serde_json::to_string_pretty(report)?)?;
    fs::write(&page, html::page(report)?)?;
    Ok(())
}

/// Ends with a failure where a scenario broke off, or a call did not get the right answer: figures beside errors are not
/// worth much.
fn faults(report: &Report, broken: &[&str]) -> Outcome {
    let mut said: Vec<_> = broken.iter().map(|name| format!("{name} broke off")).collect();
    for told in report.scenarios.iter().filter(|told| told.errors() > 0.0) {
        said.push(format!(
            "{}: {} calls did not get the right answer",
            told.name,
            told.errors()
        ));
    }
    if said.is_empty() {
        return Ok(());
    }
    Err(said.join("\n").into())
}

/// Holds what computes and shows figures to what it says; a bench has no other place for that.
fn check() {
    client::check();
    drive::check();
    figure::check();
    report::check();
}
