//! The count of a calendar window, and what becomes of it when the window or the clock changes.
//!
//! A wall clock that is set back hands out nothing twice: the count stays in the window that it was in. Only where the
//! clock says that it was wrong by more than a whole window does the count move to the window that now is, or a
//! leap of a year would bar a caller for a year; such a leap costs one quota at most.

use super::calendar::{Bounds, Calendar};
use super::clock::Moment;

/// What was spent in a calendar window.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    bounds: Bounds,
    amount: u64,
}

impl Tally {
    pub(super) fn new(calendar: &Calendar, second: i64) -> Self {
        Self {
            bounds: calendar.window(second),
            amount: 0,
        }
    }

    /// A tally as it was kept.
    pub(super) fn kept((start, end): (i64, i64), amount: u64) -> Self {
        Self {
            bounds: Bounds { start, end },
            amount,
        }
    }

    /// Returns how it is kept: the window, and what was spent in it.
    pub(super) fn parts(&self) -> ((i64, i64), u64) {
        ((self.bounds.start, self.bounds.end), self.amount)
    }

    pub(super) fn used(&self) -> u64 {
        self.amount
    }

    /// Returns the microseconds until its window has passed.
    pub(super) fn wait(&self, now: Moment) -> u64 {
        let end = self.bounds.end.saturating_mul(1_000_000);
        u64::try_from(end.saturating_sub(now.wall)).unwrap_or_default()
    }

    /// Moves to the window that now is; the count stays where it may be of that window.
    pub(super) fn settle(&mut self, calendar: &Calendar, second: i64) {
        let now = calendar.window(second);
        if now == self.bounds {
            return;
        }
        let ahead = self.bounds.start.saturating_sub(second);
        if ahead > 0 && ahead <= self.bounds.length() {
            return;
        }
        // Of the window that now is: all of it, where that is longer; some of it, where that is shorter or shifted.
        let counts = self.bounds.start >= now.start || self.bounds.end > second;
        if !counts {
            self.amount = 0;
        }
        self.bounds = now;
    }

    pub(super) fn spend(&mut self, amount: u64) {
        self.amount = self.amount.saturating_add(amount);
    }

    /// Adds what another process counted; in the later one of two windows, where they differ.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.bounds.start > self.bounds.start {
            self.bounds = other.bounds;
        }
        self.amount = self.amount.saturating_add(other.amount);
    }

    pub(super) fn is_longer_than(&self, seconds: i64) -> bool {
        self.bounds.length() > seconds
    }

    /// Tells whether it may be forgotten: later than its window ends, for the clock might be set back.
    pub(super) fn is_idle(&self, second: i64) -> bool {
        let grace = self.bounds.length().min(LONGEST_GRACE);
        self.amount == 0 || second >= self.bounds.end.saturating_add(grace)
    }
}

impl Bounds {
    fn length(self) -> i64 {
        self.end.saturating_sub(self.start)
    }
}

/// An hour, in seconds: clocks that are kept in time are not set back further.
const LONGEST_GRACE: i64 = 3_600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::CalendarSpan::{self, Day, Minute, Month};

    const DAY: i64 = 86_400;

    fn calendar(span: CalendarSpan) -> Calendar {
        Calendar::new(span, "UTC").unwrap()
    }

    fn left(tally: &Tally, second: i64) -> i64 {
        tally
            .wait(Moment {
                steady: 0,
                wall: second * 1_000_000,
            })
            .cast_signed()
            / 1_000_000
    }

    /// Spends ten at a second, and tells how much of it counts at another.
    fn carried(from: (CalendarSpan, i64), to: (CalendarSpan, i64)) -> u64 {
        let mut tally = Tally::new(&calendar(from.0), from.1);
        tally.spend(10);
        tally.settle(&calendar(to.0), to.1);
        tally.used()
    }

    #[test]
    fn a_count_ends_with_its_window() {
        assert_eq!(carried((Day, 0), (Day, DAY - 1)), 10);
        assert_eq!(carried((Day, 0), (Day, DAY)), 0);
    }

    #[test]
    fn a_clock_set_back_hands_out_nothing_twice() {
        let day = calendar(Day);
        let mut tally = Tally::new(&day, DAY - 1);
        tally.spend(10);
        assert!(!tally.is_idle(DAY + 3_599));
        tally.settle(&day, DAY);
        tally.spend(3);
        tally.settle(&day, DAY - 1);
        assert_eq!((tally.used(), left(&tally, DAY - 1)), (3, DAY + 1));
        // A clock that was wrong by years bars nobody for years.
        let mut tally = Tally::new(&day, 9_999 * DAY);
        tally.spend(3);
        tally.settle(&day, 0);
        assert_eq!((tally.used(), left(&tally, 0)), (3, DAY));
    }

    #[test]
    fn a_count_stays_under_another_window() {
        assert_eq!(carried((Day, DAY), (Month, DAY)), 10);
        assert_eq!(carried((Day, DAY), (Month, 3 * DAY)), 10);
        assert_eq!(carried((Month, DAY), (Day, 2 * DAY)), 10);
        assert_eq!(carried((Month, DAY), (Minute, 40 * DAY)), 0);
    }
}
