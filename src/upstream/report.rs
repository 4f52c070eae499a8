//! How the endpoints of a backend are, for those who report on it. It looks, and changes nothing.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::backend::{Backend, Slot};
use super::clock;
use super::health::Standing;

/// How an endpoint is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// Its address, as it was configured.
    pub url: String,
    /// Whether calls are sent to it.
    pub state: State,
    /// Failed calls in a row.
    pub failures: u32,
    /// Whether probes have found it in order; nothing where there are none.
    pub probed: Option<Probed>,
    /// Calls that are under way.
    pub under_way: usize,
    /// Where its name leads to.
    pub addresses: Vec<SocketAddr>,
}

/// Whether calls are sent to an endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// They are.
    Healthy,
    /// The next one is, to see whether it has recovered.
    OnTrial,
    /// None is for so long, for calls have failed.
    Suspended(Duration),
    /// None is, for probes have failed.
    Down,
    /// None can be: its name leads to no address.
    Unresolved,
    /// None is: whatever the endpoint is like, its version takes no calls.
    Inactive,
}

/// What probes have found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Probed {
    /// It does not answer as it should.
    Broken,
    /// It answers, or has not been found broken yet.
    InOrder,
}

impl Backend {
    /// Says how each endpoint is, in the order in which they were written.
    pub fn report(&self) -> Vec<Report> {
        self.report_at(clock::now())
    }

    fn report_at(&self, now: u64) -> Vec<Report> {
        self.slots.iter().map(|slot| slot.report(self.active, now)).collect()
    }
}

impl Slot {
    fn report(&self, is_active: bool, now: u64) -> Report {
        let target = &self.target;
        let condition = &target.condition;
        let found = || {
            if condition.is_down() {
                Probed::Broken
            } else {
                Probed::InOrder
            }
        };
        let state = match target.standing(now) {
            _ if !is_active => State::Inactive,
            _ if !target.is_resolved() => State::Unresolved,
            Standing::Open => State::Healthy,
            Standing::OnTrial => State::OnTrial,
            Standing::Shut if condition.is_down() => State::Down,
            Standing::Shut => State::Suspended(condition.suspended_for(now)),
        };
        Report {
            url: self.endpoint.name.to_string(),
            state,
            failures: condition.failures_in_a_row(),
            probed: target.name.health.probe.as_ref().map(|_| found()),
            under_way: target.load(),
            addresses: target.sockets(),
        }
    }
}

impl super::health::Condition {
    fn is_down(&self) -> bool {
        self.down.load(Relaxed)
    }

    fn failures_in_a_row(&self) -> u32 {
        self.failures.load(Relaxed)
    }

    fn suspended_for(&self, now: u64) -> Duration {
        Duration::from_millis(self.suspended_until.load(Relaxed).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::backend::Probe;
    use crate::upstream::registry::Registry;
    use crate::upstream::registry::tests::{draft, name, spec};

    fn backend(is_probed: bool) -> Arc<Backend> {
        let mut spec = spec(&["http://127.0.0.1:9/a", "http://nowhere.invalid"]);
        spec.health.probe = is_probed.then(|| Probe {
            path: "/".into(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            healthy_after: 1,
            unhealthy_after: 1,
        });
        draft(&Registry::default(), &[(name("t", "1"), spec)]).remove(0)
    }

    #[test]
    fn an_endpoint_is_told_as_traffic_finds_it() {
        let backend = backend(false);
        let told = |now: u64| {
            let report = backend.report_at(now).remove(0);
            (report.state, report.failures)
        };
        assert_eq!(told(1), (State::Healthy, 0));
        let target = &backend.slots[0].target;
        target.failed(1_000);
        assert_eq!(told(1_000), (State::Healthy, 1));
        target.failed(1_000);
        assert_eq!(told(1_000), (State::Suspended(Duration::from_secs(30)), 2));
        assert_eq!(told(21_000), (State::Suspended(Duration::from_secs(10)), 2));
        assert_eq!(told(31_000), (State::OnTrial, 2));
        target.answered();
        assert_eq!(told(31_000), (State::Healthy, 0));
    }

    #[test]
    fn what_probes_find_is_told_apart_from_what_traffic_finds() {
        let backend = backend(true);
        let told = || {
            let report = backend.report_at(1).remove(0);
            (report.state, report.probed)
        };
        assert_eq!(told(), (State::Healthy, Some(Probed::InOrder)));
        backend.slots[0].target.condition.judged(false);
        assert_eq!(told(), (State::Down, Some(Probed::Broken)));
    }

    #[test]
    fn a_name_without_an_address_and_calls_under_way_are_told() {
        let backend = backend(false);
        backend.slots[0].target.begin();
        let reports = backend.report_at(1);
        assert_eq!(reports[0].addresses, ["127.0.0.1:9".parse().unwrap()]);
        assert_eq!((reports[0].under_way, reports[0].probed), (1, None));
        assert_eq!(
            (reports[1].state, &*reports[1].url),
            (State::Unresolved, "http://nowhere.invalid/")
        );
    }
}
