//! What the response cache holds and has done, read when somebody asks.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::cache::opened::Cache;

/// The cache of the process, as soon as it has one.
#[derive(Debug)]
pub(super) struct Kept(pub(super) Arc<OnceLock<Arc<Cache>>>);

impl Collector for Kept {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(cache) = self.0.get() else { return Ok(()) };
        let figures = cache.store().map(|store| store.figures()).unwrap_or_default();
        let gauges = [
            ("tollgate_cache_entries", "Responses in the cache", figures.entries),
            (
                "tollgate_cache_bytes",
                "Memory of the responses in the cache, and of those on their way",
                figures.bytes + figures.bytes_on_their_way,
            ),
        ];
        for (name, help, value) in gauges {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let counters = [
            (
                "tollgate_cache_evictions",
                "Responses that left the cache because others came",
                figures.evictions,
            ),
            (
                "tollgate_cache_not_stored",
                "Responses that were too large, found no room, or ended before they were whole",
                figures.refused + figures.broken,
            ),
            (
                "tollgate_cache_waits",
                "Requests that waited for another one's fetch",
                cache.waits(),
            ),
        ];
        for (name, help, count) in counters {
            ConstCounter::new(count).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        Ok(())
    }
}
