//! What a run found, as one value. The table, the page and the comparison with another run are views of it; JSON is
//! the value itself.

pub(crate) mod compare;
pub(crate) mod html;
mod plot;
mod sample;
pub(crate) mod table;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::compare::ERRORS;
use crate::cost::CORES;
use crate::effort::Effort;
use crate::figure::{Figure, Findings, Spread};
use crate::scenarios::Scenario;

/// What a run found.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Report {
    /// Of the gateway; with the commit, where there is one.
    pub(crate) version: String,
    /// How it was built: figures of a `dev` build mean nothing.
    pub(crate) profile: String,
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) scenarios: Vec<Told>,
}

/// What one scenario found.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) question: String,
    pub(crate) aims: Vec<Aim>,
    pub(crate) notes: Vec<String>,
    pub(crate) figures: Vec<Figure>,
}

/// What the first side of a scenario is meant to reach.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Aim {
    pub(crate) what: String,
    /// The side that it is held against; none where the figure itself is bounded.
    pub(crate) against: Option<String>,
    pub(crate) at_most: f64,
}

/// What became of an aim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Met(Spread),
    Missed(Spread),
    /// The other side was not there, or nothing was measured.
    Open,
}

impl Report {
    /// Begins an empty report.
    pub(crate) fn begin(effort: Effort) -> Self {
        let commit = said(Command::new("git").args(["describe", "--always", "--dirty"]));
        let version = env!("CARGO_PKG_VERSION");
        Self {
            version: commit.map_or_else(|| version.to_owned(), |commit| format!("{version} ({commit})")),
            profile: if cfg!(debug_assertions) { "dev" } else { "release" }.to_owned(),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            machine: machine(),
            rounds: effort.rounds,
            seconds: effort.seconds,
            scenarios: Vec::new(),
        }
    }

    /// Reads what an earlier run has written.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))?;
        serde_json::from_str(&text)
            .map_err(|e| format!("`{}` was not written by this load test: {e}", path.display()).into())
    }

    /// Says in a line what was measured, and how.
    pub(crate) fn setting(&self) -> String {
        format!(
            "Tollgate {}, {} build, {}; {}; {} rounds",
            self.version, self.profile, self.date, self.machine, self.rounds
        )
    }
}

impl Told {
    /// Puts a scenario's findings beside its question.
    pub(crate) fn new(scenario: &Scenario, findings: Findings) -> Self {
        let aim = |&(what, against, at_most): &(&str, &str, f64)| Aim {
            what: what.to_owned(),
            against: (!against.is_empty()).then(|| against.to_owned()),
            at_most,
        };
        Self {
            name: scenario.name.to_owned(),
            question: scenario.question.to_owned(),
            aims: scenario.aims.iter().map(aim).collect(),
            notes: findings.notes,
            figures: findings.figures,
        }
    }

    /// Returns how many calls did not get the right answer.
    pub(crate) fn errors(&self) -> f64 {
        let errors = self.figures.iter().filter(|figure| figure.what == ERRORS.name);
        errors.flat_map(|figure| &figure.values).sum()
    }

    /// Returns the names of the sides: ours first.
    pub(crate) fn sides(&self) -> Vec<&str> {
        distinct(self.figures.iter().map(|figure| figure.side.as_str()))
    }

    /// Returns what was measured, and its unit, in order; errors only where there are any.
    pub(crate) fn measured(&self) -> Vec<(&str, &str)> {
        let has_errors = self.errors() > 0.0;
        let told = self
            .figures
            .iter()
            .filter(|figure| has_errors || figure.what != ERRORS.name);
        distinct(told.map(|figure| (figure.what.as_str(), figure.unit.as_str())))
    }

    /// Finds a figure of a side.
    pub(crate) fn find(&self, side: &str, what: &str) -> Option<&Figure> {
        self.figures
            .iter()
            .find(|figure| figure.side == side && figure.what == what)
    }

    /// Returns the ratio of the first side's figure to another side's.
    pub(crate) fn ratio(&self, side: &str, what: &str) -> Option<Spread> {
        let ours = self.find(self.sides().first()?, what)?;
        ours.ratio(self.find(side, what)?)
    }

    /// Holds the first side against an aim, by the median.
    pub(crate) fn verdict(&self, aim: &Aim) -> Verdict {
        let spread = match &aim.against {
            Some(side) => self.ratio(side, &aim.what),
            None => (self.sides().first()).and_then(|ours| self.find(ours, &aim.what)?.spread()),
        };
        match spread {
            Some(spread) if spread.median <= aim.at_most => Verdict::Met(spread),
            Some(spread) => Verdict::Missed(spread),
            None => Verdict::Open,
        }
    }

    /// Says an aim and what became of it.
    pub(crate) fn sentence(&self, aim: &Aim) -> String {
        let what = match &aim.against {
            Some(side) => format!("{} at most {} times that of {side}", aim.what, aim.at_most),
            None => format!("{} at most {}", aim.what, aim.at_most),
        };
        match self.verdict(aim) {
            Verdict::Met(spread) => format!("{what}: met, {}", shown(spread)),
            Verdict::Missed(spread) => format!("{what}: missed, {}", shown(spread)),
            Verdict::Open => format!("{what}: not measured"),
        }
    }
}

/// Writes a spread: the median, and what it lies between.
pub(crate) fn shown(spread: Spread) -> String {
    let Spread { min, median, max } = spread;
    format!("{} ({}-{})", number(median), number(min), number(max))
}

/// Writes a number with three digits that mean something, and a comma for each thousand.
pub(crate) fn number(value: f64) -> String {
    if value.abs() >= 10_000.0 {
        return thousands(value);
    }
    let digits = match value.abs() {
        above if above >= 100.0 => 0,
        above if above >= 10.0 => 1,
        above if above >= 1.0 || above == 0.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let length = digits.len();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (length - place).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.fold(Vec::new(), |mut known, one| {
        if !known.contains(&one) {
            known.push(one);
        }
        known
    })
}

fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let (cores, model) = (*CORES, model.map_or("unknown", |(_, model)| model));
    format!("{cores} cores of {model}, Linux {}", kernel.trim())
}

fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Holds the report and its views to what they say.
pub(crate) fn check() {
    let numbers = [0.0, 0.0123, 1.234, 12.34, 1234.4, 12_345.0, -1_234_567.0].map(number);
    let expected = ["0.00", "0.012", "1.23", "12.3", "1234", "12,345", "-1,234,567"];
    assert_eq!(numbers, expected);
    let report = sample::report();
    let told = &report.scenarios[0];
    assert_eq!(told.sides(), ["ours", "bare"]);
    assert_eq!(told.measured(), [("CPU", "us/req")], "no errors, no line for them");
    let aims: Vec<_> = told.aims.iter().map(|aim| told.sentence(aim)).collect();
    assert_eq!(aims[0], "CPU at most 1.5 times that of bare: met, 1.50 (1.20-2.00)");
    assert_eq!(aims[1], "CPU at most 5: missed, 15.0 (10.0-24.0)");
    assert_eq!(aims[2], "CPU at most 1 times that of absent: not measured");
    // What is written is what is read.
    let json = serde_json::to_string(&report).unwrap_or_default();
    assert_eq!(serde_json::from_str::<Report>(&json).ok().as_ref(), Some(&report));
    table::check(&report);
    compare::check(&report);
    plot::check();
    assert!(html::page(&report).is_ok_and(|page| page.contains("<svg") && page.contains("1.50 (1.20-2.00)")));
}
