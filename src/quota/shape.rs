//! A counter as it is kept: without a place in time, and without the form that it is counted in.

use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::clock::Moment;
use super::counter::Counter;
use super::log::Log;
use super::slices::Slices;
use super::tally::Tally;

/// What was in force in a counter at a moment; ages are microseconds before it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) enum Shape {
    /// Of a token bucket.
    Bucket {
        missing: u128,
        per: u64,
        age: i64,
        full: i64,
    },
    /// Of a calendar window.
    Tally { window: (i64, i64), amount: u64 },
    /// Of a sliding window: what was spent, oldest first, by its age.
    Window {
        window: u64,
        is_exact: bool,
        spent: Vec<(i64, u64)>,
    },
}

impl Counter {
    /// Returns what is in force at a moment.
    pub(super) fn shape(&self, now: Moment) -> Shape {
        let age = |at: u64| now.steady.cast_signed().saturating_sub(at.cast_signed());
        let aged = |(at, amount)| (age(at), amount);
        match self {
            Self::Bucket(bucket) => {
                let (missing, per, (at, full)) = bucket.parts();
                let (age, full) = (age(at), age(full.min(FAR)));
                Shape::Bucket {
                    missing,
                    per,
                    age,
                    full,
                }
            }
            Self::Log(log) => Shape::Window {
                window: log.window(),
                is_exact: true,
                spent: log.spendings(now.steady).map(aged).collect(),
            },
            Self::Slices(slices) => Shape::Window {
                window: slices.window(),
                is_exact: false,
                spent: slices.spendings(now.steady).map(aged).collect(),
            },
            Self::Tally(tally) => {
                let (window, amount) = tally.parts();
                Shape::Tally { window, amount }
            }
        }
    }

    /// Returns the same, a window's requests summed up by slices: at most 66 of them.
    pub(super) fn summed(&self, now: Moment) -> Self {
        match self {
            Self::Log(_) => Self::of(self.window(), false, self.spendings(now).into_iter()),
            Self::Bucket(_) | Self::Slices(_) | Self::Tally(_) => self.clone(),
        }
    }

    /// Makes what was in force at a moment a counter again.
    pub(super) fn shaped(shape: &Shape, then: Moment) -> Self {
        let at = |age: i64| then.steady.saturating_add_signed(age.saturating_neg());
        match shape {
            Shape::Bucket {
                missing,
                per,
                age,
                full,
            } => Self::Bucket(Bucket::kept(*missing, *per, (at(*age), at(*full)))),
            Shape::Tally { window, amount } => Self::Tally(Tally::kept(*window, *amount)),
            Shape::Window {
                window,
                is_exact,
                spent,
            } => {
                let spent = spent.iter().map(|(age, amount)| (at(*age), *amount));
                Self::of(*window, *is_exact, spent)
            }
        }
    }

    /// Makes a sliding window of what was spent, oldest first.
    fn of(window: u64, is_exact: bool, spent: impl Iterator<Item = (u64, u64)>) -> Self {
        let window = window.max(1);
        if is_exact {
            let mut log = Log::new(window);
            for (at, amount) in spent {
                log.settle(at);
                log.spend(amount, at);
            }
            return Self::Log(log);
        }
        let mut slices = Slices::new(window);
        for (at, amount) in spent {
            slices.settle(at);
            slices.spend(amount, at);
        }
        Self::Slices(slices)
    }

    /// Adds what another process counted. Where the two count in different ways, it counts as spent now.
    pub(super) fn merge(&mut self, other: Self, now: Moment) {
        if other.is_idle(now) {
            return;
        }
        if self.is_idle(now) {
            *self = other;
            return;
        }
        match (&mut *self, other) {
            (Self::Tally(mine), Self::Tally(theirs)) => mine.merge(&theirs),
            (Self::Bucket(mine), Self::Bucket(theirs)) => mine.merge(&theirs),
            (Self::Bucket(mine), theirs) => mine.merge_tokens(theirs.used()),
            (Self::Tally(mine), theirs) => mine.spend(theirs.used()),
            (Self::Log(_) | Self::Slices(_), theirs) => {
                let window = self.window();
                let mut spent: Vec<_> = self.spendings(now).into_iter().chain(theirs.spendings(now)).collect();
                spent.sort_unstable();
                *self = Self::of(window, false, spent.into_iter());
            }
        }
    }

    /// Tells whether it is worth keeping across a restart: what a window of a minute holds is over by then.
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            Self::Bucket(_) => true,
            Self::Tally(tally) => tally.is_longer_than(MINUTE_SECONDS),
            Self::Log(_) | Self::Slices(_) => self.window() > MINUTE_MICROS,
        }
    }
}

/// Later than any clock gets; what never comes back is kept as this.
const FAR: u64 = 1 << 62;

const MINUTE_MICROS: u64 = 60_000_000;

const MINUTE_SECONDS: i64 = 60;
