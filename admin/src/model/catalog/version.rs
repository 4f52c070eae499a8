//! What makes a stated version an ApiVersion.

use std::collections::HashMap;

use super::known::Known;
use super::page::{Spot, named, unrepeated};
use super::{backend, cache, resource, security};
use crate::model::api::{ApiVersion, MaxTps, PathAllowances, Subscribers, Transports};
use crate::model::document::{self, PathAllowance, TransportName, Version};
use crate::model::method::MethodSet;
use crate::model::name::{TenantName, TierName, VersionName};
use crate::model::resource::Resource;
use crate::model::source::References;
use crate::model::template::Segment;
use crate::model::tier::{TierLevel, UNAUTHENTICATED, UNLIMITED};
use crate::model::violation::Violation;

/// Believes a version.
pub(super) fn believe(
    spot: &Spot<'_>,
    stated: &Version,
    (known, tenant, references): (&Known<'_>, Option<&TenantName>, &dyn References),
    found: &mut Vec<Violation>,
) -> Option<ApiVersion> {
    let version = named(&spot.key("version"), &stated.version, VersionName::parse, found);
    let transports = transports(spot, stated, found);
    unrepeated(&spot.key("transports"), &stated.transports, found);
    unrepeated(&spot.key("paths"), &stated.paths, found);
    let security = security::believe(spot, stated, (known, tenant, references), found);
    check_subscribers(spot, stated, known, found);
    let mut counted = None;
    if let Some(tenant) = tenant {
        check_tiers(spot, stated, (known, tenant), found);
        let tier = resource::tier(spot, stated.tier.as_deref(), (known, tenant), found);
        let anonymous = (tenant, stated.anonymous_tier.as_deref());
        counted = Some((
            tier,
            known.anonymous_tier(&spot.key("anonymous_tier"), anonymous, found),
        ));
    }
    let backends = backends(spot, stated, references, found);
    let max_tps = max_tps(spot, stated, backends.as_ref(), found);
    let resources = resources(spot, stated, (known, tenant), found);
    let kept = stated.cache.as_ref();
    let caching = kept.map(|kept| Box::new(cache::believe(&spot.key("cache"), kept, None, found)));
    cache::check_tellers(spot, stated, found);
    let (production, sandbox) = backends?;
    let (tier, anonymous_tier) = counted?;
    Some(ApiVersion {
        version: version?,
        state: stated.state,
        transports,
        security,
        tiers: tiers(stated),
        tier,
        anonymous_tier,
        max_tps,
        subscribers: subscribers(&stated.subscribers),
        production,
        sandbox,
        max_request_body: stated.max_request_body,
        paths: paths(&stated.paths),
        caching,
        resources,
        place: spot.place(),
    })
}

/// Returns the tiers among which subscribers choose; a version that states none has the one without a quota.
fn tiers(stated: &Version) -> Vec<TierName> {
    let unlimited = || vec![UNLIMITED.to_owned()];
    let names = stated.tiers.clone().unwrap_or_else(unlimited);
    names.iter().filter_map(|tier| TierName::parse(tier).ok()).collect()
}

fn subscribers(stated: &document::Subscribers) -> Subscribers {
    match stated {
        document::Subscribers::AllTenants => Subscribers::All,
        document::Subscribers::CurrentTenant => Subscribers::Current,
        document::Subscribers::Tenants(domains) => Subscribers::Listed(
            domains
                .iter()
                .filter_map(|domain| TenantName::parse(domain).ok())
                .collect(),
        ),
    }
}

fn transports(spot: &Spot<'_>, stated: &Version, found: &mut Vec<Violation>) -> Transports {
    if stated.transports.is_empty() && !spot.lost("transports") {
        let violation = spot
            .key("transports")
            .blame("a version without transports cannot be called");
        found.push(violation.fix("write `transports = [\"http\", \"https\"]`, or `state = \"blocked\"`"));
    }
    Transports {
        http: stated.transports.contains(&TransportName::Http),
        https: stated.transports.contains(&TransportName::Https),
    }
}

fn paths(stated: &[PathAllowance]) -> PathAllowances {
    PathAllowances {
        empty_segments: stated.contains(&PathAllowance::EmptySegments),
        encoded_slashes: stated.contains(&PathAllowance::EncodedSlashes),
        path_parameters: stated.contains(&PathAllowance::PathParameters),
    }
}

fn check_subscribers(spot: &Spot<'_>, stated: &Version, known: &Known<'_>, found: &mut Vec<Violation>) {
    let document::Subscribers::Tenants(domains) = &stated.subscribers else {
        return;
    };
    let list = spot.key("subscribers");
    unrepeated(&list, domains, found);
    if domains.is_empty() && !spot.lost("subscribers") {
        let violation = list.blame("nobody could subscribe");
        found.push(violation.fix("write `\"current_tenant\"`, `\"all_tenants\"` or the domains of tenants"));
    }
    for (index, domain) in domains.iter().enumerate() {
        known.tenant(&list.element(index), Some(domain), found);
    }
}

fn check_tiers(
    spot: &Spot<'_>,
    stated: &Version,
    (known, tenant): (&Known<'_>, &TenantName),
    found: &mut Vec<Violation>,
) {
    let list = spot.key("tiers");
    let names = stated.tiers.as_deref().unwrap_or_default();
    unrepeated(&list, names, found);
    for (index, tier) in names.iter().enumerate() {
        let at = list.element(index);
        known.tier(&at, (tenant, tier, TierLevel::Subscription), found);
        if tier == UNAUTHENTICATED {
            let violation = at.blame(format!("`{UNAUTHENTICATED}` is for callers who cannot subscribe"));
            found.push(violation.fix("remove it, or name it as `anonymous_tier`"));
        }
    }
}

/// Believes how much the endpoints take.
fn max_tps(
    spot: &Spot<'_>,
    stated: &Version,
    backends: Option<&backend::Backends>,
    found: &mut Vec<Violation>,
) -> MaxTps {
    let at = spot.key("max_tps");
    let document::MaxTps { production, sandbox } = stated.max_tps;
    let figures = [
        ("production", production, backends.map(|(backend, _)| backend.is_some())),
        ("sandbox", sandbox, backends.map(|(_, backend)| backend.is_some())),
    ];
    for (key, figure, has_endpoints) in figures {
        if figure == Some(0) {
            let violation = at.key(key).blame("a limit must be more than zero");
            found.push(violation.fix("write 1 or more, or `state = \"blocked\"`"));
        }
        if figure.is_some() && has_endpoints == Some(false) {
            let violation = at.key(key).blame(format!("the version has no {key} endpoints"));
            found.push(violation.fix(format!("remove `{key}`, or add endpoints")));
        }
    }
    MaxTps { production, sandbox }
}

fn backends(
    spot: &Spot<'_>,
    stated: &Version,
    references: &dyn References,
    found: &mut Vec<Violation>,
) -> Option<backend::Backends> {
    let Some(endpoints) = &stated.endpoints else {
        if !spot.lost("endpoints") {
            let violation = spot.blame(format!("the version `{}` has no endpoints", stated.version));
            found.push(violation.fix("add `[versions.endpoints]` with `production = [\"http://...\"]`"));
        }
        return None;
    };
    backend::believe(&spot.key("endpoints"), endpoints, references, found)
}

fn resources(
    spot: &Spot<'_>,
    stated: &Version,
    (known, tenant): (&Known<'_>, Option<&TenantName>),
    found: &mut Vec<Violation>,
) -> Vec<Resource> {
    if stated.resources.is_empty() && !spot.lost("resources") {
        let violation = spot.blame(format!("the version `{}` has no resources", stated.version));
        found.push(violation.fix("add a `[[versions.resources]]`"));
    }
    let list = spot.key("resources");
    // Where the words could not all be read, nothing can be said of what they prove.
    let accepts = (!spot.lost("security")).then(|| security::accepts(&stated.security));
    let mut resources = Vec::with_capacity(stated.resources.len());
    let mut indices = Vec::with_capacity(stated.resources.len());
    for (index, stated) in stated.resources.iter().enumerate() {
        if let Some(resource) = resource::believe(&list.element(index), stated, (known, tenant, accepts), found) {
            resources.push(resource);
            indices.push(index);
        }
    }
    check_overlaps(&list, &resources, &indices, found);
    resources
}

/// Blames resources that take the same paths with the same method. `indices` says which element of the list each is.
fn check_overlaps(list: &Spot<'_>, resources: &[Resource], indices: &[usize], found: &mut Vec<Violation>) {
    let mut shapes: HashMap<&[Segment], Vec<(&Resource, usize)>> = HashMap::with_capacity(resources.len());
    for (resource, &index) in resources.iter().zip(indices) {
        let alike = shapes.entry(resource.template.shape()).or_default();
        let shared = |other: &Resource| resource.methods.intersection(other.methods);
        if let Some((other, first)) = alike.iter().find(|(other, _)| !shared(other).is_empty()) {
            found.push(overlap(list, (resource, index), (other, *first), shared(other)));
        }
        alike.push((resource, index));
    }
}

fn overlap(
    list: &Spot<'_>,
    (resource, index): (&Resource, usize),
    (other, first): (&Resource, usize),
    methods: MethodSet,
) -> Violation {
    let spot = list.element(index);
    let at = spot.key("path");
    let first = list.element(first).key("path").origin().seen_from(&at);
    let (path, other) = (&resource.template, &other.template);
    let message = if path == other {
        format!("`{path}` is stated already for {methods} ({first})")
    } else {
        format!("`{path}` takes the same paths as `{other}` for {methods} ({first})")
    };
    at.blame(message)
        .fix("keep one of the two, or give them different methods")
}
