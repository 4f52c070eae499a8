//! What calls cost a process: CPU time, user and system, and cycles and instructions where `perf` counts them.
//!
//! On a virtual machine, CPU time holds what the machine took for others; cycles do not.

use std::num::NonZero;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread::available_parallelism;

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
///
/// Both get the first core, and callers and origin the others: the scheduler would place them anew for each round.
pub(crate) async fn compare(question: &str, ours: Side<'_>, yardstick: Side<'_>) -> Outcome {
    let pinned = pin(ours.1.id(), FIRST) && pin(yardstick.1.id(), FIRST);
    if !pinned {
        println!("{question}: not pinned to cores: it takes two of them and `taskset`");
    }
    let mut rows = Vec::new();
    for round in 0..=ROUNDS {
        let (below, above) = (yardstick.cost(round).await?, ours.cost(round).await?);
        // The first round warms both up.
        if round > 0 {
            rows.push((above, below));
        }
    }
    let (Side(ours, ..), Side(yardstick, ..)) = (ours, yardstick);
    let pairs = |of: Figure| {
        let pairs = rows.iter().map(|(above, below)| Some((of(above)?, of(below)?)));
        pairs.collect::<Option<Vec<_>>>()
    };
    let kinds: [(&str, Figure); 3] = [
        ("us CPU", |cost| Some(cost.micros)),
        ("cycles", |cost| cost.counts.map(|[cycles, _]| cycles)),
        ("instructions", |cost| cost.counts.map(|[_, instructions]| instructions)),
    ];
    for (unit, of) in kinds {
        match pairs(of) {
            Some(pairs) => println!("{question}: {ours} against {yardstick}: {}", said(pairs, unit)),
            None => println!("{question}: {unit} are not counted here: it takes `perf` and a counter"),
        }
    }
    Ok(())
}

/// Keeps this process, and what it starts, off the first core until told otherwise.
pub(crate) fn step_aside(aside: bool) {
    let first = usize::from(aside);
    // Where it cannot be done, `compare` says so.
    let _ = pin(std::process::id(), &format!("{first}-{}", *CORES - 1));
}

/// Keeps every thread of a process on these cores; tells whether that was done.
fn pin(process: u32, cores: &str) -> bool {
    let mut command = Command::new("taskset");
    command.args(["--all-tasks", "--cpu-list", "--pid", cores, &process.to_string()]);
    *CORES > 1
        && command
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

const FIRST: &str = "0";

/// How many there are; asked before this process gives one away.
static CORES: LazyLock<usize> = LazyLock::new(|| available_parallelism().map_or(1, NonZero::get));

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
    /// Cycles and instructions.
    counts: Option<[f64; 2]>,
}

/// One of the figures of a cost, where it is known.
type Figure = fn(&Cost) -> Option<f64>;

impl Side<'_> {
    async fn cost(&self, round: usize) -> Result<Cost> {
        let Self(_, process, calls) = self;
        let counter = Counter::start(process.id());
        let before = process.cpu()?;
        drive(process.address, calls, (CONNECTIONS, REQUESTS), round * REQUESTS).await?;
        let micros = (process.cpu()? - before).as_secs_f64() * 1e6 / REQUESTS as f64;
        let counts = counter
            .and_then(Counter::stop)
            .map(|counts| counts.map(|count| count / REQUESTS as f64));
        Ok(Cost { micros, counts })
    }
}

/// Counts a process's cycles and instructions, in user and in kernel mode, until its own input ends.
struct Counter(Child);

impl Counter {
    fn start(process: u32) -> Option<Self> {
        let mut command = Command::new("perf");
        command
            .args([
                "stat",
                "-x",
                ",",
                "-e",
                "cycles:u,cycles:k,instructions:u,instructions:k",
                "-p",
            ])
            .args([&process.to_string(), "--", "cat"])
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.spawn().ok().map(Self)
    }

    fn stop(mut self) -> Option<[f64; 2]> {
        drop(self.0.stdin.take());
        let said = self.0.wait_with_output().ok()?.stderr;
        let said = String::from_utf8_lossy(&said);
        let sum = |event: &str| {
            let counts = said.lines().filter(|line| line.contains(event));
            let counts: Option<Vec<f64>> = counts.map(|line| line.split(',').next()?.parse().ok()).collect();
            counts
                .filter(|counts| counts.len() == 2)
                .map(|counts| counts.iter().sum())
        };
        Some([sum("cycles")?, sum("instructions")?])
    }
}
