//! What the stages found, and why they refused, in sentences.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each question here is about one kind of fact, or about a few denials"
)]

use super::kept::kept;
use super::telling::Telling;
use super::words;
use crate::denial::Denial;
use crate::snapshot::{Mount, Scope, Version};
use crate::stages::recorder::{Entitlement, Fact, Outcome as Proved, Weight};

impl Telling<'_> {
    /// Says what a stage found that let the request go on.
    pub(super) fn found(&self, fact: &Fact) -> Option<String> {
        Some(match fact {
            Fact::Body { most, .. } => format!("a body of up to {most} bytes may be sent"),
            Fact::Caller(caller) => words::caller(caller),
            Fact::Counted(standings) => self.counted(standings),
            Fact::Denied(None) => "no deny rule is for it".to_owned(),
            Fact::Denied(Some(id)) => format!("{} denies it", self.snapshot.tiers().deny_rule(*id).place),
            Fact::Directed(key_type) => format!("{} endpoints", key_type.word().to_lowercase()),
            Fact::Entitled(entitlement) => self.entitled(entitlement),
            Fact::Located(mount, context) => match mount {
                Mount::Default(_) => format!("`{context}` is a context, and names no version"),
                Mount::Named(_) => format!("`{context}` is a version's context"),
            },
            Fact::Matched(route) => {
                let route = self.snapshot.route(*route);
                format!("{} {}", route.methods, route.template)
            }
            Fact::Open => "the resource asks nobody who calls".to_owned(),
            Fact::Options(methods) => format!("the gateway answers OPTIONS itself: {methods}"),
            Fact::Pinned(id, by_default) => {
                let version = self.snapshot.version(*id);
                let by_default = if *by_default { ", by default" } else { "" };
                format!("{}, {}{by_default}", named(version), words::state(version.state))
            }
            Fact::Scope(id, weight) if weight.is_enough => {
                format!("the scope `{}` lets the caller in", self.snapshot.scope(*id).key)
            }
            Fact::Scope(..) | Fact::Shown(..) => return None,
            Fact::Unscoped => "no scope is asked for".to_owned(),
        })
    }

    /// Says why a stage refuses.
    pub(super) fn why(&self, denial: Denial, facts: &[Fact]) -> String {
        let description = denial.fault().description.to_owned();
        let version = self.version();
        match denial {
            Denial::UnknownApi => {
                "no API of the host's tenant is mounted there, or its tenant is not active".to_owned()
            }
            Denial::NoDefaultVersion => "no version of the API's default_version can answer".to_owned(),
            Denial::Blocked | Denial::UnknownVersion => version.map_or(description, |version| {
                format!("{} is {}", named(version), words::state(version.state))
            }),
            Denial::MethodNotAllowed(methods) => format!("the resources with this path take {methods}"),
            Denial::UnknownResource => version.map_or(description, |version| {
                format!("no resource of {} has this path", named(version))
            }),
            Denial::MissingCredentials => version.map_or(description, |version| {
                format!(
                    "no credential that the version takes was shown. {}",
                    version.challenge.advice
                )
            }),
            Denial::InvalidCredentials | Denial::RestrictedKey => {
                let last = facts.iter().rev().find_map(unproven);
                last.unwrap_or(description)
            }
            Denial::WrongTokenType => match (self.route(), self.caller()) {
                (Some(route), Some(caller)) => format!(
                    "the resource demands `auth = \"{}\"`, and this is a {}",
                    words::auth(route.auth),
                    words::caller(caller)
                ),
                _ => description,
            },
            Denial::NotSubscribed | Denial::SubscriptionBlocked | Denial::SubscriptionInactive => {
                let found = facts.iter().find_map(|fact| self.found(fact));
                found.unwrap_or(description)
            }
            Denial::MissingScope => self.unscoped(),
            Denial::Denied | Denial::Throttled(..) => {
                facts.iter().find_map(|fact| self.found(fact)).unwrap_or(description)
            }
            Denial::TierRefused => "the owner of the application may not use the tier that it has chosen".to_owned(),
            Denial::UnknownTier => "the tier that the application has chosen is stated nowhere".to_owned(),
            Denial::BodyTooLarge => {
                let found = facts.iter().find_map(|fact| self.found(fact));
                found.map_or(description, |found| format!("the body is larger: {found}"))
            }
            _ => description,
        }
    }

    fn unscoped(&self) -> String {
        let wanted = self.wanted().into_iter().map(|scope| &*scope.key);
        let wanted = words::listed(wanted);
        let held = self.caller().map(|caller| &caller.scopes[..]).unwrap_or_default();
        let held = words::listed(held.iter().map(|scope| &**scope));
        format!("one of the scopes {wanted} is wanted; the credential holds {held}")
    }

    fn entitled(&self, entitlement: &Entitlement) -> String {
        let to = self.version().map(named).unwrap_or_default();
        let application = self.caller().and_then(|caller| caller.application.as_deref());
        let whose = application.map_or("nobody", |application| application.name.as_str());
        match entitlement {
            Entitlement::Free => "the version is called without a subscription".to_owned(),
            Entitlement::NotAdmitted => format!("{to} takes no applications of the tenant of {whose} (`subscribers`)"),
            Entitlement::NotAsked => "this credential has no application, so no subscription is asked for".to_owned(),
            Entitlement::Subscribed(subscription) => format!(
                "the subscription of {whose} is {}, with the tier {}",
                subscription.state.word(),
                subscription.tier
            ),
            Entitlement::Unregistered => {
                "the client is no application of the registry, so it has no subscription".to_owned()
            }
            Entitlement::Unsubscribed => format!("the application {whose} has no subscription to {to}"),
        }
    }

    /// Says each credential that failed, each scope that was weighed and is not enough, and how each quota stands.
    pub(super) fn details(&self, facts: &[Fact]) -> Vec<String> {
        let line = |fact: &Fact| match fact {
            Fact::Shown(..) => unproven(fact),
            Fact::Scope(id, weight) if !weight.is_enough => Some(weighed(self.snapshot.scope(*id), *weight)),
            _ => None,
        };
        let counted = self.limits().into_iter().map(|limit| {
            format!(
                "{}: {} of {} left, all of them in {} s; {}",
                limit.name, limit.remaining, limit.quota, limit.reset, limit.rule
            )
        });
        let matched = facts.iter().filter_map(|fact| match fact {
            Fact::Matched(id) => Some(kept(self.snapshot.route(*id), self.asked)),
            _ => None,
        });
        let has_counted = facts.iter().any(|fact| matches!(fact, Fact::Counted(_)));
        let counted = has_counted.then_some(counted).into_iter().flatten();
        let lines = facts.iter().filter_map(line);
        lines.chain(matched.flatten()).chain(counted).collect()
    }
}

fn named(version: &Version) -> String {
    format!("{} {} of {}", version.api, version.version, version.tenant)
}

/// Says what came of a credential that proves nobody.
fn unproven(fact: &Fact) -> Option<String> {
    match fact {
        Fact::Shown(kind, Proved::Unproven(flaw)) => {
            let claim = words::claim(*kind, *flaw).map(|claim| format!(" (claim `{claim}`)"));
            let claim = claim.unwrap_or_default();
            Some(format!("{}: {}{claim}", kind.name(), words::flaw(*flaw)))
        }
        _ => None,
    }
}

fn weighed(scope: &Scope, weight: Weight) -> String {
    let held = if weight.is_granted { "held" } else { "not held" };
    let roles = words::listed(scope.roles.iter().map(|role| &**role));
    let backed = match (scope.roles.is_empty(), weight.is_backed) {
        (true, _) => "it is everybody's".to_owned(),
        (false, true) => format!("a role of the caller grants it ({roles})"),
        (false, false) => format!("no role of the caller grants it, these would: {roles}"),
    };
    format!("`{}`: {held} by the credential; {backed}; {}", scope.key, scope.place)
}
