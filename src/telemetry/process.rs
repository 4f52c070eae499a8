//! What the process as a whole shows: connections, memory, files. Read when somebody asks, never counted up.

use std::fmt;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use rustix::time::{ClockId, clock_gettime};

use super::access_log::AccessLog;
use crate::accept::connections::Connections;

/// The counts that others keep.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) connections: Arc<Connections>,
    pub(super) access_log: Option<Arc<AccessLog>>,
    pub(super) started: SystemTime,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        gauge(
            &mut encoder,
            "tollgate_connections_open",
            "Client connections that are open",
            self.connections.open(),
        )?;
        for (name, help, count) in self.counters() {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(count).encode(metric)?;
        }
        let started = self
            .started
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64();
        let (name, help) = ("process_start_time", "When the process started, in seconds since 1970");
        ConstGauge::new(started).encode(encoder.encode_descriptor(
            name,
            help,
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?)?;
        let resident = resident_bytes();
        let (name, help) = ("process_resident_memory", "Memory of the process that is in RAM");
        let metric = encoder.encode_descriptor(name, help, Some(&Unit::Bytes), MetricType::Gauge)?;
        ConstGauge::new(resident).encode(metric)?;
        let files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        gauge(
            &mut encoder,
            "process_open_fds",
            "File descriptors that are open",
            files,
        )
    }
}

impl Process {
    /// Returns what only rises: names, words and counts.
    fn counters(&self) -> [(&'static str, &'static str, u64); 5] {
        let Self {
            connections,
            access_log,
            ..
        } = self;
        let dropped = access_log.as_ref().map_or(0, |log| log.dropped());
        [
            (
                "tollgate_connections_refused",
                "Connections closed because too many were open",
                connections.refused(),
            ),
            (
                "tollgate_tls_handshake_failures",
                "TLS handshakes that failed",
                connections.handshake_failures(),
            ),
            (
                "tollgate_header_timeouts",
                "Connections cut in a request header",
                connections.header_timeouts(),
            ),
            (
                "tollgate_requests_unreadable",
                "Requests that could not be read",
                connections.unreadable_requests(),
            ),
            (
                "tollgate_access_log_dropped",
                "Access log lines that were not written",
                dropped,
            ),
        ]
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: usize) -> fmt::Result {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

/// Reads it where it stands in kilobytes, which does not depend on the machine's page size.
pub(super) fn resident_bytes() -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<i64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

/// Returns the processor time that the process has taken so far, of all its threads.
pub(super) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
