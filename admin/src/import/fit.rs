//! An imported API fitted to the catalog that is to hold it: what it names and the catalog does not have is left out,
//! and said.

use super::Imported;
use super::note::{Note, brief};
use crate::model::auth::AuthType;
use crate::model::catalog::Catalog;
use crate::model::document::Subscribers;
use crate::model::name::{KeyManagerName, ROOT_TENANT, TenantName};
use crate::model::tier::{TierLevel, UNAUTHENTICATED, UNLIMITED};

impl Imported {
    /// Leaves out the tiers, key managers and tenants that the catalog does not have, and the scopes that it has, and
    /// notes each. Key managers that are all unknown stay, so that the catalog refuses them: without any, all would do.
    pub fn fit(&mut self, catalog: &Catalog) {
        let tenant = self.document.tenant.as_deref().unwrap_or(ROOT_TENANT);
        let Ok(tenant) = TenantName::parse(tenant) else { return };
        let mut said = Vec::new();
        self.fit_tiers(catalog, &tenant, &mut said);
        self.fit_scopes(catalog, &tenant, &mut said);
        for version in &mut self.document.versions {
            if let Some(names) = &mut version.key_managers {
                let is_known = |name: &String| {
                    let name = KeyManagerName::parse(name).ok();
                    name.is_some_and(|name| {
                        let managers = catalog.key_managers().iter();
                        name.as_str() == "Resident" || managers.filter(|m| m.tenant == tenant).any(|m| m.name == name)
                    })
                };
                if names.iter().any(&is_known) {
                    leave(names, "key manager", is_known, &mut said);
                }
            }
            if let Subscribers::Tenants(domains) = &mut version.subscribers {
                let is_known = |domain: &String| catalog.tenants().iter().any(|t| t.domain.as_str() == domain);
                leave(domains, "tenant", is_known, &mut said);
                if domains.is_empty() {
                    version.subscribers = Subscribers::CurrentTenant;
                }
            }
        }
        self.notes.extend(said.into_iter().map(|message| Note {
            file: String::new(),
            pointers: vec![String::new()],
            more: 0,
            message,
        }));
    }

    fn fit_tiers(&mut self, catalog: &Catalog, tenant: &TenantName, said: &mut Vec<String>) {
        let has = |level, name: &str| name == UNLIMITED || catalog.find_tier(tenant, level, name).is_some();
        for version in &mut self.document.versions {
            if let Some(names) = &mut version.tiers {
                let was_empty = names.is_empty();
                let is_known = |name: &String| name != UNAUTHENTICATED && has(TierLevel::Subscription, name);
                leave(names, "subscription tier", is_known, said);
                if names.is_empty() && !was_empty {
                    version.tiers = None;
                    said.push(
                        "none of its subscription tiers is in the catalog, so subscribers get `Unlimited`, which counts \
                         nothing; state them as `[[tiers]]` and name them in `tiers`"
                            .to_owned(),
                    );
                }
            }
            let of_resources = version.resources.iter_mut().map(|resource| &mut resource.tier);
            let mut missing: Vec<String> = Vec::new();
            for place in of_resources.chain([&mut version.tier]) {
                if let Some(name) = place.take_if(|name| !has(TierLevel::Resource, name))
                    && !missing.contains(&name)
                {
                    missing.push(name);
                }
            }
            said.extend(missing.iter().map(|name| {
                let name = brief(name);
                format!("the catalog has no resource tier `{name}`, so nothing is counted where it was named")
            }));
        }
    }

    /// Leaves out scopes that the tenant has already: a key stands once in a tenant.
    fn fit_scopes(&mut self, catalog: &Catalog, tenant: &TenantName, said: &mut Vec<String>) {
        let find = |key: &str| {
            catalog
                .scopes()
                .iter()
                .find(|s| s.tenant == *tenant && s.key.as_str() == key)
        };
        self.document.scopes.retain(|scope| {
            let Some(known) = find(&scope.key) else { return true };
            if !scope.roles.is_empty() && scope.roles != known.roles {
                said.push(format!(
                    "the scope `{}` is there already ({}), with its own roles",
                    scope.key, known.place
                ));
            }
            false
        });
        let versions = &self.document.versions;
        let resources = || versions.iter().flat_map(|version| &version.resources);
        let used: std::collections::HashSet<_> = resources()
            .filter(|resource| resource.auth != AuthType::None)
            .flat_map(|resource| &resource.scopes)
            .collect();
        let open = self.document.scopes.iter().filter(|scope| scope.roles.is_empty());
        let open: Vec<_> = open.filter(|scope| used.contains(&scope.key)).collect();
        if !open.is_empty() {
            let names: Vec<_> = open
                .iter()
                .take(FEW)
                .map(|scope| format!("`{}`", brief(&scope.key)))
                .collect();
            let more = match open.len().saturating_sub(FEW) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            said.push(format!(
                "no roles are bound to these scopes, so whoever asks is granted them; add `roles`: {}{more}",
                names.join(", ")
            ));
        }
    }
}

/// Leaves out the names that are not known, and says so.
fn leave(names: &mut Vec<String>, noun: &str, is_known: impl Fn(&String) -> bool, said: &mut Vec<String>) {
    names.retain(|name| {
        let keeps = is_known(name);
        if !keeps {
            said.push(format!(
                "the catalog has no {noun} `{}`, so it is left out",
                brief(name)
            ));
        }
        keeps
    });
}

/// So many scopes are named; more would hide what is wrong.
const FEW: usize = 8;
