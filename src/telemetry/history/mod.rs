//! The traffic of the last hour, in steps of ten seconds.
//!
//! Nothing is counted for it: a sample is the difference between what the meters say now and what they said before. So
//! it costs requests nothing, and what is kept does not grow with the traffic: [`MOST`] samples, each with the busiest
//! [`BUSIEST`] versions. It is this process's own, and begins empty.

mod percentile;

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::Telemetry;
use super::counted::Counted;
use super::meter::Meter;

pub use percentile::percentile;

/// The samples of the last hour.
#[derive(Debug, Default)]
pub struct History(Mutex<Ring>);

#[derive(Default)]
struct Ring {
    last: Option<Reading>,
    samples: VecDeque<Arc<Sample>>,
}

/// What the meters said at one moment.
pub(super) struct Reading {
    pub(super) wall: SystemTime,
    pub(super) steady: Instant,
    pub(super) meters: Vec<(Meter, Counted)>,
    pub(super) throttled: u64,
    pub(super) served_from_cache: u64,
    pub(super) processor: Duration,
    pub(super) now: Standing,
}

/// What is neither counted up nor a difference.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// Requests that are being answered.
    pub in_flight: u64,
    /// Connections of callers that are open.
    pub connections: u64,
    /// Bytes of the process that are in RAM.
    pub resident: u64,
}

/// What happened between two looks at the meters.
#[derive(Debug)]
pub struct Sample {
    /// When the second look was.
    pub at: SystemTime,
    /// The time between the two.
    pub span: Duration,
    /// What all requests came to, those that met no API among them.
    pub whole: Counted,
    /// Requests that a quota refused with 429.
    pub throttled: u64,
    /// Bytes of bodies that came from the response cache.
    pub served_from_cache: u64,
    /// Processor time that the process took.
    pub processor: Duration,
    /// What stood at the second look.
    pub now: Standing,
    /// The versions with the most requests, the busiest first.
    pub versions: Vec<Share>,
}

/// What a version had of a sample.
#[derive(Clone, Debug)]
pub struct Share {
    meter: Meter,
    /// Its requests.
    pub requests: u64,
    /// Those that were answered 4xx.
    pub client_errors: u64,
    /// Those that were answered 5xx.
    pub server_errors: u64,
    /// Within what time 99 of 100 were answered.
    pub p99: Option<Duration>,
}

impl Share {
    /// Returns the names of its tenant, its Api and its version.
    pub fn version(&self) -> (&str, &str, &str) {
        self.meter.version()
    }
}

impl History {
    /// Returns the samples, the oldest first.
    pub fn samples(&self) -> Vec<Arc<Sample>> {
        self.0.lock().samples.iter().cloned().collect()
    }

    /// Takes in what the meters say; the first time, there is nothing to hold it against.
    pub(super) fn note(&self, reading: Reading) {
        let mut ring = self.0.lock();
        if let Some(last) = &ring.last {
            let sample = Arc::new(Sample::between(last, &reading));
            if ring.samples.len() == MOST {
                ring.samples.pop_front();
            }
            ring.samples.push_back(sample);
        }
        ring.last = Some(reading);
    }
}

impl Sample {
    fn between(before: &Reading, after: &Reading) -> Self {
        let known: HashMap<_, _> = before
            .meters
            .iter()
            .map(|(meter, counted)| (meter.id(), counted))
            .collect();
        let mut whole = Counted::default();
        let mut versions = Vec::new();
        for (meter, counted) in &after.meters {
            // A meter that is new began at nothing; one that is still there has the same place, which both readings hold.
            let counted = known.get(&meter.id()).map_or(*counted, |before| counted.since(before));
            whole.add(&counted);
            if counted.requests() > 0 && meter.is_of_version() {
                versions.push((meter, counted));
            }
        }
        versions.sort_by_key(|(meter, counted)| (Reverse(counted.requests()), meter.version()));
        versions.truncate(BUSIEST);
        Self {
            at: after.wall,
            span: after.steady.saturating_duration_since(before.steady),
            whole,
            throttled: after.throttled.saturating_sub(before.throttled),
            served_from_cache: after.served_from_cache.saturating_sub(before.served_from_cache),
            processor: after.processor.saturating_sub(before.processor),
            now: after.now,
            versions: versions
                .into_iter()
                .map(|(meter, counted)| Share::of(meter, &counted))
                .collect(),
        }
    }
}

impl Share {
    fn of(meter: &Meter, counted: &Counted) -> Self {
        let [.., client_errors, server_errors] = counted.answered;
        Self {
            meter: meter.clone(),
            requests: counted.requests(),
            client_errors,
            server_errors,
            p99: percentile(&counted.took, 0.99),
        }
    }
}

impl Telemetry {
    /// Looks at the meters every ten seconds, until shutdown.
    pub async fn keep_history(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let looks = async {
            let mut every = interval(STEP);
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                every.tick().await;
                self.history.note(self.reading(SystemTime::now(), Instant::now()));
            }
        };
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => {}
            () = looks => {}
        }
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("samples", &self.samples.len())
            .finish_non_exhaustive()
    }
}

/// The time between two samples.
pub const STEP: Duration = Duration::from_secs(10);

/// So many samples are kept: an hour of them.
pub const MOST: usize = 360;

/// So many versions are kept of each sample.
pub const BUSIEST: usize = 20;

#[cfg(test)]
mod tests;
