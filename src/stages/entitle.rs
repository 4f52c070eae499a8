//! Whether the caller's application may call the version at all: its subscription (W 10).
//!
//! | caller | demand |
//! |---|---|
//! | a password, a certificate alone | none |
//! | anybody, on a version without tiers or a prototype | none |
//! | a foreign client that nobody registered | cannot subscribe, so cannot call |
//! | an application, by a version's own path | a subscription to that version |
//! | an application, by the default version's path | a subscription to any version of the Api |

use super::Refusal;
use super::pin_version::Pinned;
use super::recorder::{Entitlement, Fact, Recorder};
use crate::credential::caller::{Caller, Proof};
use crate::denial::Denial;
use crate::registry::key_pair::KeyType;
use crate::registry::subscription::{Subscription, SubscriptionState};
use crate::registry::view::View;
use crate::snapshot::Snapshot;

/// Checks the subscription of the caller's application; returns it where one is needed.
///
/// Whose applications may subscribe is asked again for every call: a catalog that takes the right away takes it from
/// those who have subscribed, too.
pub(super) fn entitle(
    caller: &Caller,
    pinned: &Pinned<'_>,
    snapshot: &Snapshot,
    view: &View,
    told: &mut impl Recorder,
) -> Result<Option<Subscription>, Refusal> {
    let version = snapshot.version(pinned.version);
    let refused = |denial: Denial| denial.of(pinned.version);
    let needs_none = match caller.by {
        Proof::Basic | Proof::Certificate => true,
        Proof::ApiKey | Proof::ForeignToken | Proof::Token => version.is_free,
    };
    if needs_none {
        told.learn(|| needless(version.is_free));
        return Ok(None);
    }
    let Some(application) = caller.application.as_deref() else {
        told.learn(|| Fact::Entitled(Entitlement::Unregistered));
        return Err(refused(Denial::NotSubscribed));
    };
    if !version.subscribers.admit(application.tenant()) {
        told.learn(|| Fact::Entitled(Entitlement::NotAdmitted));
        return Err(refused(Denial::NotSubscribed));
    }
    let found = if pinned.by_default {
        view.any_subscription(application.id, (&version.tenant, &version.api))
    } else {
        view.subscription(application.id, version.names())
    };
    let Some(subscription) = found else {
        told.learn(|| Fact::Entitled(Entitlement::Unsubscribed));
        return Err(refused(Denial::NotSubscribed));
    };
    told.learn(|| Fact::Entitled(Entitlement::Subscribed(subscription.clone())));
    match held_back(subscription.state, caller.key_type) {
        None => Ok(Some(subscription)),
        Some(denial) => Err(refused(denial)),
    }
}

fn needless(is_free: bool) -> Fact {
    Fact::Entitled(if is_free {
        Entitlement::Free
    } else {
        Entitlement::NotAsked
    })
}

/// Tells why a subscription in this state does not let a call with this type of key through, if it does not.
fn held_back(state: SubscriptionState, key_type: KeyType) -> Option<Denial> {
    match (state, key_type) {
        (SubscriptionState::TierUpdatePending | SubscriptionState::Unblocked, _)
        | (SubscriptionState::ProductionBlocked, KeyType::Sandbox) => None,
        (SubscriptionState::Blocked, _) | (SubscriptionState::ProductionBlocked, KeyType::Production) => {
            Some(Denial::SubscriptionBlocked)
        }
        (SubscriptionState::OnHold | SubscriptionState::Rejected, _) => Some(Denial::SubscriptionInactive),
    }
}

#[cfg(test)]
pub(super) mod tests;
