//! Document to Catalog: references resolved, every violation reported.

use super::api::Api;
use super::tenant::Tenant;

/// The whole model at one revision, every reference resolved.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    tenants: Vec<Tenant>,
    apis: Vec<Api>,
}

impl Catalog {
    /// Returns the tenants; the root tenant `carbon.super` is always among them.
    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// Returns the APIs of every tenant.
    pub fn apis(&self) -> &[Api] {
        &self.apis
    }
}
