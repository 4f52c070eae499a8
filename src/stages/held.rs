//! What is counted for one application, whatever it asks for: by the same names as `throttle` counts.

use super::throttle::{application_subject, subscription_subject};
use crate::model::tier::TierLevel;
use crate::quota::Demand;
use crate::registry::application::Application;
use crate::registry::subscription::{Subscribed, Subscription};
use crate::registry::user::UserName;
use crate::snapshot::Snapshot;
use crate::snapshot::tiers::{Named, PolicyId};

/// A count of an application.
#[derive(Clone, Copy, Debug)]
pub struct Held<'s> {
    /// The quota.
    pub policy: PolicyId,
    /// What would be asked of it.
    pub demand: Demand<'s>,
}

/// Returns the counts of an application tier, for one user of the application; those of every group.
pub fn of_application<'s>(snapshot: &'s Snapshot, application: &Application, user: &UserName) -> Vec<Held<'s>> {
    let named = (
        application.tenant().as_str(),
        TierLevel::Application,
        application.tier.as_str(),
    );
    of(snapshot, named, &application_subject(application, user))
}

/// Returns the counts of a subscription of an application; those of every group.
pub fn of_subscription<'s>(
    snapshot: &'s Snapshot,
    application: &Application,
    (to, subscription): (&Subscribed, &Subscription),
) -> Vec<Held<'s>> {
    let named = (to.tenant.as_str(), TierLevel::Subscription, subscription.tier.as_str());
    of(
        snapshot,
        named,
        &subscription_subject(application, to.api.as_str(), subscription),
    )
}

fn of<'s>(snapshot: &'s Snapshot, named: (&str, TierLevel, &str), subject: &[&str]) -> Vec<Held<'s>> {
    let tiers = snapshot.tiers();
    let (tenant, level, name) = named;
    let Named::Tier(id) = tiers.named(tenant, level, name) else {
        return Vec::new();
    };
    let each = tiers.every_policy(id).map(|(policy, stated)| Held {
        policy,
        demand: stated.quota.of(subject),
    });
    each.collect()
}
