//! What the load test is asked on the command line.

use std::path::PathBuf;

use clap::Parser;

use crate::Result;
use crate::effort::Effort;
use crate::scenarios::{SCENARIOS, Scenario};

/// Measure the gateway under load, beside others
///
/// Without scenarios, all of them are measured. A table is printed; a JSON file and an HTML page are written.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench load --")]
pub(crate) struct Arguments {
    /// What to measure; `--list` says what there is.
    scenarios: Vec<String>,
    /// List the scenarios and what each of them asks.
    #[arg(long)]
    pub(crate) list: bool,
    /// How often all sides of a scenario are measured in turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// How long a side is called as fast as it answers, in each round; at a fixed rate it is called twice as long.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Print ratios to an earlier run, of which this is the JSON file.
    #[arg(long, value_name = "JSON")]
    pub(crate) compare: Option<PathBuf>,
    /// Where the results are written.
    #[arg(long, value_name = "DIRECTORY", default_value = "target/load")]
    pub(crate) out: PathBuf,
    /// Do everything once, with a handful of requests, and measure nothing.
    #[arg(long)]
    pub(crate) test: bool,
    /// What `cargo bench` passes.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    /// Returns how much is to be done.
    pub(crate) fn effort(&self) -> Effort {
        if self.test {
            return Effort::TEST;
        }
        Effort {
            rounds: self.rounds.into(),
            seconds: self.seconds.clamp(0.05, 600.0),
            is_test: false,
        }
    }

    /// Returns the scenarios that are asked for, in their own order.
    pub(crate) fn chosen(&self) -> Result<Vec<&'static Scenario>> {
        let known = |name: &String| SCENARIOS.iter().any(|scenario| scenario.name == name);
        if let Some(unknown) = self.scenarios.iter().find(|name| !known(name)) {
            return Err(format!("there is no scenario `{unknown}`: `--list` says what there is").into());
        }
        let is_chosen = |scenario: &&&Scenario| {
            self.scenarios.is_empty() || self.scenarios.iter().any(|name| name == scenario.name)
        };
        Ok(SCENARIOS.iter().filter(is_chosen).copied().collect())
    }
}
