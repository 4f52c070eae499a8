//! What calls cost a process: CPU time, user and system, and cycles and instructions where `perf` counts them.
//!
//! On a virtual machine, CPU time holds what the machine took for others; cycles do not.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::thread::available_parallelism;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;
use crate::process::Process;

/// Keeps a process off the first core, which is for whoever is measured. Where that cannot be done, `give_first_core`
/// cannot do its part either, and says so.
pub(crate) fn step_aside(process: u32) {
    let _ = pin(process, &format!("1-{}", *CORES - 1));
}

/// Gives a process all cores, whatever those have who started it.
pub(crate) fn give_all_cores(process: u32) {
    let _ = pin(process, &format!("0-{}", *CORES - 1));
}

/// Keeps a process on the first core; tells whether that was done. The scheduler would place it anew for each round.
pub(crate) fn give_first_core(process: &Process) -> bool {
    process.ids().all(|id| pin(id, "0"))
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

/// How many there are; asked before this process gives one away.
pub(crate) static CORES: LazyLock<usize> = LazyLock::new(|| available_parallelism().map_or(1, NonZero::get));

/// What a process spent between two moments.
pub(crate) struct Cost {
    pub(crate) cpu: Duration,
    /// Cycles and instructions.
    pub(crate) counts: Option<[f64; 2]>,
}

/// Counts from now on what a process spends.
pub(crate) struct Meter<'a> {
    process: &'a Process,
    counter: Option<Counter>,
    before: BTreeMap<u32, Duration>,
}

impl<'a> Meter<'a> {
    /// Begins to count.
    pub(crate) fn start(process: &'a Process) -> Result<Self> {
        let counter = Counter::start(process);
        Ok(Self {
            process,
            counter,
            before: process.cpu()?,
        })
    }

    /// Returns what was spent.
    pub(crate) fn stop(self) -> Result<Cost> {
        // A thread that has ended takes what it spent with it, and must not take off what others spent.
        let spent = |(thread, now): (u32, Duration)| {
            let before = self.before.get(&thread).copied().unwrap_or_default();
            now.saturating_sub(before)
        };
        let cpu = self.process.cpu()?.into_iter().map(spent).sum();
        let counts = self.counter.and_then(Counter::stop);
        Ok(Cost { cpu, counts })
    }
}

/// Counts a process's cycles and instructions, in user and in kernel mode, between two words that it is given: it takes
/// longer to begin than many passes last.
struct Counter {
    perf: Child,
    words: ChildStdin,
    answers: ChildStdout,
}

impl Counter {
    fn start(process: &Process) -> Option<Self> {
        let ids: Vec<_> = process.ids().map(|id| id.to_string()).collect();
        let mut command = Command::new("perf");
        command
            .args(["stat", "-x", ",", "-e", EVENTS, "-p", &ids.join(",")])
            .args(["-D", "-1", "--control", "fd:0,1"])
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut perf = command.spawn().ok()?;
        let (words, answers) = (perf.stdin.take()?, perf.stdout.take()?);
        let mut counter = Self { perf, words, answers };
        if counter.say("enable") {
            return Some(counter);
        }
        // It does not know the processor, or may not count.
        let _ = counter.perf.kill();
        let _ = counter.perf.wait();
        None
    }

    /// Gives it a word and waits until it has obeyed.
    fn say(&mut self, word: &str) -> bool {
        let mut answer = [0; 16];
        writeln!(self.words, "{word}").is_ok()
            && self
                .answers
                .read(&mut answer)
                .is_ok_and(|length| answer[..length].starts_with(b"ack"))
    }

    fn stop(mut self) -> Option<[f64; 2]> {
        self.say("disable");
        // It prints when it is interrupted.
        kill_process(Pid::from_child(&self.perf), Signal::INT).ok()?;
        let said = self.perf.wait_with_output().ok()?.stderr;
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

const EVENTS: &str = "cycles:u,cycles:k,instructions:u,instructions:k";
