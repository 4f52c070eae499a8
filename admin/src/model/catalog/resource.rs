//! What makes a stated resource a Resource.

use super::known::Known;
use super::page::{Spot, unrepeated};
use super::unserved;
use crate::model::document;
use crate::model::name::{ScopeName, TenantName};
use crate::model::resource::Resource;
use crate::model::template::Template;
use crate::model::tier::TierLevel;
use crate::model::violation::Violation;

/// Believes a resource.
pub(super) fn believe(
    spot: &Spot<'_>,
    stated: &document::Resource,
    (known, tenant): (&Known<'_>, Option<&TenantName>),
    found: &mut Vec<Violation>,
) -> Option<Resource> {
    let methods = spot.key("methods");
    unrepeated(&methods, &stated.methods, found);
    if stated.methods.is_empty() && !spot.lost("methods") {
        found.push(
            methods
                .blame("a resource without methods cannot be called")
                .fix("write `methods = [\"GET\"]`"),
        );
    }
    unserved::check_auth(spot, stated, found);
    if let Some(tenant) = tenant {
        check_scopes(spot, stated, (known, tenant), found);
        check_tier(spot, stated.tier.as_deref(), (known, tenant), found);
    }
    let path = spot.key("path");
    let template = Template::parse(&stated.path)
        .map_err(|error| found.push(path.blame(format!("`{}` is not a path template: {error}", stated.path))))
        .ok()?;
    Some(Resource {
        template,
        methods: stated.methods.iter().copied().collect(),
        auth: stated.auth,
        scopes: stated
            .scopes
            .iter()
            .filter_map(|key| ScopeName::parse(key).ok())
            .collect(),
    })
}

fn check_scopes(
    spot: &Spot<'_>,
    stated: &document::Resource,
    (known, tenant): (&Known<'_>, &TenantName),
    found: &mut Vec<Violation>,
) {
    let list = spot.key("scopes");
    unrepeated(&list, &stated.scopes, found);
    for (index, scope) in stated.scopes.iter().enumerate() {
        let at = list.element(index);
        if known.scope(&at, tenant, scope, found) {
            unserved::check_scope(&at, scope, found);
        }
    }
}

/// Checks the resource tier that a resource or a whole version states.
pub(super) fn check_tier(
    spot: &Spot<'_>,
    stated: Option<&str>,
    (known, tenant): (&Known<'_>, &TenantName),
    found: &mut Vec<Violation>,
) {
    let Some(name) = stated else { return };
    let at = spot.key("tier");
    if known.tier(&at, (tenant, name, TierLevel::Resource), found) {
        unserved::check_tier(&at, name, found);
    }
}
