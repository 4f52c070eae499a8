//! How the quotas of one application stand, without a request: its application tier for one user, and the tier of each
//! subscription. They can begin anew.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Explainer;
use super::explanation::Limit;
use super::limits;
use crate::model::deny::Person;
use crate::registry::application::Application;
use crate::registry::user::UserName;
use crate::snapshot::Snapshot;
use crate::stages::{Held, held};

/// How the quotas of an application stand.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Quotas {
    /// The application's name.
    pub application: String,
    /// Who owns it.
    pub owner: String,
    /// Whose count of the application tier it is.
    pub user: String,
    /// What is counted for the user, at every API.
    pub limits: Vec<Limit>,
    /// What is counted for the application at each version that it subscribed to, whoever its user is.
    pub subscriptions: Vec<Subscription>,
    /// How many counts were forgotten.
    pub reset: usize,
}

/// How the quotas of a subscription stand.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Subscription {
    /// The tenant that owns the Api.
    pub tenant: String,
    /// The Api.
    pub api: String,
    /// The version.
    pub version: String,
    /// The tier of the subscription.
    pub tier: String,
    /// Its quotas.
    pub limits: Vec<Limit>,
}

impl Explainer {
    /// Says how the quotas of the application with a uuid stand, for a user of it, `name` or `name@tenant`, or for its
    /// owner; nothing where there is none.
    pub fn quotas(&self, application: &str, user: Option<&str>) -> Option<Quotas> {
        self.counted(application, user, false)
    }

    /// Forgets what was counted for it, and says how its quotas stand then. What is under way stays so.
    pub fn reset_quotas(&self, application: &str, user: Option<&str>) -> Option<Quotas> {
        self.counted(application, user, true)
    }

    fn counted(&self, application: &str, user: Option<&str>, is_reset: bool) -> Option<Quotas> {
        let view = self.credentials.view();
        let application = find(&view.applications(None), application)?;
        let user = user.map_or_else(
            || application.owner.clone(),
            |user| {
                let Person { tenant, name } = Person::parse(user, application.tenant());
                UserName { tenant, name }
            },
        );
        let served = self.live.current();
        let snapshot = &served.snapshot;
        let mut reset = 0;
        let mut stand = |held: Vec<Held<'_>>| {
            if is_reset {
                reset += held.iter().filter(|held| self.counts.reset(held.demand.key())).count();
            }
            self.stand(snapshot, &held)
        };
        let limits = stand(held::of_application(snapshot, &application, &user));
        let subscriptions = view.subscriptions_of(application.id).into_iter();
        let subscriptions = subscriptions.map(|(to, subscription)| Subscription {
            tenant: to.tenant.to_string(),
            api: to.api.to_string(),
            version: to.version.to_string(),
            tier: subscription.tier.to_string(),
            limits: stand(held::of_subscription(snapshot, &application, (&to, &subscription))),
        });
        let subscriptions = subscriptions.collect();
        Some(Quotas {
            application: application.name.clone(),
            owner: application.owner.to_string(),
            user: user.to_string(),
            limits,
            subscriptions,
            reset,
        })
    }

    fn stand(&self, snapshot: &Snapshot, held: &[Held<'_>]) -> Vec<Limit> {
        let demands: Vec<_> = held.iter().map(|held| held.demand).collect();
        if demands.is_empty() {
            return Vec::new();
        }
        let standings = self.counts.look(&demands).standings;
        let tiers = snapshot.tiers();
        let told = held.iter().zip(standings).map(|(held, standing)| {
            let policy = tiers.policy(held.policy);
            limits::told(policy, tiers.tier(policy.tier), standing)
        });
        told.collect()
    }
}

fn find(applications: &[Arc<Application>], uuid: &str) -> Option<Arc<Application>> {
    applications
        .iter()
        .find(|application| application.uuid == uuid)
        .cloned()
}
