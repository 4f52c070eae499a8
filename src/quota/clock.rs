//! The time that the ledger counts by: two readings of one moment.
//!
//! Spans are counted on a clock that only runs forward; calendar windows need the time that people tell. Nothing else
//! of `quota` reads a clock: time is a parameter there.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One moment, read from both clocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// Microseconds on a clock that only runs forward. Where it begins means nothing.
    pub(super) steady: u64,
    /// Microseconds since 1970 as people tell the time; it may be set back and forth.
    pub(super) wall: i64,
}

impl Moment {
    /// The moment that is so long after a clock started, where the wall clock says so many microseconds since 1970.
    #[must_use]
    pub fn new(since_start: Duration, wall_micros: i64) -> Self {
        let since_start = micros(since_start);
        Self {
            steady: START.saturating_add(since_start),
            wall: wall_micros,
        }
    }

    /// Returns the wall clock's whole seconds since 1970.
    pub(super) fn wall_seconds(self) -> i64 {
        self.wall.div_euclid(1_000_000)
    }
}

/// Where moments are read from.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts a clock. A ledger must always be asked by the same one.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Reads both clocks.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.at(Instant::now(), SystemTime::now())
    }

    /// Returns the moment that was read from both clocks before.
    #[must_use]
    pub fn at(&self, steady: Instant, wall: SystemTime) -> Moment {
        let wall = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment::new(
            steady.saturating_duration_since(self.start),
            i64::try_from(wall.as_micros()).unwrap_or(i64::MAX),
        )
    }
}

/// Returns a span in whole microseconds; what does not fit is the longest.
pub(super) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Steady clocks begin here, so that what an earlier process counted has room before it.
const START: u64 = 1 << 60;
