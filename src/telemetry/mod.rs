//! What the gateway tells about itself: metrics, the access log, the status page and its own log.
//!
//! Everything here only looks: no request waits for it and none is decided by it. [`Telemetry`] is what the rest of
//! the house counts with; [`status`] is where it is read.

pub mod access_log;
mod clock;
pub mod counted;
mod exposition;
pub mod history;
mod kept;
mod latency;
mod line;
pub mod logging;
pub mod meter;
pub mod observe;
mod process;
pub mod quotas;
pub mod readiness;
pub mod record;
pub mod status;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use self::access_log::AccessLog;
use self::history::{History, Reading, Standing};
use self::kept::Kept;
use self::meter::{Meter, Meters};
use self::process::Process;
use self::quotas::{QuotaMeter, QuotaMeters};
use self::record::Record;
use crate::accept::connections::Connections;
use crate::cache::opened::Cache;
use crate::denial::{Denial, Reach};
use crate::snapshot::tiers::Tier;

/// What the gateway counts and writes of its requests and of its catalog.
#[derive(Debug)]
pub struct Telemetry {
    meters: Arc<Meters>,
    quotas: Arc<QuotaMeters>,
    refusals: Family<[(&'static str, &'static str); 2], Counter>,
    in_flight: Gauge,
    catalog: CatalogMetrics,
    certificates_refused: Gauge,
    quota_store: Family<[(&'static str, &'static str); 1], Gauge>,
    access_log: Option<Arc<AccessLog>>,
    registry: Registry,
    cache: Arc<OnceLock<Arc<Cache>>>,
    connections: Arc<Connections>,
    history: History,
}

/// What became of the catalog.
#[derive(Debug, Default)]
struct CatalogMetrics {
    reloads: Family<[(&'static str, &'static str); 1], Counter>,
    revision: Gauge,
    refused: Gauge,
    applied: Gauge<f64, AtomicU64>,
    apis: Gauge,
}

impl Telemetry {
    /// Starts with nothing counted.
    pub fn new(access_log: Option<AccessLog>, connections: Arc<Connections>) -> Arc<Self> {
        let cache = Arc::<OnceLock<Arc<Cache>>>::default();
        let access_log = access_log.map(Arc::new);
        let (meters, quotas) = (Arc::<Meters>::default(), Arc::<QuotaMeters>::default());
        let mut telemetry = Self {
            meters: meters.clone(),
            quotas: quotas.clone(),
            refusals: Family::default(),
            in_flight: Gauge::default(),
            catalog: CatalogMetrics::default(),
            certificates_refused: Gauge::default(),
            quota_store: Family::default(),
            access_log: access_log.clone(),
            registry: Registry::default(),
            cache: Arc::clone(&cache),
            connections: Arc::clone(&connections),
            history: History::default(),
        };
        let process = Process {
            connections,
            access_log,
            started: SystemTime::now(),
        };
        telemetry.registry.register_collector(Box::new(meters));
        telemetry.registry.register_collector(Box::new(quotas));
        telemetry.registry.register_collector(Box::new(process));
        telemetry.registry.register_collector(Box::new(Kept(cache)));
        telemetry.register();
        Arc::new(telemetry)
    }

    fn register(&mut self) {
        let Self {
            registry,
            refusals,
            in_flight,
            catalog,
            certificates_refused,
            quota_store,
            ..
        } = self;
        registry.register(
            "tollgate_refusals",
            "Requests refused or failed, by code",
            refusals.clone(),
        );
        registry.register(
            "tollgate_requests_in_flight",
            "Requests that are being answered",
            in_flight.clone(),
        );
        registry.register(
            "tollgate_reloads",
            "Changes of the catalog, by outcome",
            catalog.reloads.clone(),
        );
        registry.register(
            "tollgate_catalog_revision",
            "Revision that is served",
            catalog.revision.clone(),
        );
        registry.register(
            "tollgate_catalog_refused",
            "1 while a change waits to be mended",
            catalog.refused.clone(),
        );
        registry.register(
            "tollgate_certificates_refused",
            "1 while changed certificates wait to be mended",
            certificates_refused.clone(),
        );
        registry.register(
            "tollgate_quota_store_connected",
            "1 while quotas are counted together with other gateways, 0 while alone for want of the store",
            quota_store.clone(),
        );
        registry.register("tollgate_catalog_apis", "APIs that are served", catalog.apis.clone());
        registry.register_with_unit(
            "tollgate_catalog_applied_timestamp",
            "When the served revision became live",
            Unit::Seconds,
            catalog.applied.clone(),
        );
    }

    /// Returns what counts a version's requests; look it up when a catalog is prepared, not for each request.
    pub fn meter(&self, tenant: &str, api: &str, version: &str) -> Meter {
        self.meters.find((tenant, api, version))
    }

    /// Returns what counts the requests that are held against a tier; look it up when a catalog is prepared.
    pub fn quota_meter(&self, tier: &Tier) -> QuotaMeter {
        self.quotas.find(tier)
    }

    /// Counts a request as under way until the guard is dropped.
    #[must_use = "the request counts as under way until this is dropped"]
    pub fn began(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts and logs what a request left behind; `meter` is its version's, where it got so far.
    pub fn record(&self, record: &Record<'_>, meter: Option<&Meter>) {
        let meter = meter.unwrap_or(&self.meters.unmatched);
        meter.answered(record.answer.status, record.answer.duration);
        if let Some(outcome) = record.answer.cache {
            meter.cached(outcome);
            if let (true, Some(cache)) = (outcome.is_kept(), self.cache.get()) {
                cache.serve(record.answer.bytes);
            }
        }
        if let Some(called) = record.upstream {
            meter.called(called.attempts, called.duration);
        }
        if let (Some(code), Some(reason)) = (record.answer.code, record.answer.reason) {
            self.refusals.get_or_create(&[("code", code), ("reason", reason)]).inc();
        }
        self.log(record);
    }

    /// Logs what a request left behind.
    pub fn log(&self, record: &Record<'_>) {
        if let Some(log) = &self.access_log {
            log.write(record);
        }
    }

    /// Forgets what was counted for tiers that are not among these.
    pub fn tiers_published<'a>(&self, tiers: impl Iterator<Item = &'a Tier>) {
        self.quotas.keep_only(tiers);
    }

    /// Notes that a catalog became live, and forgets the versions that are not among `versions` (tenant, api,
    /// version).
    pub fn published<'a>(
        &self,
        revision: u64,
        apis: usize,
        versions: impl Iterator<Item = (&'a str, &'a str, &'a str)>,
    ) {
        self.meters.keep_only(versions);
        let CatalogMetrics {
            reloads,
            revision: current,
            refused,
            applied,
            apis: count,
        } = &self.catalog;
        reloads.get_or_create(&[("outcome", "applied")]).inc();
        current.set(i64::try_from(revision).unwrap_or(i64::MAX));
        refused.set(0);
        applied.set(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs_f64(),
        );
        count.set(i64::try_from(apis).unwrap_or(i64::MAX));
    }

    /// Notes that a change was asked for and nothing had changed, which also ends a refusal.
    pub fn reload_unchanged(&self) {
        self.catalog.reloads.get_or_create(&[("outcome", "unchanged")]).inc();
        self.catalog.refused.set(0);
    }

    /// Notes that a change was refused; the gauge stays up until one is not.
    pub fn reload_refused(&self) {
        self.catalog.reloads.get_or_create(&[("outcome", "refused")]).inc();
        self.catalog.refused.set(1);
    }

    /// Notes whether changed certificates are kept from being served.
    pub fn certificates_refused(&self, is_refused: bool) {
        self.certificates_refused.set(i64::from(is_refused));
    }

    /// Notes whether quotas are counted together with other gateways, by this mode.
    pub fn quota_store(&self, mode: &'static str, is_connected: bool) {
        let connected = self.quota_store.get_or_create(&[("mode", mode)]);
        connected.set(i64::from(is_connected));
    }

    /// Opens the access log's file anew.
    pub fn reopen_access_log(&self) {
        if let Some(log) = &self.access_log {
            log.reopen();
        }
    }

    /// Writes what the access log still holds and ends it; blocks until that is done, but not for long.
    pub fn close_access_log(&self) {
        if let Some(log) = &self.access_log {
            log.close();
        }
    }

    /// Shows what is kept of responses from now on.
    pub fn show_cache(&self, cache: &Arc<Cache>) {
        // One process has one cache.
        let _ = self.cache.set(Arc::clone(cache));
    }

    /// Returns the traffic of the last hour, as far as [`Self::keep_history`] has run.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Reads what the history is made of.
    fn reading(&self, wall: SystemTime, steady: Instant) -> Reading {
        let count = |labels| self.refusals.get(&labels).map_or(0, |counter| counter.get());
        let whole = |gauge: i64| u64::try_from(gauge).unwrap_or_default();
        Reading {
            wall,
            steady,
            meters: self.meters.read(),
            throttled: Reach::TOO_MANY.into_iter().map(too_many).map(count).sum(),
            served_from_cache: self.cache.get().map_or(0, |cache| cache.served()),
            processor: process::processor_time(),
            now: Standing {
                in_flight: whole(self.in_flight.get()),
                connections: self.connections.open() as u64,
                resident: whole(process::resident_bytes()),
            },
        }
    }

    /// Returns every metric as OpenMetrics text.
    pub fn metrics(&self) -> String {
        let mut page = String::new();
        // A string takes everything, so this cannot fail.
        if text::encode(&mut page, &self.registry).is_err() {
            page.clear();
        }
        page
    }
}

/// Returns the labels of refusals for a quota.
fn too_many(reach: Reach) -> [(&'static str, &'static str); 2] {
    let denial = Denial::Throttled(reach, None);
    [("code", denial.fault().code), ("reason", denial.name())]
}

/// A request under way.
#[derive(Debug)]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests;
