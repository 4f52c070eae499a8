//! A histogram of durations that is counted without a lock.
//!
//! The library's own takes a mutex for each observation, which every worker would share.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often each bucket was met, and the sum of all durations.
#[derive(Debug)]
pub(super) struct Latency {
    buckets: [AtomicU64; BUCKETS],
    nanoseconds: AtomicU64,
}

/// What a histogram held at one moment.
#[derive(Debug)]
pub(super) struct Observed {
    /// The upper bounds in seconds and how often each bucket was met, not cumulated; the last is infinite.
    pub(super) buckets: [(f64, u64); BUCKETS],
    pub(super) count: u64,
    pub(super) seconds: f64,
}

impl Latency {
    pub(super) fn observe(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().take_while(|&&bound| nanoseconds > bound).count();
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Returns how often each bucket was met.
    pub(super) fn counts(&self) -> [u64; BUCKETS] {
        self.buckets.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    pub(super) fn observed(&self) -> Observed {
        let mut buckets = array::from_fn(|_| (f64::INFINITY, 0));
        let mut bounds = BOUNDS.iter();
        for (bucket, count) in buckets.iter_mut().zip(&self.buckets) {
            let bound = bounds
                .next()
                .map_or(f64::INFINITY, |&bound| Duration::from_nanos(bound).as_secs_f64());
            *bucket = (bound, count.load(Ordering::Relaxed));
        }
        let count = buckets.iter().map(|(_, count)| count).sum();
        let seconds = Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)).as_secs_f64();
        Observed {
            buckets,
            count,
            seconds,
        }
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            buckets: array::from_fn(|_| AtomicU64::new(0)),
            nanoseconds: AtomicU64::new(0),
        }
    }
}

/// Upper bounds in nanoseconds: from half a millisecond, what a gateway adds, to half a minute, what people wait.
pub(super) const BOUNDS: [u64; 15] = [
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
];

/// One for each bound, and one for what is above all of them.
pub(super) const BUCKETS: usize = BOUNDS.len() + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_in_the_first_bucket_that_holds_it() {
        let latency = Latency::default();
        for took in [
            Duration::ZERO,
            Duration::from_micros(500),
            Duration::from_micros(501),
            Duration::from_secs(60),
        ] {
            latency.observe(took);
        }
        let observed = latency.observed();
        let met: Vec<_> = observed
            .buckets
            .iter()
            .filter(|(_, count)| *count > 0)
            .copied()
            .collect();
        assert_eq!(met, [(0.0005, 2), (0.001, 1), (f64::INFINITY, 1)]);
        assert_eq!(observed.count, 4);
        assert!((observed.seconds - 60.001_001).abs() < 1e-9);
    }
}
