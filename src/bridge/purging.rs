//! What is kept of responses, forgotten for the admin listener's router.

use std::sync::Arc;

use admin::http::admin::ports::{Named, Purge as Port, Refused};
use tracing::info;

use crate::cache::purge::{Purge, PurgeError, Purger};

/// Answers the router of the admin listener.
#[derive(Debug)]
pub struct Purging(Arc<Purger>);

impl Purging {
    /// Answers by this.
    pub fn new(purger: Arc<Purger>) -> Self {
        Self(purger)
    }
}

impl Port for Purging {
    fn tenant_of(&self, url: &str) -> Option<String> {
        self.0.tenant_of(url)
    }

    fn purge(&self, named: &Named, operator: &str) -> Result<(), Refused> {
        let named = named.clone();
        let purge = Purge {
            everything: named.everything,
            url: named.url,
            tag: named.tag,
            tenant: named.tenant,
            api: named.api,
            version: named.version,
            prefix: named.prefix,
            soft: named.soft,
        };
        purged(&self.0, &purge, operator).map_err(|error| match error {
            PurgeError::Untold(_) => Refused::Failed(error.to_string()),
            PurgeError::Ambiguous | PurgeError::NoUrl(_) | PurgeError::Unknown(..) | PurgeError::Unserved(_) => {
                Refused::Senseless(error.to_string())
            }
        })
    }
}

/// Purges, and notes who asked for it and what is named. It may block.
///
/// # Errors
///
/// Returns why nothing is purged, or not for the next process.
pub fn purged(purger: &Purger, purge: &Purge, operator: &str) -> Result<(), PurgeError> {
    let result = purger.purge(purge);
    if matches!(result, Ok(()) | Err(PurgeError::Untold(_))) {
        let named = serde_json::to_string(purge).unwrap_or_default();
        info!(operator, named, "responses are purged");
    }
    result
}
