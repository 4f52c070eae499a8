//! What calls cost a process: CPU time, user and system, and instructions where `perf` counts them.

use std::process::{Child, Command, Stdio};

use crate::Outcome;
use crate::client::{Calls, drive};
use crate::process::Process;

const ROUNDS: usize = 9;
const CONNECTIONS: usize = 32;
const REQUESTS: usize = 16_000;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// One side of a comparison: who answers which calls, and what that is called.
pub(crate) struct Side<'a>(pub(crate) &'static str, pub(crate) &'a Process, pub(crate) Calls);

/// Measures two sides in turn, so that a drift of the machine's speed meets both alike, and prints their ratio.
pub(crate) async fn compare(question: &str, ours: Side<'_>, yardstick: Side<'_>) -> Outcome {
    let mut rows = Vec::new();
    for round in 0..=ROUNDS {
        let (below, above) = (yardstick.cost(round).await?, ours.cost(round).await?);
        // The first round warms both up.
        if round > 0 {
            rows.push((above, below));
        }
    }
    let (Side(ours, ..), Side(yardstick, ..)) = (ours, yardstick);
    let times = rows.iter().map(|(above, below)| (above.micros, below.micros));
    println!(
        "{question}: {ours} against {yardstick}: {}",
        said(times.collect(), "us CPU")
    );
    let counts = rows
        .iter()
        .map(|(above, below)| Some((above.instructions?, below.instructions?)));
    match counts.collect::<Option<Vec<_>>>() {
        Some(counts) => println!(
            "{question}: {ours} against {yardstick}: {}",
            said(counts, "instructions")
        ),
        None => println!("{question}: instructions are not counted here: it takes `perf` and a counter"),
    }
    Ok(())
}

fn said(mut rows: Vec<(f64, f64)>, unit: &str) -> String {
    rows.sort_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)));
    let ratio = |row: usize| rows[row].0 / rows[row].1;
    let middle = rows.len() / 2;
    format!(
        "{:.1} to {:.1} {unit} a request, ratio {:.3} (median of {} pairs, {:.3} to {:.3}; {REQUESTS} requests each \
         over {CONNECTIONS} connections)",
        rows[middle].0,
        rows[middle].1,
        ratio(middle),
        rows.len(),
        ratio(0),
        ratio(rows.len() - 1)
    )
}

/// What one call cost.
struct Cost {
    micros: f64,
    instructions: Option<f64>,
}

impl Side<'_> {
    async fn cost(&self, round: usize) -> Result<Cost> {
        let Self(_, process, calls) = self;
        let counter = Counter::start(process.id());
        let before = process.cpu()?;
        drive(process.address, calls, (CONNECTIONS, REQUESTS), round * REQUESTS).await?;
        let micros = (process.cpu()? - before).as_secs_f64() * 1e6 / REQUESTS as f64;
        let instructions = counter.and_then(Counter::stop).map(|count| count / REQUESTS as f64);
        Ok(Cost { micros, instructions })
    }
}

/// Counts a process's instructions, in user and in kernel mode, until its own input ends.
struct Counter(Child);

impl Counter {
    fn start(process: u32) -> Option<Self> {
        let mut command = Command::new("perf");
        command
            .args(["stat", "-x", ",", "-e", "instructions:u,instructions:k", "-p"])
            .args([&process.to_string(), "--", "cat"])
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.spawn().ok().map(Self)
    }

    fn stop(mut self) -> Option<f64> {
        drop(self.0.stdin.take());
        let said = self.0.wait_with_output().ok()?.stderr;
        let counts: Option<Vec<f64>> = String::from_utf8_lossy(&said)
            .lines()
            .filter(|line| line.contains("instructions"))
            .map(|line| line.split(',').next()?.parse().ok())
            .collect();
        counts
            .filter(|counts| !counts.is_empty())
            .map(|counts| counts.iter().sum())
    }
}
