//! What the files of a catalog may refer to: tenants, tiers, scopes and key managers; and whether a reference leads anywhere.

use std::collections::HashMap;

use super::page::{Origin, Page, Spot, named};
use crate::model::document;
use crate::model::key_manager::RESIDENT;
use crate::model::name::{KeyManagerName, ROOT_TENANT, ScopeName, TenantName, TierName};
use crate::model::suggestion::did_you_mean;
use crate::model::tenant::Tenant;
use crate::model::tier::{TierLevel, UNAUTHENTICATED, UNLIMITED};
use crate::model::violation::Violation;

/// What the files of a catalog may refer to.
pub(super) struct Known<'a> {
    tenants: HashMap<&'a str, &'a Tenant>,
    tiers: HashMap<TenantName, HashMap<TierName, Vec<(TierLevel, Origin<'a>)>>>,
    scopes: HashMap<TenantName, HashMap<ScopeName, Origin<'a>>>,
    key_managers: HashMap<TenantName, HashMap<KeyManagerName, Origin<'a>>>,
    /// The tiers that tenants state for callers without an application.
    anonymous: HashMap<&'a str, &'a str>,
    gaps: Gaps,
}

/// What may be defined in a place that could not be read; of such things, none is called unknown.
#[derive(Debug)]
struct Gaps {
    tenants: bool,
    tiers: bool,
    scopes: bool,
    key_managers: bool,
}

impl<'a> Known<'a> {
    /// Collects what the files define. `is_whole` says whether every file could be read.
    pub(super) fn collect(
        pages: &'a [Page],
        tenants: &'a [Tenant],
        is_whole: bool,
        found: &mut Vec<Violation>,
    ) -> Self {
        let lost = |key| !is_whole || pages.iter().any(|page| page.spot().lost(key));
        let gaps = Gaps {
            tenants: lost("tenants"),
            tiers: lost("tiers"),
            scopes: lost("scopes"),
            key_managers: lost("key_managers"),
        };
        let tenants = tenants.iter().map(|tenant| (tenant.domain.as_str(), tenant)).collect();
        let mut known = Self {
            tenants,
            tiers: HashMap::new(),
            scopes: HashMap::new(),
            key_managers: HashMap::new(),
            anonymous: HashMap::new(),
            gaps,
        };
        for page in pages {
            known.collect_tiers(page, found);
            known.collect_scopes(page, found);
            known.collect_key_managers(page, found);
        }
        // When all tiers are known.
        for page in pages {
            known.collect_anonymous(page, found);
        }
        known
    }

    fn collect_tiers(&mut self, page: &'a Page, found: &mut Vec<Violation>) {
        let root = page.spot();
        let list = root.key("tiers");
        for (index, stated) in page.document.tiers.iter().enumerate() {
            let spot = list.element(index);
            let at = spot.key("name");
            let tenant = self.tenant(&spot.key("tenant"), stated.tenant.as_deref(), found);
            let (Some(name), Some(tenant)) = (named(&at, &stated.name, TierName::parse, found), tenant) else {
                continue;
            };
            if name.as_str() == UNLIMITED {
                found.push(
                    at.blame(format!("the tier `{UNLIMITED}` is always there"))
                        .fix("choose another name"),
                );
                continue;
            }
            let levels = self.tiers.entry(tenant).or_default().entry(name).or_default();
            match levels.iter().find(|(level, _)| *level == stated.level) {
                Some((_, first)) => {
                    let first = first.seen_from(&at);
                    found.push(at.blame(format!("the tier `{}` is stated already ({first})", stated.name)));
                }
                None => levels.push((stated.level, at.origin())),
            }
        }
    }

    fn collect_scopes(&mut self, page: &'a Page, found: &mut Vec<Violation>) {
        let root = page.spot();
        let list = root.key("scopes");
        for (index, stated) in page.document.scopes.iter().enumerate() {
            let spot = list.element(index);
            let at = spot.key("key");
            let key = named(&at, &stated.key, ScopeName::parse, found);
            let Some((key, tenant)) = key.zip(self.scope_owner(page, &spot, stated, found)) else {
                continue;
            };
            if key.is_reserved() {
                let violation = at.blame(format!("the scope `{key}` is the gateway's own"));
                found.push(violation.fix("choose a key that does not begin with `tollgate:`"));
                continue;
            }
            let scopes = self.scopes.entry(tenant).or_default();
            match scopes.get(&key) {
                Some(first) => {
                    let first = first.seen_from(&at);
                    found.push(at.blame(format!("the scope `{key}` is stated already ({first})")));
                }
                None => {
                    scopes.insert(key, at.origin());
                }
            }
        }
    }

    /// Collects the names of key managers; whether each is a good one is asked where it is believed.
    fn collect_key_managers(&mut self, page: &'a Page, found: &mut Vec<Violation>) {
        let list = page.spot().key("key_managers");
        for (index, stated) in page.document.key_managers.iter().enumerate() {
            let at = list.element(index).key("name");
            let tenant = TenantName::parse(stated.tenant.as_deref().unwrap_or(ROOT_TENANT)).ok();
            let Some((name, tenant)) = KeyManagerName::parse(&stated.name).ok().zip(tenant) else {
                continue;
            };
            let names = self.key_managers.entry(tenant).or_default();
            if let Some(first) = names.get(&name) {
                let first = first.seen_from(&at);
                found.push(at.blame(format!("the key manager `{name}` is stated already ({first})")));
            } else {
                names.insert(name, at.origin());
            }
        }
    }

    /// Collects which tiers tenants state for callers without an application.
    fn collect_anonymous(&mut self, page: &'a Page, found: &mut Vec<Violation>) {
        let list = page.spot().key("tenants");
        for (index, stated) in page.document.tenants.iter().enumerate() {
            let Some(tier) = stated.anonymous_tier.as_deref() else {
                continue;
            };
            if let Ok(tenant) = TenantName::parse(&stated.domain) {
                let at = list.element(index).key("anonymous_tier");
                self.tier(&at, (&tenant, tier, TierLevel::Subscription), found);
                self.anonymous.insert(stated.domain.as_str(), tier);
            }
        }
    }

    fn scope_owner(
        &self,
        page: &Page,
        spot: &Spot<'_>,
        stated: &document::Scope,
        found: &mut Vec<Violation>,
    ) -> Option<TenantName> {
        let at = spot.key("tenant");
        if !page.has_api() {
            return self.tenant(&at, stated.tenant.as_deref(), found);
        }
        if stated.tenant.is_some() {
            let violation = at.blame("a scope beside an API belongs to the API's tenant");
            found.push(violation.fix("remove `tenant`, or move the scope to a file without an API"));
        }
        // Whether that tenant exists is asked where the API is believed.
        TenantName::parse(page.document.tenant.as_deref().unwrap_or(ROOT_TENANT)).ok()
    }

    /// Resolves the tenant that something belongs to: the root tenant where none is stated.
    pub(super) fn tenant(
        &self,
        spot: &Spot<'_>,
        stated: Option<&str>,
        found: &mut Vec<Violation>,
    ) -> Option<TenantName> {
        let Some(text) = stated else {
            return Some(TenantName::root());
        };
        let tenant = named(spot, text, TenantName::parse, found)?;
        if !self.tenants.contains_key(text) && !self.gaps.tenants {
            found.push(unknown(spot, "tenant", text, self.tenants.keys().copied()));
            return None;
        }
        Some(tenant)
    }

    /// Sums up what is known, in an order of its own: where it is the same, so is what a file says that refers to it.
    pub(super) fn summary(&self) -> Vec<String> {
        let mut all = vec![format!("{:?}", self.gaps)];
        for (domain, tenant) in &self.tenants {
            let anonymous = self.anonymous.get(domain);
            all.push(format!(
                "tenant {domain} {:?} {:?} {anonymous:?}",
                tenant.authorization, tenant.api_key
            ));
        }
        for (tenant, tiers) in &self.tiers {
            for (name, levels) in tiers {
                let levels: Vec<_> = levels.iter().map(|(level, _)| level).collect();
                all.push(format!("tier {tenant} {name} {levels:?}"));
            }
        }
        for (tenant, scopes) in &self.scopes {
            all.extend(scopes.keys().map(|key| format!("scope {tenant} {key}")));
        }
        for (tenant, names) in &self.key_managers {
            all.extend(names.keys().map(|name| format!("key manager {tenant} {name}")));
        }
        all.sort_unstable();
        all
    }

    /// Returns what is believed of a tenant.
    pub(super) fn stated_tenant(&self, domain: &TenantName) -> Option<&'a Tenant> {
        self.tenants.get(domain.as_str()).copied()
    }

    /// Checks that a key manager exists in a tenant.
    pub(super) fn key_manager(&self, spot: &Spot<'_>, tenant: &TenantName, name: &str, found: &mut Vec<Violation>) {
        if name == RESIDENT {
            return;
        }
        let Some(parsed) = named(spot, name, KeyManagerName::parse, found) else {
            return;
        };
        let known = self.key_managers.get(tenant);
        let is_known = known.is_some_and(|known| known.contains_key(&parsed));
        if !is_known && !self.gaps.key_managers {
            let names = known.into_iter().flat_map(HashMap::keys).map(KeyManagerName::as_str);
            found.push(unknown(spot, "key_manager", name, names.chain([RESIDENT])));
        }
    }

    /// Checks that a tier of a level exists in a tenant; returns whether it does.
    pub(super) fn tier(
        &self,
        spot: &Spot<'_>,
        (tenant, name, level): (&TenantName, &str, TierLevel),
        found: &mut Vec<Violation>,
    ) -> bool {
        if name == UNLIMITED {
            return true;
        }
        let Some(parsed) = named(spot, name, TierName::parse, found) else {
            return false;
        };
        let tiers = self.tiers.get(tenant);
        match tiers.and_then(|tiers| tiers.get(&parsed)) {
            Some(levels) if levels.iter().any(|(known, _)| *known == level) => return true,
            _ if self.gaps.tiers => {}
            Some(levels) => found.extend(levels.first().map(|(other, origin)| {
                let (other, wanted, first) = (level_name(*other), level_name(level), origin.seen_from(spot));
                spot.blame(format!(
                    "`{name}` is a tier of level `{other}`, and this place needs one of level `{wanted}`"
                ))
                .fix(format!(
                    "name a tier of level `{wanted}`, or state one beside it ({first})"
                ))
            })),
            None => {
                let fitting = |levels: &[(TierLevel, _)]| levels.iter().any(|(known, _)| *known == level);
                let names = tiers.into_iter().flatten().filter(|(_, levels)| fitting(levels));
                let names = names.map(|(name, _)| name.as_str()).chain([UNLIMITED]);
                found.push(unknown(spot, "tier", name, names));
            }
        }
        false
    }

    /// Returns the subscription tier of callers without an application, unless it counts nothing: the one that is stated
    /// here, else their tenant's, else the one that is known by its name.
    pub(super) fn anonymous_tier(
        &self,
        spot: &Spot<'_>,
        (tenant, stated): (&TenantName, Option<&str>),
        found: &mut Vec<Violation>,
    ) -> Option<TierName> {
        let name = match stated {
            Some(name) => {
                self.tier(spot, (tenant, name, TierLevel::Subscription), found);
                name
            }
            None => match self.anonymous.get(tenant.as_str()) {
                Some(name) => name,
                None => self.has_unauthenticated(tenant).then_some(UNAUTHENTICATED)?,
            },
        };
        TierName::parse(name).ok().filter(|name| name.as_str() != UNLIMITED)
    }

    fn has_unauthenticated(&self, tenant: &TenantName) -> bool {
        let named = TierName::parse(UNAUTHENTICATED).ok();
        let levels = named.and_then(|name| self.tiers.get(tenant)?.get(&name));
        levels.is_some_and(|levels| levels.iter().any(|(level, _)| *level == TierLevel::Subscription))
    }

    /// Checks that a scope exists in a tenant; returns whether it does.
    pub(super) fn scope(&self, spot: &Spot<'_>, tenant: &TenantName, key: &str, found: &mut Vec<Violation>) -> bool {
        let Some(parsed) = named(spot, key, ScopeName::parse, found) else {
            return false;
        };
        let scopes = self.scopes.get(tenant);
        let is_known = scopes.is_some_and(|scopes| scopes.contains_key(&parsed));
        if !is_known && !self.gaps.scopes {
            let keys = scopes.into_iter().flat_map(HashMap::keys).map(ScopeName::as_str);
            found.push(unknown(spot, "scope", key, keys));
        }
        is_known
    }
}

fn unknown<'a>(spot: &Spot<'_>, noun: &str, text: &str, known: impl Iterator<Item = &'a str>) -> Violation {
    // Sorted, so that of two equally near words it is always the same one that is offered.
    let mut known: Vec<_> = known.collect();
    known.sort_unstable();
    let fix = did_you_mean(text, known.iter().copied()).unwrap_or_else(|| {
        let some: Vec<_> = known.iter().take(FEW).map(|word| format!("`{word}`")).collect();
        match known.len() {
            1..=FEW => format!(
                "the {}s here are {}; or state it in a `[[{noun}s]]`",
                noun.replace('_', " "),
                some.join(", ")
            ),
            _ => format!("state it in a `[[{noun}s]]`"),
        }
    });
    let spoken = noun.replace('_', " ");
    spot.blame(format!("unknown {spoken} `{text}`")).fix(fix)
}

fn level_name(level: TierLevel) -> &'static str {
    match level {
        TierLevel::Application => "application",
        TierLevel::Resource => "resource",
        TierLevel::Subscription => "subscription",
    }
}

/// So many words are listed where none of them is near; more would hide what is wrong.
const FEW: usize = 8;
