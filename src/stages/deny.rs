//! Whether a deny rule is for the request: those that do not ask who calls, before anybody is asked; the others after
//! (W 3.1).

use super::Refusal;
use super::pin_version::Pinned;
use super::plea::Ground;
use super::recorder::{Fact, Recorder};
use crate::credential::caller::Caller;
use crate::denial::Denial;
use crate::head::Head;
use crate::model::deny::{DenyRule, Person};
use crate::registry::user::UserName;
use crate::snapshot::Snapshot;
use crate::snapshot::tiers::DenyId;

/// Refuses what a rule denies that does not ask who calls.
pub(super) fn deny_anybody(
    head: &Head<'_>,
    pinned: &Pinned<'_>,
    snapshot: &Snapshot,
    told: &mut impl Recorder,
) -> Result<(), Refusal> {
    let rules = &snapshot.version(pinned.version).counted.denying_anybody;
    deny((head, None), (rules, pinned), snapshot, told)
}

/// Refuses what a rule denies that asks who calls.
pub(super) fn deny_caller(
    (head, caller): (&Head<'_>, Option<&Caller>),
    pinned: &Pinned<'_>,
    snapshot: &Snapshot,
    told: &mut impl Recorder,
) -> Result<(), Refusal> {
    let rules = &snapshot.version(pinned.version).counted.denying_callers;
    deny((head, caller), (rules, pinned), snapshot, told)
}

fn deny(
    (head, caller): (&Head<'_>, Option<&Caller>),
    (rules, pinned): (&[DenyId], &Pinned<'_>),
    snapshot: &Snapshot,
    told: &mut impl Recorder,
) -> Result<(), Refusal> {
    let found = rules
        .iter()
        .find(|id| is_for(snapshot.tiers().deny_rule(**id), head, caller));
    told.learn(|| Fact::Denied(found.copied()));
    match found {
        Some(id) => Err(Denial::Denied.of(pinned.version).on(Ground::Denied(*id))),
        None => Ok(()),
    }
}

/// Tells whether a rule is for a request to an Api that it is meant for: all that it states must be true.
fn is_for(rule: &DenyRule, head: &Head<'_>, caller: Option<&Caller>) -> bool {
    let application = caller.and_then(|caller| caller.application.as_deref());
    let user = caller.and_then(|caller| caller.user.as_ref());
    let is = |wanted: &Option<Person>, known: Option<&UserName>| {
        wanted
            .as_ref()
            .is_none_or(|wanted| known.is_some_and(|known| known.name == wanted.name && known.tenant == wanted.tenant))
    };
    let wanted = rule.application.as_ref();
    (rule.addresses.is_empty() || rule.addresses.iter().any(|range| range.contain(head.client)))
        && !rule.other_addresses.iter().any(|range| range.contain(head.client))
        && wanted.is_none_or(|name| application.is_some_and(|application| application.name == *name))
        && is(&rule.owner, application.map(|application| &application.owner))
        && is(&rule.user, user)
}
