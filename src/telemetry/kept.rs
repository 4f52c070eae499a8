//! What the response cache holds and has done, read when somebody asks.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::cache::opened::Cache;
use crate::cache::storage::{DiskFigures, Figures};

/// The cache of the process, as soon as it has one.
#[derive(Debug)]
pub(super) struct Kept(pub(super) Arc<OnceLock<Arc<Cache>>>);

impl Collector for Kept {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(cache) = self.0.get() else { return Ok(()) };
        let figures = cache.store().map(|store| store.figures()).unwrap_or_default();
        memory(&mut encoder, &figures)?;
        let fetched = [
            (
                "tollgate_cache_served_bytes",
                "Bytes of bodies that came from the cache",
                cache.served(),
            ),
            (
                "tollgate_cache_waits",
                "Requests that waited for another one's fetch",
                cache.waits(),
            ),
        ];
        counters(&mut encoder, &fetched)?;
        figures.disk.map_or(Ok(()), |figures| disk(&mut encoder, &figures))
    }
}

fn memory(encoder: &mut DescriptorEncoder<'_>, figures: &Figures) -> fmt::Result {
    let held = [
        ("tollgate_cache_entries", "Responses in the cache", figures.entries),
        (
            "tollgate_cache_bytes",
            "Memory of the responses in the cache, and of those on their way",
            figures.bytes + figures.bytes_on_their_way,
        ),
        (
            "tollgate_cache_purges",
            "Purges that responses on their way are held against",
            figures.purges,
        ),
    ];
    gauges(encoder, &held)?;
    let done = [
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
    ];
    counters(encoder, &done)
}

fn disk(encoder: &mut DescriptorEncoder<'_>, figures: &DiskFigures) -> fmt::Result {
    let held = [
        (
            "tollgate_cache_disk_used",
            "1 where the disk of the cache works and no other process has it",
            u64::from(figures.is_used),
        ),
        ("tollgate_cache_disk_entries", "Responses on the disk", figures.entries),
        ("tollgate_cache_disk_bytes", "Bytes of their files", figures.bytes),
        (
            "tollgate_cache_disk_foreign",
            "Files in the directory that are not the cache's",
            figures.foreign,
        ),
    ];
    gauges(encoder, &held)?;
    let done = [
        ("tollgate_cache_disk_written", "Responses written", figures.written),
        ("tollgate_cache_disk_read", "Responses read", figures.read),
        (
            "tollgate_cache_disk_skipped",
            "Responses not written or read because too many were at once",
            figures.skipped,
        ),
        (
            "tollgate_cache_disk_failures",
            "Times that the file system refused",
            figures.failed,
        ),
        (
            "tollgate_cache_disk_damaged",
            "Files that were not what was written",
            figures.damaged,
        ),
    ];
    counters(encoder, &done)
}

type Figure = (&'static str, &'static str, u64);

fn gauges(encoder: &mut DescriptorEncoder<'_>, figures: &[Figure]) -> fmt::Result {
    for (name, help, value) in figures {
        let value = i64::try_from(*value).unwrap_or(i64::MAX);
        ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
    }
    Ok(())
}

fn counters(encoder: &mut DescriptorEncoder<'_>, figures: &[Figure]) -> fmt::Result {
    for (name, help, count) in figures {
        ConstCounter::new(*count).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
    }
    Ok(())
}
