//! Counts of each version.
//!
//! A [`Meter`] is looked up by name once, when a catalog is prepared; counting is then a few atomic additions. It
//! outlives snapshots, so that counts go on over a reload, and is forgotten with its version, so that the label set
//! stays as small as the catalog.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ahash::AHashMap;
use parking_lot::Mutex;

use super::counted::{CLASSES, Counted};
use super::latency::Latency;
use super::line;
use crate::cache::cached::Outcome;
use crate::courtesy::others_first;
use crate::upstream::Failure;

/// What counts a version's requests; clones count into the same place.
#[derive(Clone, Default)]
pub struct Meter(Arc<Counts>);

impl Meter {
    /// Counts one attempt on an endpoint that failed, whether or not another one answered after it.
    pub fn upstream_failed(&self, failure: Failure) {
        let [
            broken,
            connect_failed,
            connect_timed_out,
            no_endpoint,
            timed_out,
            unresolved,
        ] = &self.0.failures;
        let counter = match failure {
            Failure::Broken => broken,
            Failure::ConnectFailed => connect_failed,
            Failure::ConnectTimedOut => connect_timed_out,
            Failure::NoEndpoint => no_endpoint,
            Failure::TimedOut => timed_out,
            Failure::Unresolved => unresolved,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the names of its version, as log lines have them.
    pub(super) fn names(&self) -> &str {
        &self.0.names
    }

    /// Returns the names of its tenant, its Api and its version.
    pub(super) fn version(&self) -> (&str, &str, &str) {
        let Labels { tenant, api, version } = &self.0.labels;
        (tenant, api, version)
    }

    /// Tells whether it counts for a version, and not for what met none.
    pub(super) fn is_of_version(&self) -> bool {
        !self.0.labels.api.is_empty()
    }

    /// Tells it apart from every other one that is held.
    pub(super) fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.0
    }

    fn counted(&self) -> Counted {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counted {
            answered: self.0.answered.each_ref().map(read),
            cached: self.0.cached.each_ref().map(read),
            took: self.0.whole.counts(),
        }
    }

    pub(super) fn answered(&self, status: u16, took: Duration) {
        let class = usize::from(status / 100);
        if let Some(counter) = self.0.answered.get(class).or(self.0.answered.first()) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.0.whole.observe(took);
    }

    pub(super) fn cached(&self, outcome: Outcome) {
        let place = Outcome::ALL.iter().position(|known| *known == outcome);
        if let Some(counter) = place.and_then(|place| self.0.cached.get(place)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn called(&self, attempts: u8, took: Option<Duration>) {
        if let Some(took) = took {
            self.0.upstream.observe(took);
        }
        if attempts > 1 {
            self.0.retries.fetch_add(u64::from(attempts - 1), Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meter").field(&self.0.labels).finish()
    }
}

/// What is counted of a version.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) labels: Labels,
    names: Box<str>,
    answered: [AtomicU64; CLASSES.len()],
    pub(super) whole: Latency,
    pub(super) upstream: Latency,
    failures: [AtomicU64; REASONS.len()],
    pub(super) retries: AtomicU64,
    /// In the order of [`Outcome::ALL`].
    cached: [AtomicU64; Outcome::ALL.len()],
}

/// In the order of [`Failure`].
const REASONS: [&str; 6] = [
    "broken",
    "connect_failed",
    "connect_timed_out",
    "no_endpoint",
    "timed_out",
    "unresolved",
];

/// The names of a version.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Labels {
    pub(super) tenant: Box<str>,
    pub(super) api: Box<str>,
    pub(super) version: Box<str>,
}

impl Labels {
    fn new((tenant, api, version): (&str, &str, &str)) -> Self {
        Self {
            tenant: tenant.into(),
            api: api.into(),
            version: version.into(),
        }
    }
}

/// The meters of all versions, by name.
#[derive(Debug, Default)]
pub(super) struct Meters {
    named: Mutex<AHashMap<Labels, Meter>>,
    /// Counts what was answered before any version was found; its labels are empty.
    pub(super) unmatched: Meter,
}

impl Meters {
    pub(super) fn find(&self, name: (&str, &str, &str)) -> Meter {
        let labels = Labels::new(name);
        let mut named = self.named.lock();
        let made = || {
            Meter(Arc::new(Counts {
                labels: labels.clone(),
                names: line::names(name.0, name.1, name.2),
                ..Counts::default()
            }))
        };
        named.entry(labels.clone()).or_insert_with(made).clone()
    }

    pub(super) fn keep_only<'a>(&self, names: impl Iterator<Item = (&'a str, &'a str, &'a str)>) {
        let mut kept = AHashMap::new();
        for name in names {
            others_first();
            let labels = Labels::new(name);
            let known = self.named.lock().get(&labels).cloned();
            kept.extend(known.map(|meter| (labels, meter)));
        }
        // Never while it is locked: whoever reads the metrics would wait for a thread that lets others go first.
        let before = mem::replace(&mut *self.named.lock(), kept);
        before.into_iter().for_each(|_| others_first());
    }

    /// Reads the meters that have counted anything.
    pub(super) fn read(&self) -> Vec<(Meter, Counted)> {
        let meters = self.used().into_iter();
        meters.map(|meter| (meter.clone(), meter.counted())).collect()
    }

    /// Returns the meters that have counted anything, by name; the rest would only make the page long.
    pub(super) fn used(&self) -> Vec<Meter> {
        let mut meters: Vec<_> = self.named.lock().values().cloned().collect();
        meters.push(self.unmatched.clone());
        meters.retain(|meter| meter.0.is_used());
        meters.sort_by(|one, other| one.0.labels.cmp(&other.0.labels));
        meters
    }
}

impl Counts {
    fn is_used(&self) -> bool {
        let mut counts = self.answered.iter().chain(&self.failures);
        counts.any(|count| count.load(Ordering::Relaxed) > 0)
    }

    pub(super) fn by_class(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES
            .into_iter()
            .zip(self.answered.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    pub(super) fn by_outcome(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = Outcome::ALL.into_iter().map(Outcome::name);
        names.zip(self.cached.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    pub(super) fn by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> {
        REASONS
            .into_iter()
            .zip(self.failures.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_named_in_the_order_of_the_variants() {
        let meter = Meter::default();
        meter.upstream_failed(Failure::Broken);
        meter.upstream_failed(Failure::TimedOut);
        meter.upstream_failed(Failure::Unresolved);
        let counted: Vec<_> = meter.0.by_reason().filter(|(_, count)| *count == 1).collect();
        assert_eq!(counted, [("broken", 1), ("timed_out", 1), ("unresolved", 1)]);
    }

    #[test]
    fn a_status_that_is_none_is_counted_apart() {
        let meter = Meter::default();
        for status in [0, 101, 204, 304, 404, 599, 999] {
            meter.answered(status, Duration::ZERO);
        }
        let counted: Vec<_> = meter.0.by_class().map(|(_, count)| count).collect();
        assert_eq!(counted, [2, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn the_same_name_is_the_same_meter_until_it_is_forgotten() {
        let meters = Meters::default();
        let name = ("acme.example", "Orders", "1.0");
        meters.find(name).answered(200, Duration::ZERO);
        meters.keep_only([name].into_iter());
        meters.find(name).answered(200, Duration::ZERO);
        assert_eq!(meters.used().len(), 1);
        assert_eq!(meters.used()[0].0.answered[2].load(Ordering::Relaxed), 2);
        meters.keep_only(std::iter::empty());
        assert!(meters.used().is_empty());
    }
}
