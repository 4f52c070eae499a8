//! What is counted of versions, as metrics.

use std::fmt;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, LabelSetEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::latency::Latency;
use super::meter::{Counts, Labels, Meter, Meters};

impl Collector for Meters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let meters = self.used();
        let counts = || meters.iter().map(Meter::counts);
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
