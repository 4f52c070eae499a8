//! A counter: what is in force for one subject of one quota.
//!
//! A counter holds counts and never figures, so that an edited quota applies to what is already counted. Where the
//! window changes its length, what is in force stays, each part from the time it was spent; what the old window had
//! forgotten is not known to a longer one. Where the limit changes its kind, all that is in force counts as spent now.

use super::bucket::{Bucket, Tokens};
use super::clock::Moment;
use super::demand::Quota;
use super::limit::{Kind, Unit};
use super::log::Log;
use super::slices::Slices;
use super::standing::{Retry, Standing, seconds};
use super::tally::Tally;

/// What is in force for one subject of one quota.
#[derive(Clone, Debug)]
pub(super) enum Counter {
    /// Of a token bucket.
    Bucket(Bucket),
    /// Of a sliding window, each request remembered.
    Log(Log),
    /// Of a sliding window, sums remembered.
    Slices(Slices),
    /// Of a calendar window.
    Tally(Tally),
}

impl Counter {
    /// A counter that nothing is in force in.
    pub(super) fn new(quota: &Quota, now: Moment) -> Self {
        match quota.limit().kind() {
            Kind::Calendar { calendar, .. } => Self::Tally(Tally::new(calendar, now.wall_seconds())),
            Kind::Sliding { window, .. } if remembers_each(quota) => Self::Log(Log::new(*window)),
            Kind::Sliding { window, .. } => Self::Slices(Slices::new(*window)),
            Kind::Tokens { per, .. } => Self::Bucket(Bucket::new(*per)),
            // What is under way is counted by `Holds`; this is never spent on.
            Kind::Concurrent { .. } => Self::Bucket(Bucket::new(1)),
        }
    }

    /// Drops what is no longer in force, and becomes what this quota is counted in. Returns the time to go on with:
    /// never before what was counted last, for threads read the clock before they get here.
    pub(super) fn settle(&mut self, quota: &Quota, now: Moment) -> Moment {
        let at = |last: u64| now.steady.max(last);
        let (steady, fits) = match (&mut *self, quota.limit().kind()) {
            (Self::Log(log), Kind::Sliding { window, .. }) => {
                let steady = at(log.last());
                log.settle(steady);
                (steady, log.window() == *window && remembers_each(quota))
            }
            (Self::Slices(slices), Kind::Sliding { window, .. }) => {
                let steady = at(slices.last());
                slices.settle(steady);
                let is_small = remembers_each(quota) && slices.used() <= Log::MOST;
                (steady, slices.window() == *window && !is_small)
            }
            (Self::Bucket(bucket), Kind::Tokens { .. }) => {
                let steady = at(bucket.last());
                bucket.settle(tokens(quota), steady);
                (steady, true)
            }
            (Self::Tally(tally), Kind::Calendar { calendar, .. }) => {
                tally.settle(calendar, now.wall_seconds());
                (now.steady, true)
            }
            (Self::Bucket(_) | Self::Log(_) | Self::Slices(_) | Self::Tally(_), _) => (at(self.last()), false),
        };
        let now = Moment { steady, ..now };
        if !fits {
            *self = self.under(quota, now);
        }
        now
    }

    /// Returns the moment to count at: never before what was counted last.
    #[inline]
    pub(super) fn not_before(&self, now: Moment) -> Moment {
        Moment {
            steady: now.steady.max(self.last()),
            ..now
        }
    }

    /// Returns the same counts in what this quota is counted in.
    fn under(&self, quota: &Quota, now: Moment) -> Self {
        let mut other = Self::new(quota, now);
        if self.is_idle(now) {
            return other;
        }
        let spendings = self.spendings(now);
        let total = spendings
            .iter()
            .fold(0_u64, |sum, (_, amount)| sum.saturating_add(*amount));
        if let Self::Log(log) = &other
            && total > Log::MOST
        {
            other = Self::Slices(Slices::new(log.window()));
        }
        for (at, amount) in spendings {
            other.add(quota, amount, at, now);
        }
        other
    }

    /// Counts what was spent earlier; all of it in order.
    pub(super) fn add(&mut self, quota: &Quota, amount: u64, at: u64, now: Moment) {
        match self {
            // Long past; noted it would look new.
            Self::Log(log) if now.steady.saturating_sub(at) > 2 * log.window() => {}
            Self::Slices(slices) if now.steady.saturating_sub(at) > 2 * slices.window() => {}
            Self::Log(log) => {
                log.settle(at);
                log.spend(amount, at);
                log.settle(now.steady);
            }
            Self::Slices(slices) => {
                slices.settle(at);
                slices.spend(amount, at);
                slices.settle(now.steady);
            }
            Self::Bucket(bucket) => {
                bucket.settle(tokens(quota), now.steady);
                bucket.spend(amount, tokens(quota));
            }
            Self::Tally(tally) => tally.spend(amount),
        }
    }

    /// Returns what is in force and up to when it was spent, oldest first.
    pub(super) fn spendings(&self, now: Moment) -> Vec<(u64, u64)> {
        match self {
            Self::Bucket(bucket) => vec![(now.steady, bucket.used())],
            Self::Log(log) => log.spendings(now.steady).collect(),
            Self::Slices(slices) => slices.spendings(now.steady).collect(),
            Self::Tally(tally) if tally.is_idle(now.wall_seconds()) => Vec::new(),
            Self::Tally(tally) => vec![(now.steady, tally.used())],
        }
    }

    /// Spends, whether it fits or not; [`Self::settle`] comes first.
    pub(super) fn spend(&mut self, quota: &Quota, amount: u64, now: Moment) {
        if let Self::Log(log) = self
            && log.used().saturating_add(amount) > Log::MOST
        {
            let mut slices = Slices::new(log.window());
            log.spendings(now.steady)
                .for_each(|(at, amount)| slices.spend(amount, at));
            *self = Self::Slices(slices);
        }
        match self {
            Self::Bucket(bucket) => bucket.spend(amount, tokens(quota)),
            Self::Log(log) => log.spend(amount, now.steady),
            Self::Slices(slices) => slices.spend(amount, now.steady),
            Self::Tally(tally) => tally.spend(amount),
        }
    }

    /// Returns how long after it was asked for so much may pass; none where it may now. [`Self::settle`] comes first,
    /// and says what is now.
    pub(super) fn wait(&self, quota: &Quota, amount: u64, (now, asked): (Moment, Moment)) -> Option<Retry> {
        let most = quota.limit().quota();
        // Of bytes, one must be left for any to pass.
        let amount = amount.max(1);
        if amount > most {
            return Some(Retry::Never);
        }
        let excess = |used: u64| Some(used.saturating_sub(most - amount)).filter(|excess| *excess > 0);
        let ready = match self {
            // Asked without counting tokens, which would take a division.
            Self::Bucket(bucket) if bucket.has(amount, tokens(quota)) => return None,
            Self::Bucket(bucket) => bucket.ready(amount, tokens(quota)),
            Self::Log(log) => log.end_of(excess(log.used())?, now.steady),
            Self::Slices(slices) => slices.end_of(excess(slices.used())?, now.steady),
            Self::Tally(tally) => return excess(tally.used()).map(|_| Retry::after(tally.wait(now))),
        };
        match ready {
            u64::MAX => Some(Retry::Never),
            _ => Some(Retry::after(ready.saturating_sub(asked.steady))),
        }
    }

    /// Says how the quota stands; [`Self::settle`] comes first.
    #[inline(always)]
    pub(super) fn standing(&self, quota: &Quota, now: Moment, marked: Standing) -> Standing {
        let most = quota.limit().quota();
        let reset = match self {
            Self::Bucket(bucket) => bucket.full().saturating_sub(now.steady),
            Self::Log(log) => log.end(now.steady).saturating_sub(now.steady),
            Self::Slices(slices) => slices.end(now.steady).saturating_sub(now.steady),
            Self::Tally(tally) => tally.wait(now),
        };
        Standing {
            quota: most,
            remaining: most.saturating_sub(self.used()),
            reset: seconds(reset),
            ..marked
        }
    }

    /// Tells whether nothing is in force any more, so that it may be forgotten.
    pub(super) fn is_idle(&self, now: Moment) -> bool {
        match self {
            Self::Bucket(bucket) => bucket.full() <= now.steady,
            Self::Tally(tally) => tally.is_idle(now.wall_seconds()),
            Self::Log(_) | Self::Slices(_) => {
                // Two grains later than the window, which is what a note may be counted longer.
                let window = self.window();
                let end = self.last().saturating_add(window + (window >> 27) + 2);
                self.used() == 0 || end <= now.steady
            }
        }
    }

    /// Gives back room that a burst has left behind.
    pub(super) fn shrink(&mut self) {
        match self {
            Self::Log(log) => log.shrink(),
            Self::Slices(slices) => slices.shrink(),
            Self::Bucket(_) | Self::Tally(_) => {}
        }
    }

    pub(super) fn used(&self) -> u64 {
        match self {
            Self::Bucket(bucket) => bucket.used(),
            Self::Log(log) => log.used(),
            Self::Slices(slices) => slices.used(),
            Self::Tally(tally) => tally.used(),
        }
    }

    /// Returns the length of a sliding window, in microseconds.
    pub(super) fn window(&self) -> u64 {
        match self {
            Self::Bucket(_) | Self::Tally(_) => 0,
            Self::Log(log) => log.window(),
            Self::Slices(slices) => slices.window(),
        }
    }

    fn last(&self) -> u64 {
        match self {
            Self::Bucket(bucket) => bucket.last(),
            Self::Log(log) => log.last(),
            Self::Slices(slices) => slices.last(),
            Self::Tally(_) => 0,
        }
    }
}

/// Tells whether a quota's window remembers each request: where the promise is exact, and nothing beyond it passes.
fn remembers_each(quota: &Quota) -> bool {
    !quota.is_soft() && quota.limit().unit() == Unit::Requests && quota.limit().quota() <= Log::MOST
}

fn tokens(quota: &Quota) -> Tokens {
    match quota.limit().kind() {
        Kind::Tokens { capacity, rate, per } => Tokens {
            capacity: *capacity,
            rate: *rate,
            per: *per,
        },
        Kind::Calendar { .. } | Kind::Concurrent { .. } | Kind::Sliding { .. } => Tokens {
            capacity: 0,
            rate: 0,
            per: 1,
        },
    }
}
