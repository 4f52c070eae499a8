//! Whether an endpoint may be tried: what traffic has seen of it, and what probes have.
//!
//! Traffic sets it aside after so many failed calls in a row, and lets one call through when the time is over. Probes
//! close and open it on their own account. Time is a parameter here; nothing asks the clock.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::model::backend::{Health, Probe};

use super::clock;

/// What is known of one endpoint's health.
#[derive(Debug, Default)]
pub(super) struct Condition {
    /// Failed calls in a row.
    pub(super) failures: AtomicU32,
    /// When traffic may try it again; zero while it is not set aside.
    pub(super) suspended_until: AtomicU64,
    /// Whether probes have found it broken.
    pub(super) down: AtomicBool,
}

/// Whether a call may be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// It may.
    Open,
    /// One may, to see whether the endpoint has recovered; it must be claimed first.
    OnTrial,
    /// None may.
    Shut,
}

impl Condition {
    /// Tells whether a call may be sent now.
    pub(super) fn standing(&self, now: u64) -> Standing {
        if self.down.load(Relaxed) {
            return Standing::Shut;
        }
        match self.suspended_until.load(Relaxed) {
            0 => Standing::Open,
            until if until <= now => Standing::OnTrial,
            _ => Standing::Shut,
        }
    }

    /// Claims the one call that is let through after a suspension; everyone else waits for another one to pass.
    pub(super) fn claim(&self, now: u64, health: &Health) -> bool {
        let until = self.suspended_until.load(Relaxed);
        let next = clock::after(now, health.suspend);
        until != 0
            && until <= now
            && self
                .suspended_until
                .compare_exchange(until, next, Relaxed, Relaxed)
                .is_ok()
    }

    /// Notes that a claimed call ended without telling anything, so that the next one may try.
    pub(super) fn give_back(&self, now: u64) {
        self.suspended_until.store(now, Relaxed);
    }

    /// Notes a failed call; tells whether it set the endpoint aside.
    pub(super) fn failed(&self, now: u64, health: &Health) -> bool {
        if health.max_failures == 0 {
            return false;
        }
        let failures = self.failures.fetch_add(1, Relaxed).saturating_add(1);
        if failures < health.max_failures {
            return false;
        }
        let until = clock::after(now, health.suspend);
        self.suspended_until.fetch_max(until, Relaxed) <= now
    }

    /// Notes a call that was answered; tells whether that mended it.
    pub(super) fn answered(&self) -> bool {
        // Written only where something changes: this line is shared by every request of the endpoint.
        if self.failures.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
        }
        self.suspended_until.load(Relaxed) != 0 && self.suspended_until.swap(0, Relaxed) != 0
    }

    /// Notes what probes have concluded; tells whether that is news.
    pub(super) fn judged(&self, up: bool) -> bool {
        self.down.swap(!up, Relaxed) == up
    }
}

/// Answers to probes, counted until they amount to a verdict.
#[derive(Debug, Default)]
pub(super) struct Findings {
    good: u32,
    bad: u32,
}

impl Findings {
    /// Notes an answer; returns a verdict when enough of the same kind came in a row.
    pub(super) fn note(&mut self, up: bool, probe: &Probe) -> Option<bool> {
        if up {
            self.bad = 0;
            self.good = self.good.saturating_add(1);
            (self.good >= probe.healthy_after).then_some(true)
        } else {
            self.good = 0;
            self.bad = self.bad.saturating_add(1);
            (self.bad >= probe.unhealthy_after).then_some(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn health(max_failures: u32) -> Health {
        Health {
            max_failures,
            suspend: Duration::from_millis(100),
            probe: None,
        }
    }

    #[test]
    fn failures_in_a_row_set_an_endpoint_aside() {
        let condition = Condition::default();
        assert!(!condition.failed(1, &health(2)));
        assert_eq!(condition.standing(1), Standing::Open);
        assert!(condition.failed(2, &health(2)));
        assert_eq!(condition.standing(101), Standing::Shut);
    }

    #[test]
    fn an_answer_in_between_starts_the_count_again() {
        let condition = Condition::default();
        condition.failed(1, &health(2));
        condition.answered();
        condition.failed(2, &health(2));
        assert_eq!(condition.standing(2), Standing::Open);
    }

    #[test]
    fn one_call_is_let_through_when_the_time_is_over() {
        let (condition, health) = (Condition::default(), health(1));
        condition.failed(1, &health);
        assert!(!condition.claim(100, &health));
        assert_eq!(condition.standing(101), Standing::OnTrial);
        assert!(condition.claim(101, &health));
        assert!(!condition.claim(101, &health));
        assert_eq!(condition.standing(101), Standing::Shut);
        assert!(condition.answered());
        assert_eq!(condition.standing(101), Standing::Open);
    }

    #[test]
    fn a_failed_trial_suspends_again_and_an_unfinished_one_is_given_back() {
        let (condition, health) = (Condition::default(), health(1));
        condition.failed(1, &health);
        assert!(condition.claim(101, &health));
        condition.failed(110, &health);
        assert_eq!(condition.standing(209), Standing::Shut);
        assert!(condition.claim(210, &health));
        condition.give_back(220);
        assert!(condition.claim(220, &health));
    }

    #[test]
    fn zero_failures_never_set_an_endpoint_aside() {
        let condition = Condition::default();
        assert!((0..1000).all(|now| !condition.failed(now, &health(0))));
        assert_eq!(condition.standing(1000), Standing::Open);
    }

    #[test]
    fn probes_need_their_number_of_answers_in_a_row() {
        let probe = Probe {
            path: "/".into(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            healthy_after: 2,
            unhealthy_after: 3,
        };
        let mut findings = Findings::default();
        let verdicts: Vec<_> = [false, false, true, false, false, false, true, true]
            .into_iter()
            .map(|up| findings.note(up, &probe))
            .collect();
        assert_eq!(verdicts, [None, None, None, None, None, Some(false), None, Some(true)]);
    }

    #[test]
    fn a_probes_verdict_is_news_once() {
        let condition = Condition::default();
        assert!(!condition.judged(true));
        assert!(condition.judged(false));
        assert!(!condition.judged(false));
        assert_eq!(condition.standing(1), Standing::Shut);
        assert!(condition.judged(true));
    }
}
