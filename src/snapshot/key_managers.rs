//! The key managers of every tenant, found by what a token says of its issuer, or by name.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::key_manager::KeyManager;

/// The key managers of every tenant.
#[derive(Debug, Default)]
pub struct KeyManagers {
    tenants: HashMap<Box<str>, Vec<Arc<KeyManager>>>,
    by_issuer: HashMap<Box<str>, HashMap<Box<str>, Arc<KeyManager>>>,
}

impl KeyManagers {
    pub(super) fn of(believed: &[KeyManager]) -> Self {
        let mut all = Self::default();
        for key_manager in believed {
            let tenant: Box<str> = key_manager.tenant.as_str().into();
            let key_manager = Arc::new(key_manager.clone());
            all.by_issuer
                .entry(tenant.clone())
                .or_default()
                .insert(key_manager.issuer.as_str().into(), Arc::clone(&key_manager));
            all.tenants.entry(tenant).or_default().push(key_manager);
        }
        all
    }

    /// Returns those of a tenant, in the order of the catalog.
    pub fn of_tenant(&self, tenant: &str) -> &[Arc<KeyManager>] {
        self.tenants.get(tenant).map(Vec::as_slice).unwrap_or_default()
    }

    /// Finds the one of a tenant whose tokens have this `iss`.
    pub fn by_issuer(&self, tenant: &str, issuer: &str) -> Option<&Arc<KeyManager>> {
        self.by_issuer.get(tenant)?.get(issuer)
    }

    /// Finds the one of a tenant that has this name.
    pub fn by_name(&self, tenant: &str, name: &str) -> Option<&Arc<KeyManager>> {
        let mut known = self.of_tenant(tenant).iter();
        known.find(|known| known.name.as_str() == name)
    }

    /// Returns all of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<KeyManager>> {
        self.tenants.values().flatten()
    }
}
