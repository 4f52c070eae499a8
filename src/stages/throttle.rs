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

use smallvec::SmallVec;

use super::permit::Granted;
use super::subject::Request;
use crate::credential::caller::{Caller, Proof};
use crate::denial::Denial;
use crate::model::method::MethodName;
use crate::model::tier::TierLevel;
use crate::quota::{Demand, Quota, SubjectDigest};
use crate::registry::application::Application;
use crate::registry::subscription::Subscription;
use crate::registry::user::UserName;
use crate::registry::view::View;
use crate::snapshot::Snapshot;
use crate::snapshot::tiers::{Cap, Named, PolicyId, TierId, Tiers};

/// What a request asks of its quotas, and which of the snapshot's they are.
#[derive(Debug, Default)]
pub struct Demands<'s> {
    pub(super) policies: SmallVec<[PolicyId; FEW]>,
    pub(super) asked: SmallVec<[Demand<'s>; FEW]>,
}

/// Finds the quotas of a request.
pub(super) fn throttle<'s>(
    request: &Request<'_>,
    granted: &Granted,
    snapshot: &'s Snapshot,
    view: &View,
    demands: &mut Demands<'s>,
) -> Result<(), Denial> {
    let throttle = Throttle {
        request,
        tiers: snapshot.tiers(),
        view,
    };
    throttle.resource(demands);
    match (
        request.caller,
        granted
            .caller
            .as_deref()
            .and_then(|caller| caller.application.as_deref()),
    ) {
        (_, Some(application)) => {
            if let Some(subscription) = &granted.subscription {
                throttle.subscription(application, subscription, demands)?;
            }
            throttle.application(application, demands)?;
        }
        (caller, None) => throttle.anonymous(caller, demands),
    }
    throttle.rules(demands);
    if let Some(Cap { tier, subject }) = request.version.counted.cap(granted.environment) {
        throttle.hold(tier, |_| subject, demands);
    }
    Ok(())
}

struct Throttle<'r, 's> {
    request: &'r Request<'r>,
    tiers: &'s Tiers,
    view: &'r View,
}

impl<'s> Throttle<'_, 's> {
    /// Holds a request against the quotas of a tier, for a subject that is named once for all of them.
    fn hold(&self, tier: TierId, subject: impl Fn(&Quota) -> SubjectDigest, demands: &mut Demands<'s>) {
        let mut known = None;
        for (id, policy) in self.tiers.policies(tier, |condition| self.request.meets(condition)) {
            let subject = *known.get_or_insert_with(|| subject(&policy.quota));
            demands.policies.push(id);
            demands.asked.push(policy.quota.of_key(policy.quota.key(subject)));
        }
    }

    /// Names the network of a caller who shows nothing else.
    fn network(&self) -> SubjectDigest {
        let network = self.request.network.as_bytes();
        self.tiers.network().and(network).and("").digest()
    }

    /// The tier of the version, or else of the resource.
    fn resource(&self, demands: &mut Demands<'s>) {
        let Request { version, route, .. } = self.request;
        let (tier, subject) = match (version.counted.tier, &route.tier) {
            (Some(tier), _) => (tier, version.counted.subject),
            (None, Some((tier, subjects))) => {
                let method = MethodName::find(self.request.head.method);
                let subject = subjects.iter().find(|(name, _)| Some(*name) == method);
                // A resource that was found takes the method.
                (*tier, subject.map(|(_, subject)| *subject).unwrap_or_default())
            }
            (None, None) => return,
        };
        if !self.tiers.tier(tier).is_per_user {
            return self.hold(tier, |_| subject, demands);
        }
        let caller = self.request.caller;
        let user = match caller.map(|caller| (caller.user.as_ref(), caller.application.as_deref())) {
            Some((Some(user), _)) => ["user", &user.name, user.tenant.as_str()],
            Some((None, Some(application))) => ["application", &application.uuid, ""],
            Some((None, None)) => ["client", caller.map_or("", |caller| &caller.subject), ""],
            None => return self.hold(tier, |_| subject.each(self.network()), demands),
        };
        self.hold(tier, |quota| subject.each(quota.subject(&user)), demands);
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
            self.hold(tier, |quota| quota.subject(&subject), demands);
        }
        Ok(())
    }

    fn application(&self, application: &Application, demands: &mut Demands<'s>) -> Result<(), Denial> {
        let chosen = (TierLevel::Application, application.tier.as_str());
        if let Some(tier) = self.chosen(application.tenant().as_str(), chosen, application)? {
            let user = self.request.caller.and_then(|caller| caller.user.as_ref());
            let user = user.unwrap_or(&application.owner);
            let subject = application_subject(application, user);
            self.hold(tier, |quota| quota.subject(&subject), demands);
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
        let subject = version.counted.subject;
        let who = match caller.map(|caller| (caller.by, caller.user.as_ref(), caller)) {
            Some((_, Some(user), _)) => ["user", &user.name, user.tenant.as_str()],
            Some((Proof::Certificate, None, caller)) => ["certificate", &caller.subject, ""],
            Some((Proof::ApiKey | Proof::Basic | Proof::ForeignToken | Proof::Token, None, caller)) => {
                ["client", &caller.client, ""]
            }
            None => return self.hold(tier, |_| subject.each(self.network()), demands),
        };
        self.hold(tier, |quota| subject.each(quota.subject(&who)), demands);
    }

    fn rules(&self, demands: &mut Demands<'s>) {
        for id in &self.request.version.counted.rules {
            let rule = self.tiers.rule(*id);
            if !rule.conditions.iter().all(|condition| self.request.meets(condition)) {
                continue;
            }
            if let Some(subject) = self.request.key(&rule.key, rule.names) {
                self.hold(rule.tier, |_| subject, demands);
            }
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

/// So many quotas are held against a request without an allocation.
pub(super) const FEW: usize = 8;

#[cfg(test)]
mod tests;
