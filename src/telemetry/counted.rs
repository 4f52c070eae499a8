//! What was counted of requests, as one value.

use std::time::Duration;

use super::history::percentile;
use super::latency::BUCKETS;
use crate::cache::cached::Outcome;

/// What was counted of requests: of all until a moment, or of those between two.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counted {
    /// By the class of the status: none, 1xx, 2xx, 3xx, 4xx, 5xx.
    pub answered: [u64; CLASSES.len()],
    /// By what the cache did, in the order of [`Outcome::ALL`].
    pub cached: [u64; Outcome::ALL.len()],
    /// How long they took, by the buckets of the histogram.
    pub(super) took: [u64; BUCKETS],
}

impl Counted {
    /// Returns how many requests there were.
    pub fn requests(&self) -> u64 {
        self.answered.iter().sum()
    }

    /// Returns within what time a share of the requests was answered, 0.5 being half of them; nothing where there was none.
    pub fn within(&self, share: f64) -> Option<Duration> {
        percentile(&self.took, share)
    }

    /// Returns how often the cache did this.
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        let pairs = Outcome::ALL.iter().zip(&self.cached);
        pairs
            .filter(|(known, _)| **known == outcome)
            .map(|(_, count)| count)
            .sum()
    }

    /// Returns what came since an earlier moment.
    pub(super) fn since(&self, before: &Self) -> Self {
        fn less<const N: usize>(now: &[u64; N], then: &[u64; N]) -> [u64; N] {
            let mut left = *now;
            left.iter_mut()
                .zip(then)
                .for_each(|(now, then)| *now = now.saturating_sub(*then));
            left
        }
        Self {
            answered: less(&self.answered, &before.answered),
            cached: less(&self.cached, &before.cached),
            took: less(&self.took, &before.took),
        }
    }

    /// Adds what another one counted.
    pub(super) fn add(&mut self, other: &Self) {
        fn more(all: &mut [u64], part: &[u64]) {
            all.iter_mut().zip(part).for_each(|(all, part)| *all += part);
        }
        more(&mut self.answered, &other.answered);
        more(&mut self.cached, &other.cached);
        more(&mut self.took, &other.took);
    }
}

/// By the first digit of the status; the first stands for a status that is none.
pub(super) const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];
