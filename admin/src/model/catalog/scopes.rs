//! What makes stated scopes Scopes: those that a tenant's APIs share, and those of one API.
//!
//! Whether a key stands twice is asked where references are resolved ([`Known`](super::known::Known)).

use super::page::{Page, Spot, unrepeated};
use crate::model::document::{self, Document};
use crate::model::name::{ROOT_TENANT, ScopeName, TenantName};
use crate::model::scope::Scope;
use crate::model::violation::Violation;

/// Believes the scopes of every file, in their order.
pub(super) fn believe(pages: &[Page], found: &mut Vec<Violation>) -> Vec<Scope> {
    let mut scopes = Vec::new();
    for page in pages {
        let list = page.spot().key("scopes");
        for (index, stated) in page.document.scopes.iter().enumerate() {
            let spot = list.element(index);
            check_roles(&spot, stated, found);
            scopes.extend(scope(&spot, page, stated));
        }
    }
    scopes
}

/// Makes a scope; where it is none, whoever resolves references has blamed it.
fn scope(spot: &Spot<'_>, page: &Page, stated: &document::Scope) -> Option<Scope> {
    let Document { tenant, .. } = &page.document;
    let owner = if page.has_api() { tenant } else { &stated.tenant };
    Some(Scope {
        tenant: TenantName::parse(owner.as_deref().unwrap_or(ROOT_TENANT)).ok()?,
        key: ScopeName::parse(&stated.key).ok()?,
        name: stated.name.as_ref().unwrap_or(&stated.key).clone(),
        roles: stated.roles.clone(),
        place: spot.place(),
    })
}

fn check_roles(spot: &Spot<'_>, stated: &document::Scope, found: &mut Vec<Violation>) {
    let list = spot.key("roles");
    unrepeated(&list, &stated.roles, found);
    for (index, role) in stated.roles.iter().enumerate() {
        if role.is_empty() || role.trim() != role || role.contains(char::is_control) {
            let violation = list.element(index).blame(format!("`{role}` is not a role"));
            found.push(violation.fix("write printable characters, the first and the last no space"));
        }
    }
    // W 6.1: these are granted to whoever asks, or to everybody.
    let key = stated.key.as_str();
    if !stated.roles.is_empty() && (UNCHECKED.contains(&key) || key.starts_with(DEVICE)) {
        let violation = list.blame(format!(
            "the scope `{key}` is granted without asking for roles, so its roles would protect nothing"
        ));
        found.push(violation.fix("choose another key, or remove `roles`"));
    }
}

/// Scopes that are granted without asking for roles.
const UNCHECKED: [&str; 3] = ["am_application_scope", "default", "openid"];

/// How the other scopes of that kind begin.
const DEVICE: &str = "device_";
