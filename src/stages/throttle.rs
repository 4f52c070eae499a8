//! Which quotas a request is held against, in the order of W 3.1, and for whom each of them counts.
//!
//! | tier | counts |
//! |---|---|
//! | of the version, else of the resource | the version; the resource and the method; each user, where it says so |
//! | of the subscription | the application at the version that it subscribed to |
//! | of callers without an application | the user at the version, else the certificate, the client, or the network |
//! | of the application | each user of the application, or its owner |
//! | counting rules | what their keys tell apart |
//! | caps of the endpoints | the version, production and sandbox apart |
//!
//! Nothing is asked of the counts here. A tier that is stated nowhere refuses, and so does one that the application's
//! owner may not use: there is no telling how much they would let through.

use std::sync::Arc;

use http::Method;
use smallvec::SmallVec;

use super::permit::Granted;
use super::subject::Request;
use crate::credential::caller::{Caller, Proof};
use crate::denial::{Denial, Reach};
use crate::model::tier::TierLevel;
use crate::quota::Demand;
use crate::registry::application::Application;
use crate::registry::subscription::Subscription;
use crate::registry::user::UserName;
use crate::registry::view::View;
use crate::snapshot::Snapshot;
use crate::snapshot::tiers::{Named, PolicyId, TierId, Tiers};

/// What a request asks of its quotas.
#[derive(Debug, Default)]
pub(super) struct Demands<'s> {
    pub(super) demands: SmallVec<[Demand<'s>; FEW]>,
    /// Which quota each of them is on, and what is said where it is reached.
    pub(super) asked: SmallVec<[(PolicyId, Reach); FEW]>,
}

/// Finds the quotas of a request.
pub(super) fn throttle<'s>(
    request: &Request<'_>,
    granted: &Granted,
    snapshot: &'s Snapshot,
    view: &View,
) -> Result<Demands<'s>, Denial> {
    let throttle = Throttle {
        request,
        tiers: snapshot.tiers(),
        view,
    };
    let mut demands = Demands::default();
    throttle.resource(&mut demands);
    match (
        request.caller,
        granted
            .caller
            .as_deref()
            .and_then(|caller| caller.application.as_deref()),
    ) {
        (_, Some(application)) => {
            if let Some(subscription) = &granted.subscription {
                throttle.subscription(application, subscription, &mut demands)?;
            }
            throttle.application(application, &mut demands)?;
        }
        (caller, None) => throttle.anonymous(caller, &mut demands),
    }
    throttle.rules(&mut demands);
    if let Some(cap) = request.version.counted.cap(granted.environment) {
        let environment = granted.environment.word();
        throttle.hold(
            cap,
            None,
            &[&request.version.api, &request.version.version, environment],
            &mut demands,
        );
    }
    Ok(demands)
}

struct Throttle<'s, 'r> {
    request: &'r Request<'r>,
    tiers: &'s Tiers,
    view: &'r View,
}

impl<'s> Throttle<'s, '_> {
    /// Holds a request against the quotas of a tier, for a subject.
    fn hold(&self, tier: TierId, reach: Option<Reach>, subject: &[&str], demands: &mut Demands<'s>) {
        for (id, policy) in self.tiers.policies(tier, |condition| self.request.meets(condition)) {
            demands.demands.push(policy.quota.of(subject));
            demands.asked.push((id, reach.unwrap_or(policy.reach)));
        }
    }

    /// The tier of the version, or else of the resource.
    fn resource(&self, demands: &mut Demands<'s>) {
        let Request { version, route, .. } = self.request;
        let (api, label) = (&*version.api, &*version.version);
        let method = method(self.request.head.method);
        let (tier, reach, mut subject) = match (version.counted.tier, route.tier) {
            (Some(tier), _) => (tier, Some(Reach::Api), Subject::from_slice(&[api, label])),
            (None, Some(tier)) => (tier, None, Subject::from_slice(&[api, label, &route.template, method])),
            (None, None) => return,
        };
        let network = &self.request.network;
        if self.tiers.tier(tier).is_per_user {
            let caller = self.request.caller;
            subject.extend(
                match caller.map(|caller| (caller.user.as_ref(), caller.application.as_deref())) {
                    Some((Some(user), _)) => ["user", user.name.as_str(), user.tenant.as_str()],
                    Some((None, Some(application))) => ["application", application.uuid.as_str(), ""],
                    Some((None, None)) => ["client", caller.map_or("", |caller| caller.subject.as_str()), ""],
                    None => ["network", network.as_str(), ""],
                },
            );
        }
        self.hold(tier, reach, &subject, demands);
    }

    fn subscription(
        &self,
        application: &Application,
        subscription: &Subscription,
        demands: &mut Demands<'s>,
    ) -> Result<(), Denial> {
        let version = self.request.version;
        let name = subscription.tier.as_str();
        if let Some(tier) = self.chosen(&version.tenant, (TierLevel::Subscription, name), application)? {
            let subject = subscription_subject(application, &version.api, subscription);
            self.hold(tier, None, &subject, demands);
        }
        Ok(())
    }

    fn application(&self, application: &Application, demands: &mut Demands<'s>) -> Result<(), Denial> {
        let chosen = (TierLevel::Application, application.tier.as_str());
        if let Some(tier) = self.chosen(application.tenant().as_str(), chosen, application)? {
            let user = self.request.caller.and_then(|caller| caller.user.as_ref());
            let user = user.unwrap_or(&application.owner);
            self.hold(tier, None, &application_subject(application, user), demands);
        }
        Ok(())
    }

    /// Finds the tier that an application, or its subscription, has chosen; none where it counts nothing.
    fn chosen(
        &self,
        tenant: &str,
        (level, name): (TierLevel, &str),
        application: &Application,
    ) -> Result<Option<TierId>, Denial> {
        let id = match self.tiers.named(tenant, level, name) {
            Named::Tier(id) => id,
            Named::Unlimited => return Ok(None),
            Named::Unknown => return Err(Denial::UnknownTier),
        };
        let choosers = &self.tiers.tier(id).choosers;
        let owner = || self.view.user(&application.owner);
        let may_use = choosers.are_all() || owner().is_some_and(|owner: Arc<_>| choosers.include(&owner.roles));
        may_use.then_some(Some(id)).ok_or(Denial::TierRefused)
    }

    fn anonymous(&self, caller: Option<&Caller>, demands: &mut Demands<'s>) {
        let version = self.request.version;
        let Some(tier) = version.counted.anonymous else { return };
        let network = &self.request.network;
        let who = match caller.map(|caller| (caller.by, caller.user.as_ref(), caller)) {
            Some((_, Some(user), _)) => ["user", user.name.as_str(), user.tenant.as_str()],
            Some((Proof::Certificate, None, caller)) => ["certificate", caller.subject.as_str(), ""],
            Some((Proof::ApiKey | Proof::Basic | Proof::ForeignToken | Proof::Token, None, caller)) => {
                ["client", caller.client.as_str(), ""]
            }
            None => ["network", network.as_str(), ""],
        };
        let [kind, name, tenant] = who;
        self.hold(
            tier,
            None,
            &[&version.api, &version.version, kind, name, tenant],
            demands,
        );
    }

    fn rules(&self, demands: &mut Demands<'s>) {
        for id in &self.request.version.counted.rules {
            let rule = self.tiers.rule(*id);
            if !rule.conditions.iter().all(|condition| self.request.meets(condition)) {
                continue;
            }
            let Some(parts) = self.request.key(&rule.key) else {
                continue;
            };
            let subject: Subject<'_> = parts.iter().map(|part| &**part).collect();
            self.hold(rule.tier, None, &subject, demands);
        }
    }
}

/// Names a user of an application.
pub(super) fn application_subject<'a>(application: &'a Application, user: &'a UserName) -> [&'a str; 3] {
    [&application.uuid, &user.name, user.tenant.as_str()]
}

/// Names a subscription: by the version that it is to, whichever answers where none is named.
pub(super) fn subscription_subject<'a>(
    application: &'a Application,
    api: &'a str,
    subscription: &'a Subscription,
) -> [&'a str; 3] {
    [&application.uuid, api, subscription.version.as_str()]
}

/// The names that a subject is known by.
type Subject<'a> = SmallVec<[&'a str; 8]>;

/// Returns the method that a request counts as: HEAD is GET without its body.
fn method(method: &Method) -> &str {
    if *method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    }
}

/// So many quotas are held against a request without an allocation.
pub(super) const FEW: usize = 8;

#[cfg(test)]
mod tests;
