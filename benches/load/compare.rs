//! Several sides that answer calls, measured in turn for some rounds, each pass by pass.
//!
//! Sides are a name, a process and the calls that it gets. All sides of a scenario are met by the same load, and a drift
//! of the machine's speed meets them alike.

use std::rc::Rc;

use crate::Result;
use crate::cost::{self, Cost, Meter};
use crate::drive::{Callers, Calls, Tally};
use crate::effort::Effort;
use crate::figure::{Findings, What};
use crate::process::Process;

/// Who answers which calls, and what that is called.
pub(crate) struct Side {
    pub(crate) name: String,
    pub(crate) process: Rc<Process>,
    pub(crate) calls: Calls,
}

impl Side {
    /// Names a side.
    pub(crate) fn new(name: &str, process: &Rc<Process>, calls: Calls) -> Self {
        Self {
            name: name.to_owned(),
            process: Rc::clone(process),
            calls,
        }
    }
}

/// What every side meets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Callers, each with one request under way.
    pub(crate) callers: usize,
    /// Calls a second of the paced pass; none where throughput alone is asked for.
    pub(crate) rate: Option<u64>,
    /// The body that is carried, where that is what counts.
    pub(crate) bytes: Option<usize>,
}

impl Load {
    /// Small requests over some connections.
    pub(crate) const USUAL: Self = Self {
        callers: 32,
        rate: Some(4_000),
        bytes: None,
    };
}

pub(crate) const THROUGHPUT: What = What::new("throughput", "req/s");
pub(crate) const CPU: What = What::new("CPU", "us/req");
pub(crate) const CYCLES: What = What::new("cycles", "k/req");
pub(crate) const INSTRUCTIONS: What = What::new("instructions", "k/req");
pub(crate) const CARRIED: What = What::new("throughput", "MB/s");
pub(crate) const CPU_CARRIED: What = What::new("CPU", "us/MB");
/// Where this is far from 100, throughput is that of the callers or the origin.
pub(crate) const BUSY: What = What::new("core busy", "%");
pub(crate) const MEMORY: What = What::new("memory", "MiB");
pub(crate) const PEAK: What = What::new("peak memory", "MiB");
pub(crate) const ERRORS: What = What::new("errors", "");
pub(crate) const P99: What = What::new("latency p99", "us");

const LATENCIES: [(f64, What); 5] = [
    (0.5, What::new("latency p50", "us")),
    (0.9, What::new("latency p90", "us")),
    (0.99, P99),
    (0.999, What::new("latency p99.9", "us")),
    (1.0, What::new("latency max", "us")),
];

/// Measures all sides in turn, round by round, after one that warms them up.
pub(crate) async fn compare(sides: &[Side], load: Load, effort: Effort) -> Result<Findings> {
    let mut findings = Findings::default();
    let load = Load {
        callers: effort.count(load.callers, 4.min(load.callers)),
        ..load
    };
    if !sides.iter().all(|side| cost::give_first_core(&side.process)) {
        findings.note("not pinned to cores: that takes two of them and `taskset`".to_owned());
    }
    if let Some(rate) = load.rate {
        findings.note(format!(
            "latency at {rate} requests a second over {} callers, counted from when each was due",
            load.callers
        ));
    }
    for side in sides {
        let mut callers = Callers::connect(side.process.address, &side.calls, load.callers).await?;
        let warm_up = callers.closed(effort.limit(0.5)).await?;
        // What fails here fails later, too, or is worth a word.
        if let Some(first) = warm_up.first {
            findings.note(format!(
                "{}: {} errors while warming up: {first}",
                side.name, warm_up.errors
            ));
        }
    }
    for _ in 0..effort.rounds {
        for side in sides {
            round(&mut findings, side, load, effort).await?;
        }
    }
    Ok(findings)
}

/// Measures one side once.
async fn round(findings: &mut Findings, side: &Side, load: Load, effort: Effort) -> Result<()> {
    let mut callers = Callers::connect(side.process.address, &side.calls, load.callers).await?;
    let meter = Meter::start(&side.process)?;
    let mut tally = callers.closed(effort.limit(1.0)).await?;
    record_cost(findings, side, load, (&tally, &meter.stop()?));
    if let Some(rate) = load.rate {
        let paced = callers.paced(effort.limit(2.0), rate).await?;
        record_latency(findings, &side.name, &paced);
        note_pace(findings, &side.name, (&paced, rate));
        tally += paced;
    }
    findings.record(&side.name, MEMORY, side.process.resident()?);
    findings.record(&side.name, PEAK, side.process.peak()?);
    record_errors(findings, &side.name, &tally);
    Ok(())
}

fn record_cost(findings: &mut Findings, side: &Side, load: Load, (tally, cost): (&Tally, &Cost)) {
    let (calls, seconds) = (tally.answered as f64, tally.took.as_secs_f64());
    let (name, micros) = (&side.name, cost.cpu.as_secs_f64() * 1e6);
    // Nothing came of it: that is an error, not a cost.
    if tally.answered == 0 {
        return;
    }
    match load.bytes {
        None => {
            findings.record(name, THROUGHPUT, calls / seconds);
            findings.record(name, CPU, micros / calls);
        }
        Some(bytes) => {
            let megabytes = calls * bytes as f64 / 1e6;
            findings.record(name, CARRIED, megabytes / seconds);
            findings.record(name, CPU_CARRIED, micros / megabytes);
        }
    }
    findings.record(name, BUSY, cost.cpu.as_secs_f64() / seconds * 100.0);
    match cost.counts {
        Some([cycles, instructions]) => {
            findings.record(name, CYCLES, cycles / calls / 1e3);
            findings.record(name, INSTRUCTIONS, instructions / calls / 1e3);
        }
        None => findings.note("cycles and instructions are not counted here: it takes `perf` and a counter".to_owned()),
    }
}

/// Records the percentiles of a paced pass.
pub(crate) fn record_latency(findings: &mut Findings, side: &str, paced: &Tally) {
    let Some(latency) = paced.latency.as_ref().filter(|latency| !latency.is_empty()) else {
        return;
    };
    for (quantile, what) in LATENCIES {
        findings.record(side, what, latency.value_at_quantile(quantile) as f64 / 1e3);
    }
}

/// Says where a side, or who calls it, was slower than the rate: latency is then what has piled up, and says little else.
pub(crate) fn note_pace(findings: &mut Findings, side: &str, (paced, rate): (&Tally, u64)) {
    let calls = (paced.answered + paced.errors) as f64;
    let (due, took) = (calls / rate as f64, paced.took.as_secs_f64());
    if took > due * 1.1 + 0.1 {
        findings.note(format!(
            "{side}, or its callers, could not keep up with {rate} requests a second: latencies are of a queue"
        ));
    }
}

/// Records how many calls did not get the right answer, and what happened to the first of them.
pub(crate) fn record_errors(findings: &mut Findings, side: &str, tally: &Tally) {
    findings.record(side, ERRORS, tally.errors as f64);
    if let Some(first) = &tally.first {
        findings.note(format!(
            "{side}: {} of {} failed: {first}",
            tally.errors,
            tally.errors + tally.answered
        ));
    }
}
