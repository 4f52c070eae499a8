//! Runs the scenarios that are asked for, one after the other, and shows what they find.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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
    allow_many_connections()?;
    for scenario in chosen {
        let told = measure(scenario, effort)?;
        if effort.is_test {
            println!(
                "load: {}: {}",
                told.name,
                if told.errors() > 0.0 { "FAILED" } else { "ok" }
            );
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
    faults(&report)
}

fn measure(scenario: &Scenario, effort: effort::Effort) -> Result<Told> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on((scenario.run)(effort));
    let findings = findings.map_err(|e| format!("{}: {e}", scenario.name))?;
    Ok(Told::new(scenario, findings))
}

/// Lets this process, and those that it starts, open as many files as the system allows.
fn allow_many_connections() -> Outcome {
    let allowed = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: allowed.maximum,
        ..allowed
    };
    Ok(setrlimit(Resource::Nofile, most)?)
}

fn write(arguments: &Arguments, report: &Report) -> Outcome {
    fs::create_dir_all(&arguments.out)?;
    let (json, page) = (arguments.out.join("load.json"), arguments.out.join("load.html"));
    fs::write(&json, serde_json::to_string_pretty(report)?)?;
    fs::write(&page, html::page(report)?)?;
    Ok(())
}

/// Ends with a failure where a call did not get the right answer: figures beside errors are not worth much.
fn faults(report: &Report) -> Outcome {
    let faulty: Vec<_> = report.scenarios.iter().filter(|told| told.errors() > 0.0).collect();
    if faulty.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = faulty.iter().map(|told| told.name.as_str()).collect();
    let notes: Vec<_> = faulty.iter().flat_map(|told| &told.notes).cloned().collect();
    Err(format!(
        "some calls were not answered rightly: {}\n{}",
        names.join(", "),
        notes.join("\n")
    )
    .into())
}

/// Holds what computes and shows figures to what it says; a bench has no other place for that.
fn check() {
    client::check();
    drive::check();
    figure::check();
    report::check();
}
