//! Names that many entries share, kept once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use ahash::RandomState;

use crate::model::name::{TenantName, TierName};
use crate::registry::subscription::Subscribed;

/// Names that many entries share.
#[derive(Debug, Default)]
pub(super) struct Names {
    tenants: HashSet<TenantName, RandomState>,
    tiers: HashSet<TierName, RandomState>,
    versions: HashSet<Arc<Subscribed>, RandomState>,
}

impl Names {
    pub(super) fn tenant(&mut self, name: &TenantName) -> TenantName {
        once(&mut self.tenants, name)
    }

    pub(super) fn tier(&mut self, name: &TierName) -> TierName {
        once(&mut self.tiers, name)
    }

    pub(super) fn version(&mut self, version: Subscribed) -> Arc<Subscribed> {
        if let Some(known) = self.versions.get(&version) {
            return Arc::clone(known);
        }
        let tenant = self.tenant(&version.tenant);
        let version = Arc::new(Subscribed { tenant, ..version });
        self.versions.insert(Arc::clone(&version));
        version
    }

    /// Forgets the versions that nobody subscribes to any more.
    pub(super) fn sweep(&mut self) {
        self.versions.retain(|version| Arc::strong_count(version) > 1);
    }
}

fn once<T: Clone + Eq + Hash>(known: &mut HashSet<T, RandomState>, name: &T) -> T {
    if let Some(known) = known.get(name) {
        return known.clone();
    }
    known.insert(name.clone());
    name.clone()
}
