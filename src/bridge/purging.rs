//! What is kept of responses, forgotten for the admin listener's router.

use std::sync::Arc;

use admin::http::cache::Purge as Port;

use crate::cache::purge::{Purge, Purger};

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
    fn purge(&self, named: &[u8]) -> Result<(), String> {
        let purge: Purge = serde_json::from_slice(named).map_err(|error| error.to_string())?;
        self.0.purge(&purge).map_err(|reason| reason.to_string())
    }
}
