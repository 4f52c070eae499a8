//! Whether the caller holds one of the scopes that the resource lists (W 6.1).
//!
//! | proven by | holds a scope when |
//! |---|---|
//! | a token of ours | it was granted, and whoever it speaks for has a role that grants it, now |
//! | a foreign token | its issuer says so, or states a role that grants it |
//! | a password | the user has a role that grants it |
//! | an API key | always: scopes are not asked of API keys (W 8) |
//! | a certificate alone | never: it says nothing of scopes |
//!
//! A scope without roles is everybody's. Roles are one tenant's: what `manager` means in one grants nothing in another,
//! or each tenant could help itself to the APIs of all.

use super::Refusal;
use super::pin_version::Pinned;
use super::recorder::{Fact, Recorder, Weight};
use crate::credential::caller::{Caller, Proof};
use crate::denial::Denial;
use crate::registry::user::UserName;
use crate::registry::view::View;
use crate::snapshot::{RouteId, Scope, ScopeId, Snapshot};

/// Checks that the caller holds one of the resource's scopes, and that a local user still has a role that grants it.
#[expect(clippy::too_many_arguments, reason = "the stage's inputs, and who is told of it")]
pub(super) fn authorize(
    caller: &Caller,
    pinned: &Pinned<'_>,
    route: RouteId,
    snapshot: &Snapshot,
    view: &View,
    told: &mut impl Recorder,
) -> Result<(), Refusal> {
    let listed = &snapshot.route(route).scopes;
    if listed.is_empty() || caller.by == Proof::ApiKey {
        told.learn(|| Fact::Unscoped);
        return Ok(());
    }
    let roles = LocalRoles {
        tenant: &snapshot.version(pinned.version).tenant,
        view,
    };
    let is_enough = |id: &ScopeId| {
        let is_enough = roles.allow(caller, snapshot.scope(*id));
        told.learn(|| Fact::Scope(*id, roles.weigh(caller, snapshot.scope(*id), is_enough)));
        is_enough
    };
    if listed.iter().any(is_enough) {
        Ok(())
    } else {
        Err(Denial::MissingScope.of(pinned.version))
    }
}

/// The roles of the users of the tenant that owns the scopes.
struct LocalRoles<'a> {
    tenant: &'a str,
    view: &'a View,
}

impl LocalRoles<'_> {
    fn allow(&self, caller: &Caller, scope: &Scope) -> bool {
        match caller.by {
            Proof::ApiKey => true,
            Proof::Basic => self.grant(caller.user.as_ref(), scope),
            Proof::Certificate => false,
            Proof::ForeignToken => is_granted(caller, scope) || caller.roles.iter().any(|role| grants(scope, role)),
            Proof::Token => is_granted(caller, scope) && self.grant(spoken_for(caller), scope),
        }
    }

    /// Says what the answer hung on.
    fn weigh(&self, caller: &Caller, scope: &Scope, is_enough: bool) -> Weight {
        let is_backed = match caller.by {
            Proof::ForeignToken => caller.roles.iter().any(|role| grants(scope, role)),
            Proof::ApiKey | Proof::Basic | Proof::Certificate | Proof::Token => self.grant(spoken_for(caller), scope),
        };
        Weight {
            is_enough,
            is_granted: is_granted(caller, scope),
            is_backed,
        }
    }

    /// Tells whether a user has a role that grants a scope.
    fn grant(&self, user: Option<&UserName>, scope: &Scope) -> bool {
        if scope.roles.is_empty() {
            return true;
        }
        let user = user.filter(|user| user.tenant.as_str() == self.tenant);
        let user = user.and_then(|name| self.view.user(name));
        user.is_some_and(|user| user.roles.iter().any(|role| grants(scope, role)))
    }
}

/// Returns whose roles a token of ours draws on: its user's; of an application's own token, the application's owner's.
fn spoken_for(caller: &Caller) -> Option<&UserName> {
    let owner = || caller.application.as_deref().map(|application| &application.owner);
    caller.user.as_ref().or_else(owner)
}

fn is_granted(caller: &Caller, scope: &Scope) -> bool {
    caller.scopes.binary_search(&scope.key).is_ok()
}

fn grants(scope: &Scope, role: &str) -> bool {
    scope.roles.iter().any(|known| **known == *role)
}

#[cfg(test)]
mod tests;
