//! What traffic does and how endpoints are, told to the admin listener's router.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use admin::http::traffic as port;

use crate::cache::cached::Outcome;
use crate::registry::key_pair::KeyType;
use crate::served::Served;
use crate::snapshot::live::Live;
use crate::telemetry::Telemetry;
use crate::telemetry::counted::Counted;
use crate::telemetry::history::{MOST, STEP, Sample, Share};
use crate::upstream::{EndpointState, Probed, Report};

/// Answers the router of the admin listener.
pub struct Watching {
    live: Arc<Live<Served>>,
    telemetry: Arc<Telemetry>,
}

impl Watching {
    /// Answers by what is served, and by what is counted of it.
    pub fn new(live: Arc<Live<Served>>, telemetry: Arc<Telemetry>) -> Self {
        Self { live, telemetry }
    }
}

impl port::Traffic for Watching {
    fn history(&self) -> port::TrafficHistory {
        let samples = self.telemetry.history().samples();
        port::TrafficHistory {
            interval_seconds: STEP.as_secs(),
            most: MOST,
            versions: versions(&samples),
            samples: samples.iter().map(|sample| told(sample)).collect(),
        }
    }

    fn endpoints(&self, version: (&str, &str, &str)) -> Option<Vec<port::EndpointHealth>> {
        let served = self.live.current();
        let backends = served.backends_of(version)?;
        let now = SystemTime::now();
        let of = |key_type: KeyType, environment: port::Environment| {
            let reports = backends.of(key_type).map(|backend| backend.report());
            let reports = reports.unwrap_or_default().into_iter();
            reports.map(move |report| endpoint(report, environment, now))
        };
        let production = of(KeyType::Production, port::Environment::Production);
        Some(
            production
                .chain(of(KeyType::Sandbox, port::Environment::Sandbox))
                .collect(),
        )
    }
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").finish_non_exhaustive()
    }
}

fn told(sample: &Sample) -> port::TrafficSample {
    let [none, informational, success, redirection, client_error, server_error] = sample.whole.answered;
    let seconds = sample.span.as_secs_f64();
    port::TrafficSample {
        at: since_1970(sample.at),
        seconds,
        requests: sample.whole.requests(),
        statuses: port::Statuses {
            none,
            informational,
            success,
            redirection,
            client_error,
            server_error,
        },
        throttled: sample.throttled,
        cache: cache(&sample.whole, sample.served_from_cache),
        latency: port::Latencies {
            p50_ms: sample.whole.within(0.5).map(milliseconds),
            p90_ms: sample.whole.within(0.9).map(milliseconds),
            p99_ms: sample.whole.within(0.99).map(milliseconds),
        },
        in_flight: sample.now.in_flight,
        connections: sample.now.connections,
        cpu: if seconds > 0.0 {
            sample.processor.as_secs_f64() / seconds
        } else {
            0.0
        },
        resident_bytes: sample.now.resident,
    }
}

fn cache(counted: &Counted, served_bytes: u64) -> port::CacheFigures {
    port::CacheFigures {
        hits: counted.outcome(Outcome::Hit),
        revalidated: counted.outcome(Outcome::Revalidated),
        stale: counted.outcome(Outcome::Stale),
        misses: counted.outcome(Outcome::Miss) + counted.outcome(Outcome::Stored),
        bypassed: counted.outcome(Outcome::Bypass),
        served_bytes,
    }
}

/// Adds up what each version had of the samples; the busiest first, and no more than are worth a look.
fn versions(samples: &[Arc<Sample>]) -> Vec<port::VersionTraffic> {
    let mut found: HashMap<(&str, &str, &str), port::VersionTraffic> = HashMap::new();
    for (place, sample) in samples.iter().enumerate() {
        for share in &sample.versions {
            let version = found
                .entry(share.version())
                .or_insert_with(|| nothing(share.version(), samples.len()));
            version.requests += share.requests;
            version.client_errors += share.client_errors;
            version.server_errors += share.server_errors;
            if let Some(place) = version.samples.get_mut(place) {
                *place = of_sample(share);
            }
        }
    }
    let mut versions: Vec<_> = found.into_values().collect();
    versions.sort_by(|one, other| {
        let names = |it: &port::VersionTraffic| (it.tenant.clone(), it.api.clone(), it.version.clone());
        let by_requests = other.requests.cmp(&one.requests);
        by_requests.then_with(|| names(one).cmp(&names(other)))
    });
    versions.truncate(MOST_VERSIONS);
    versions
}

fn nothing((tenant, api, version): (&str, &str, &str), samples: usize) -> port::VersionTraffic {
    port::VersionTraffic {
        tenant: tenant.to_owned(),
        api: api.to_owned(),
        version: version.to_owned(),
        requests: 0,
        client_errors: 0,
        server_errors: 0,
        samples: vec![port::VersionSample::default(); samples],
    }
}

fn of_sample(share: &Share) -> port::VersionSample {
    port::VersionSample {
        requests: share.requests,
        client_errors: share.client_errors,
        server_errors: share.server_errors,
        p99_ms: share.p99.map(milliseconds),
    }
}

fn endpoint(report: Report, environment: port::Environment, now: SystemTime) -> port::EndpointHealth {
    let suspended = match report.state {
        EndpointState::Suspended(left) => Some(left),
        EndpointState::Down
        | EndpointState::Healthy
        | EndpointState::Inactive
        | EndpointState::OnTrial
        | EndpointState::Unresolved => None,
    };
    port::EndpointHealth {
        environment,
        url: report.url,
        state: match report.state {
            EndpointState::Down => port::EndpointState::Down,
            EndpointState::Healthy => port::EndpointState::Healthy,
            EndpointState::Inactive => port::EndpointState::Inactive,
            EndpointState::OnTrial => port::EndpointState::OnTrial,
            EndpointState::Suspended(_) => port::EndpointState::Suspended,
            EndpointState::Unresolved => port::EndpointState::Unresolved,
        },
        suspended_for_ms: suspended.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        suspended_until: suspended.and_then(|left| now.checked_add(left)).map(since_1970),
        failures: report.failures,
        probe: match report.probed {
            None => port::ProbeState::None,
            Some(Probed::Broken) => port::ProbeState::Down,
            Some(Probed::InOrder) => port::ProbeState::Up,
        },
        under_way: report.under_way as u64,
        addresses: report.addresses.iter().map(ToString::to_string).collect(),
    }
}

fn since_1970(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// No more versions are told of.
const MOST_VERSIONS: usize = 10;

#[cfg(test)]
mod tests;
