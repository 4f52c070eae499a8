//! Document to Catalog: references resolved, every violation of every file reported.
//!
//! The files of a catalog are read, then what they define is collected, then what they say of it is checked. A file
//! that is broken in one place still takes part with the rest of it, and nothing is called unknown that may only
//! have stood in a broken place. Each file below owns the rules of one noun.

mod api;
mod backend;
mod cache;
mod claims;
mod conditions;
mod counting_rules;
mod deny;
mod endpoint;
mod kept;
mod key_managers;
mod known;
mod limits;
mod page;
mod pem;
mod resource;
mod scopes;
mod security;
mod tenants;
mod tiers;
mod version;

use std::sync::Arc;

use super::api::Api;
use super::counting_rule::CountingRule;
use super::deny::DenyRule;
use super::key_manager::KeyManager;
use super::name::TenantName;
use super::scope::Scope;
use super::source::{References, Source};
use super::tenant::Tenant;
use super::tier::{Tier, TierLevel};
use super::violation::Violation;
pub use kept::Kept;

use kept::Leaf;
use known::Known;
use page::Page;

/// The whole model at one revision, every reference resolved.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    tenants: Vec<Tenant>,
    scopes: Vec<Scope>,
    key_managers: Vec<KeyManager>,
    tiers: Vec<Tier>,
    counting_rules: Vec<CountingRule>,
    deny_rules: Vec<DenyRule>,
    apis: Vec<Arc<Api>>,
}

impl Catalog {
    /// Believes the files of a catalog, all of them together.
    ///
    /// # Errors
    ///
    /// Returns every violation of every file, sorted by file and place.
    pub fn believe(sources: &[Source], references: &dyn References) -> Result<Self, Vec<Violation>> {
        Self::believe_again(sources, references, &mut Kept::default())
    }

    /// As [`Catalog::believe`], but of what did not change since the last time, APIs are as they were believed then.
    ///
    /// # Errors
    ///
    /// Returns every violation of every file, sorted by file and place.
    pub fn believe_again(
        sources: &[Source],
        references: &dyn References,
        kept: &mut Kept,
    ) -> Result<Self, Vec<Violation>> {
        let mut found = Vec::new();
        let (pages, leaves) = kept.read(sources, references, &mut found);
        let is_whole = leaves.len() == sources.len();
        let catalog = Self::of_files((&pages, is_whole), (&leaves, kept), references, &mut found);
        if found.is_empty() {
            return Ok(catalog);
        }
        found.sort();
        found.dedup();
        Err(found)
    }

    /// Believes what could be read; `is_whole` says whether every file could.
    fn of_files(
        (pages, is_whole): (&[Page], bool),
        (leaves, kept): (&[Leaf<'_>], &mut Kept),
        references: &dyn References,
        found: &mut Vec<Violation>,
    ) -> Self {
        let tenants = tenants::believe(pages, found);
        let known = Known::collect(pages, &tenants, is_whole, found);
        let scopes = scopes::believe(pages, found);
        let key_managers = key_managers::believe(pages, (&known, references), found);
        let tiers = tiers::believe(pages, &known, found);
        let counting_rules = counting_rules::believe(pages, &known, found);
        let (apis, claimants) = kept.believe((pages, leaves), (&known, references), found);
        claims::check(&claimants, found);
        let deny_rules = deny::believe((pages, &claimants), (&known, is_whole), found);
        Self {
            tenants,
            scopes,
            key_managers,
            tiers,
            counting_rules,
            deny_rules,
            apis,
        }
    }

    /// Makes a catalog of what the token endpoint asks about, for its tests.
    #[cfg(test)]
    pub(crate) fn of(tenants: Vec<Tenant>, scopes: Vec<Scope>, key_managers: Vec<KeyManager>) -> Self {
        Self {
            tenants,
            scopes,
            key_managers,
            ..Self::default()
        }
    }

    /// Returns the tenants; the root tenant `carbon.super` is always among them.
    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// Returns the scopes of every tenant, those of its APIs included; a key stands once in a tenant.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// Returns the key managers of every tenant.
    pub fn key_managers(&self) -> &[KeyManager] {
        &self.key_managers
    }

    /// Returns the tiers of every tenant.
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// Finds a tier of a tenant and a level; `Unlimited` is none that is stated.
    pub fn find_tier(&self, tenant: &TenantName, level: TierLevel, name: &str) -> Option<&Tier> {
        let mut tiers = self.tiers.iter();
        tiers.find(|tier| tier.level == level && tier.tenant == *tenant && tier.name.as_str() == name)
    }

    /// Returns the counting rules of every tenant.
    pub fn counting_rules(&self) -> &[CountingRule] {
        &self.counting_rules
    }

    /// Returns the deny rules of every tenant that are in force.
    pub fn deny_rules(&self) -> &[DenyRule] {
        &self.deny_rules
    }

    /// Returns the APIs of every tenant.
    pub fn apis(&self) -> &[Arc<Api>] {
        &self.apis
    }
}
