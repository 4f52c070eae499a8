//! What makes a stated resource a Resource.

use super::cache;
use super::known::Known;
use super::page::{Spot, unrepeated};
use crate::model::auth::AuthType;
use crate::model::document;
use crate::model::name::{ScopeName, TenantName, TierName};
use crate::model::resource::Resource;
use crate::model::security::Accepts;
use crate::model::template::Template;
use crate::model::tier::{TierLevel, UNLIMITED};
use crate::model::violation::Violation;

/// Believes a resource.
pub(super) fn believe(
    spot: &Spot<'_>,
    stated: &document::Resource,
    (known, tenant, accepts): (&Known<'_>, Option<&TenantName>, Option<Accepts>),
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
    if !spot.lost("auth") {
        check_open(spot, stated, found);
        if let Some(accepts) = accepts {
            check_provable(spot, stated, accepts, found);
        }
    }
    let mut counted = None;
    if let Some(tenant) = tenant {
        check_scopes(spot, stated, (known, tenant), found);
        counted = tier(spot, stated.tier.as_deref(), (known, tenant), found);
    }
    let kept = stated.cache.as_ref();
    let caching = kept.map(|kept| Box::new(cache::believe(&spot.key("cache"), kept, Some(&stated.methods), found)));
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
        tier: counted,
        caching,
        place: spot.place(),
    })
}

/// Blames scopes of a resource that asks nobody who they are.
fn check_open(spot: &Spot<'_>, stated: &document::Resource, found: &mut Vec<Violation>) {
    if stated.auth == AuthType::None && !stated.scopes.is_empty() {
        let path = &stated.path;
        let violation = spot.key("scopes").blame(format!(
            "resource `{path}` is open to everybody, so its scopes would protect nothing"
        ));
        found.push(violation.fix("remove `scopes`, or write `auth = \"any\"`"));
    }
}

/// Blames demands that no credential of the version could ever meet. API keys meet every auth type (W 8).
fn check_provable(spot: &Spot<'_>, stated: &document::Resource, accepts: Accepts, found: &mut Vec<Violation>) {
    let Accepts {
        api_key, basic, oauth2, ..
    } = accepts;
    let path = &stated.path;
    let is_certificate_alone = accepts.mutual_tls && !accepts.takes_application();
    let is_password_alone = basic && !api_key && !oauth2 && !accepts.mutual_tls;
    if is_password_alone && stated.auth == AuthType::Application {
        let violation = spot.key("auth").blame(format!(
            "resource `{path}` demands an application, and a password proves a user"
        ));
        found.push(violation.fix("add `oauth2` to `security`, or write `auth = \"application_user\"`"));
    }
    if is_certificate_alone && stated.auth == AuthType::ApplicationUser {
        let violation = spot.key("auth").blame(format!(
            "resource `{path}` demands a user, and a client certificate proves none"
        ));
        found.push(violation.fix("add `oauth2` to `security`, or write `auth = \"any\"`"));
    }
    if is_certificate_alone && stated.auth != AuthType::None && !stated.scopes.is_empty() {
        let violation = spot.key("scopes").blame(format!(
            "resource `{path}` demands a scope, and a client certificate has none"
        ));
        found.push(violation.fix("add `oauth2` to `security`, or remove `scopes`"));
    }
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
        known.scope(&at, tenant, scope, found);
    }
}

/// Returns the resource tier that a resource or a whole version states, unless it counts nothing.
pub(super) fn tier(
    spot: &Spot<'_>,
    stated: Option<&str>,
    (known, tenant): (&Known<'_>, &TenantName),
    found: &mut Vec<Violation>,
) -> Option<TierName> {
    let name = stated?;
    let is_known = known.tier(&spot.key("tier"), (tenant, name, TierLevel::Resource), found);
    TierName::parse(name).ok().filter(|_| is_known && name != UNLIMITED)
}
