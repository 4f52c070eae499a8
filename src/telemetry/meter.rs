//! Counts of one version, and of all versions as metrics.
//!
//! A [`Meter`] is looked up by name once, when a catalog is prepared; counting is then a few atomic additions. It
//! outlives snapshots, so that counts go on over a reload, and is forgotten with its version, so that the label set
//! stays as small as the catalog.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, LabelSetEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::history::percentile;
use super::latency::{BUCKETS, Latency};
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

#[derive(Debug, Default)]
struct Counts {
    labels: Labels,
    names: Box<str>,
    answered: [AtomicU64; CLASSES.len()],
    whole: Latency,
    upstream: Latency,
    failures: [AtomicU64; REASONS.len()],
    retries: AtomicU64,
    /// In the order of [`Outcome::ALL`].
    cached: [AtomicU64; Outcome::ALL.len()],
}

/// By the first digit of the status; the first stands for a status that is none.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// In the order of [`Failure`].
const REASONS: [&str; 6] = [
    "broken",
    "connect_failed",
    "connect_timed_out",
    "no_endpoint",
    "timed_out",
    "unresolved",
];

#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct Labels {
    tenant: Box<str>,
    api: Box<str>,
    version: Box<str>,
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

/// The labels of one line: a version, and what the line counts of it.
#[derive(Debug)]
struct Series<'a>(&'a Labels, Option<(&'static str, &'static str)>);

impl EncodeLabelSet for Series<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let Self(labels, more) = self;
        [
            ("tenant", &*labels.tenant),
            ("api", &*labels.api),
            ("version", &*labels.version),
        ]
        .encode(encoder)?;
        more.as_slice().encode(encoder)
    }
}

/// The meters of all versions, by name.
#[derive(Debug, Default)]
pub(super) struct Meters {
    named: Mutex<HashMap<Labels, Meter>>,
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
        let kept: HashSet<Labels> = names.inspect(|_| others_first()).map(Labels::new).collect();
        self.named.lock().retain(|labels, _| kept.contains(labels));
    }

    /// Reads the meters that have counted anything.
    pub(super) fn read(&self) -> Vec<(Meter, Counted)> {
        let meters = self.used().into_iter();
        meters.map(|meter| (meter.clone(), meter.counted())).collect()
    }

    /// Returns the meters that have counted anything, by name; the rest would only make the page long.
    fn used(&self) -> Vec<Meter> {
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

    fn by_class(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES
            .into_iter()
            .zip(self.answered.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    fn by_outcome(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = Outcome::ALL.into_iter().map(Outcome::name);
        names.zip(self.cached.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    fn by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> {
        REASONS
            .into_iter()
            .zip(self.failures.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

impl Collector for Meters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let meters = self.used();
        let counts = || meters.iter().map(|meter| &*meter.0);
        let answered = |counts: &Counts| counts.by_class().collect::<Vec<_>>();
        let failed = |counts: &Counts| counts.by_reason().collect::<Vec<_>>();
        encode_counters(
            &mut encoder,
            REQUESTS,
            "status",
            counts().map(|counts| (&counts.labels, answered(counts))),
        )?;
        encode_latency(
            &mut encoder,
            WHOLE,
            counts().map(|counts| (&counts.labels, &counts.whole)),
        )?;
        encode_latency(
            &mut encoder,
            UPSTREAM,
            counts().map(|counts| (&counts.labels, &counts.upstream)),
        )?;
        encode_counters(
            &mut encoder,
            FAILURES,
            "reason",
            counts().map(|counts| (&counts.labels, failed(counts))),
        )?;
        let cached = |counts: &Counts| counts.by_outcome().collect::<Vec<_>>();
        encode_counters(
            &mut encoder,
            CACHED,
            "outcome",
            counts().map(|counts| (&counts.labels, cached(counts))),
        )?;
        let (name, help) = RETRIES;
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for counts in counts() {
            let retries = counts.retries.load(Ordering::Relaxed);
            let series = Series(&counts.labels, None);
            family
                .encode_family(&series)?
                .encode_counter::<NoLabelSet, _, u64>(&retries, None)?;
        }
        Ok(())
    }
}

const REQUESTS: (&str, &str) = (
    "tollgate_requests",
    "Requests by the class of their status; without labels those that met no API",
);
const WHOLE: (&str, &str) = (
    "tollgate_request_duration",
    "From the request header to the end of the response",
);
const UPSTREAM: (&str, &str) = (
    "tollgate_upstream_duration",
    "From the choice of an endpoint to its response header, retries included",
);
const CACHED: (&str, &str) = (
    "tollgate_cache_requests",
    "Requests of resources whose responses are kept, by what the cache did",
);
const FAILURES: (&str, &str) = ("tollgate_upstream_failures", "Attempts on an endpoint that failed");
const RETRIES: (&str, &str) = ("tollgate_upstream_retries", "Attempts after the first one of a request");

fn encode_counters<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    label: &'static str,
    versions: impl Iterator<Item = (&'a Labels, Vec<(&'static str, u64)>)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, counts) in versions {
        for (value, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            let series = Series(labels, Some((label, value)));
            family
                .encode_family(&series)?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
    }
    Ok(())
}

fn encode_latency<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    versions: impl Iterator<Item = (&'a Labels, &'a Latency)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
    for (labels, latency) in versions {
        let observed = latency.observed();
        if observed.count > 0 {
            let series = Series(labels, None);
            let mut line = family.encode_family(&series)?;
            line.encode_histogram::<NoLabelSet>(observed.seconds, observed.count, &observed.buckets, None)?;
        }
    }
    Ok(())
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
