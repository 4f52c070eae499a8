//! What explains without a gateway: the catalog as its files are, the registry and the keys as far as they can be read.
//!
//! Nothing is made and nothing is changed. What cannot be read is said with each answer.

use std::sync::Arc;
use std::time::Duration;

use admin::oauth::keys::SigningKeys;
use admin::registry::Registry;
use tokio::time::timeout;

use super::identity::{fields, rotation, terms};
use crate::counting::Counts;
use crate::credential::{Credentials, now};
use crate::explain::Explainer;
use crate::explain::refusals::Refusals;
use crate::forwarding::Trust;
use crate::model::catalog::Catalog;
use crate::model::source::Source;
use crate::model::violation::Violation;
use crate::quota::{Ledger, Secret};
use crate::served::Served;
use crate::settings::Settings;
use crate::snapshot::compile_for;
use crate::snapshot::live::Live;
use crate::trial::{self, Against, Outcome};

/// Makes what explains a catalog that nobody serves.
///
/// # Errors
///
/// Returns what keeps the catalog from being served.
pub async fn explainer(settings: &Settings, catalog: &Catalog) -> Result<Explainer, Vec<Violation>> {
    // Nothing was counted yet where nobody serves.
    let ledger = Ledger::new(Secret::new([0; 16]), 1);
    let snapshot = compile_for(0, catalog, (&fields(settings), ledger.secret()))?;
    let mut notes = vec![
        "no gateway runs: this is told from the files, the registry is only read, and nothing was counted yet"
            .to_owned(),
    ];
    let credentials = credentials(settings, &mut notes).await;
    Ok(Explainer {
        live: Arc::new(Live::new(Served::new(snapshot, Vec::new(), Vec::new()))),
        credentials: Arc::new(credentials),
        counts: Counts::new(ledger),
        limits: settings.limits.clone(),
        trust: Trust::new(settings.gateway.trusted_proxies.clone()),
        refusals: Arc::new(Refusals::new(0)),
        notes,
    })
}

/// Runs policy tests against a catalog that nobody serves.
///
/// # Errors
///
/// Returns what keeps the catalog from being served, or everything that is wrong with the files of the tests.
pub fn tested(settings: &Settings, catalog: &Catalog, tests: &[Source]) -> Result<Vec<Outcome>, Vec<Violation>> {
    let snapshot = compile_for(0, catalog, (&fields(settings), &Secret::new([0; 16])))?;
    let against = Against {
        catalog,
        snapshot: &snapshot,
        limits: &settings.limits,
        trust: &Trust::new(settings.gateway.trusted_proxies.clone()),
    };
    trial::judge(tests, against)
}

async fn credentials(settings: &Settings, notes: &mut Vec<String>) -> Credentials {
    let keys = SigningKeys::open_reading(&settings.data.join("keys"), rotation(&settings.oauth));
    let keys = keys.ok().flatten().map(Arc::new);
    if keys.is_none() {
        notes.push("there are no signing keys to be read: no token of the gateway's own can be proven".to_owned());
    }
    let opened = Registry::open_reading(settings.registry.as_str(), &settings.data, now());
    match timeout(PATIENCE, opened).await {
        Ok(Ok(registry)) => Credentials::reading(Arc::new(registry), keys, terms(settings)),
        Ok(Err(_)) | Err(_) => {
            notes.push(
                "there is no registry that can be read: users, applications, subscriptions and keys are unknown, so \
                 what is said of who calls does not hold"
                    .to_owned(),
            );
            Credentials::new(Arc::default())
        }
    }
}

/// A registry that does not answer by then is away.
const PATIENCE: Duration = Duration::from_secs(10);
