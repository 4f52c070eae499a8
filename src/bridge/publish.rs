//! Makes a catalog live: compiles it, finds the long-lived things it uses, and swaps one pointer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use admin::control::publish::{Commit, Publish, Revision};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::trials::Trials;
use crate::courtesy::others_first;
use crate::model::catalog::Catalog;
use crate::model::security::CredentialFields;
use crate::model::violation::Violation;
use crate::quota::Secret;
use crate::quota_fields::QuotaFields;
use crate::served::Served;
use crate::snapshot::live::Live;
use crate::snapshot::{Version, compile_for};
use crate::telemetry::Telemetry;
use crate::upstream::Pool;

/// Serves what the control plane decides.
pub struct Publisher {
    live: Arc<Live<Served>>,
    pool: Arc<Pool>,
    telemetry: Arc<Telemetry>,
    runtime: Option<Handle>,
    retired: Arc<Retired>,
    fields: CredentialFields,
    secret: Secret,
    quota_fields: QuotaFields,
    published: watch::Sender<u64>,
    trials: Option<Trials>,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}

impl Publisher {
    /// Publishes to `live`; endpoint names are resolved on `runtime`, and not at all without one.
    pub fn new(live: Arc<Live<Served>>, pool: Arc<Pool>, telemetry: Arc<Telemetry>, runtime: Option<Handle>) -> Self {
        Self {
            live,
            pool,
            telemetry,
            runtime,
            retired: Arc::default(),
            fields: CredentialFields::default(),
            secret: Secret::new([0; 16]),
            quota_fields: QuotaFields::default(),
            published: watch::Sender::default(),
            trials: None,
        }
    }

    /// Says which revision is served, whenever that changes.
    pub fn published(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// Takes credentials from these fields, where neither a version nor its tenant names others.
    #[must_use]
    pub fn taking(self, fields: CredentialFields) -> Self {
        Self { fields, ..self }
    }

    /// Finds counts by this secret, which is the ledger's, and tells callers of them by these fields.
    #[must_use]
    pub fn counting(self, secret: Secret, quota_fields: QuotaFields) -> Self {
        Self {
            secret,
            quota_fields,
            ..self
        }
    }

    /// Refuses what fails these policy tests, if any are required.
    #[must_use]
    pub fn requiring(self, trials: Option<Trials>) -> Self {
        Self { trials, ..self }
    }
}

impl Publish for Publisher {
    fn prepare(&self, revision: Revision, catalog: &Catalog) -> Result<Commit, Vec<Violation>> {
        let (snapshot, backends) = match (
            compile_for(revision.0, catalog, (&self.fields, &self.secret)),
            self.pool.prepare(catalog),
        ) {
            (Ok(snapshot), Ok(backends)) => (snapshot, backends),
            (snapshot, backends) => {
                return Err([snapshot.err(), backends.err()]
                    .into_iter()
                    .flatten()
                    .flatten()
                    .collect());
            }
        };
        if let Some(trials) = &self.trials {
            trials.demand(catalog, &snapshot)?;
        }
        if let Some(runtime) = &self.runtime {
            runtime.block_on(self.pool.resolve(&backends, RESOLVE_WITHIN));
        }
        let meter = |version: &Version| {
            others_first();
            self.telemetry.meter(&version.tenant, &version.api, &version.version)
        };
        let meters = snapshot.versions().iter().map(meter).collect();
        let tiers = snapshot.tiers().all().iter();
        let quota_meters = tiers.map(|tier| self.telemetry.quota_meter(tier)).collect();
        let served = Served::new(snapshot, backends.clone(), meters).telling(self.quota_fields, quota_meters);
        let (live, pool, telemetry) = (
            Arc::clone(&self.live),
            Arc::clone(&self.pool),
            Arc::clone(&self.telemetry),
        );
        let (retired, apis) = (Arc::clone(&self.retired), catalog.apis().len());
        let published = self.published.clone();
        Ok(Box::new(move || {
            let before = live.replace(served);
            others_first();
            pool.commit(&backends);
            others_first();
            let served = live.current();
            published.send_replace(revision.0);
            telemetry.tiers_published(served.snapshot.tiers().all().iter());
            telemetry.published(revision.0, apis, served.snapshot.versions().iter().map(Version::names));
            retired.keep(before);
        }))
    }
}

/// How long a change waits for the names of new endpoints; one that is not resolved by then answers 502 until it is.
const RESOLVE_WITHIN: Duration = Duration::from_secs(1);

/// What was served before, until no exchange holds it: so that it is freed here and not in the middle of a request.
#[derive(Debug, Default)]
struct Retired(Mutex<Vec<Arc<Served>>>);

impl Retired {
    fn keep(&self, served: Arc<Served>) {
        let over: Vec<_> = {
            let mut kept = self.0.lock();
            kept.push(served);
            kept.extract_if(.., |served| Arc::strong_count(served) == 1).collect()
        };
        over.into_iter()
            .filter_map(Arc::into_inner)
            .for_each(Served::take_apart);
    }
}
