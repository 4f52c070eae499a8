//! What the view holds of an application: its subscriptions in the order of names, its keys by name.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::model::name::TierName;
use crate::registry::application::Application;
use crate::registry::key_pair::Client;
use crate::registry::subscription::{Subscribed, Subscription, SubscriptionId, SubscriptionState};
use crate::registry::token::Digest;

/// What the view holds of an application.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) application: Arc<Application>,
    pub(super) clients: Vec<Arc<Client>>,
    pub(super) api_keys: Vec<Digest>,
    /// Sorted by what they are to.
    subscriptions: Vec<Bound>,
}

/// A subscription, small.
#[derive(Debug)]
struct Bound {
    to: Arc<Subscribed>,
    tier: TierName,
    id: SubscriptionId,
    state: SubscriptionState,
}

impl Held {
    pub(super) fn new(application: Arc<Application>) -> Self {
        Self {
            application,
            clients: Vec::new(),
            api_keys: Vec::new(),
            subscriptions: Vec::new(),
        }
    }

    /// Adds a subscription in its place, instead of one to the same version.
    pub(super) fn subscribe(&mut self, to: Arc<Subscribed>, subscription: Subscription) {
        let place = self.place((to.tenant.as_str(), to.api.as_str(), to.version.as_str()));
        let bound = Bound {
            to,
            tier: subscription.tier,
            id: subscription.id,
            state: subscription.state,
        };
        match place {
            Ok(place) => {
                if let Some(known) = self.subscriptions.get_mut(place) {
                    *known = bound;
                }
            }
            Err(place) => {
                self.subscriptions.reserve_exact(1);
                self.subscriptions.insert(place, bound);
            }
        }
    }

    pub(super) fn unsubscribe_all(&mut self) {
        self.subscriptions = Vec::new();
    }

    /// Finds the subscription to a version.
    pub(super) fn subscription(&self, to: (&str, &str, &str)) -> Option<Subscription> {
        let place = self.place(to).ok()?;
        self.subscriptions.get(place).map(Bound::told)
    }

    /// Finds the best subscription to any version of an Api.
    pub(super) fn any_subscription(&self, to: (&str, &str)) -> Option<Subscription> {
        let first = self.subscriptions.partition_point(|bound| bound.api() < to);
        let candidates = self.subscriptions.get(first..)?;
        let candidates = candidates.iter().take_while(|bound| bound.api() == to);
        candidates.min_by_key(|bound| rank(bound.state)).map(Bound::told)
    }

    pub(super) fn subscriptions(&self) -> Vec<(Arc<Subscribed>, Subscription)> {
        let each = self.subscriptions.iter();
        each.map(|bound| (Arc::clone(&bound.to), bound.told())).collect()
    }

    fn place(&self, to: (&str, &str, &str)) -> Result<usize, usize> {
        self.subscriptions.binary_search_by(|bound| bound.compare(to))
    }
}

impl Bound {
    fn told(&self) -> Subscription {
        Subscription {
            id: self.id,
            state: self.state,
            tier: self.tier.clone(),
            version: self.to.version.clone(),
        }
    }

    fn api(&self) -> (&str, &str) {
        (self.to.tenant.as_str(), self.to.api.as_str())
    }

    fn compare(&self, (tenant, api, version): (&str, &str, &str)) -> Ordering {
        let by_api = self.api().cmp(&(tenant, api));
        by_api.then_with(|| self.to.version.as_str().cmp(version))
    }
}

/// Ranks states: the less, the better.
fn rank(state: SubscriptionState) -> u8 {
    match state {
        SubscriptionState::Unblocked | SubscriptionState::TierUpdatePending => 0,
        SubscriptionState::ProductionBlocked => 1,
        SubscriptionState::Blocked => 2,
        SubscriptionState::OnHold => 3,
        SubscriptionState::Rejected => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::{ApiName, TenantName, VersionName};
    use crate::registry::application::{ApplicationId, TokenType};
    use crate::registry::user::UserName;

    fn held() -> Held {
        Held::new(Arc::new(Application {
            id: ApplicationId(1),
            uuid: String::new(),
            name: "app".to_owned(),
            owner: UserName {
                tenant: TenantName::root(),
                name: "joe".to_owned(),
            },
            tier: TierName::parse("Unlimited").unwrap(),
            token_type: TokenType::Jwt,
        }))
    }

    fn subscribe(held: &mut Held, id: i64, api: &str, version: &str, state: SubscriptionState) {
        let to = Subscribed {
            tenant: TenantName::root(),
            api: ApiName::parse(api).unwrap(),
            version: VersionName::parse(version).unwrap(),
        };
        let subscription = Subscription {
            id: SubscriptionId(id),
            state,
            tier: TierName::parse("Gold").unwrap(),
            version: to.version.clone(),
        };
        held.subscribe(Arc::new(to), subscription);
    }

    #[test]
    fn a_subscription_is_found_by_all_three_names() {
        let mut held = held();
        for (id, api, version) in [(1, "b", "1"), (2, "a", "2"), (3, "c", "1"), (4, "b", "2")] {
            subscribe(&mut held, id, api, version, SubscriptionState::Unblocked);
        }
        let id = |to: (&str, &str, &str)| held.subscription(to).map(|found| found.id.0);
        assert_eq!(id(("carbon.super", "b", "2")), Some(4));
        assert_eq!(id(("carbon.super", "a", "2")), Some(2));
        assert_eq!(id(("carbon.super", "a", "1")), None);
        assert_eq!(id(("other.example", "a", "2")), None);
    }

    #[test]
    fn the_best_subscription_to_an_api_is_one_that_lets_calls_through() {
        let mut held = held();
        subscribe(&mut held, 1, "a", "1", SubscriptionState::Unblocked);
        subscribe(&mut held, 2, "b", "1", SubscriptionState::Rejected);
        subscribe(&mut held, 3, "b", "2", SubscriptionState::TierUpdatePending);
        subscribe(&mut held, 4, "b", "3", SubscriptionState::ProductionBlocked);
        subscribe(&mut held, 5, "c", "1", SubscriptionState::Blocked);
        let best = |api: &str| held.any_subscription(("carbon.super", api)).map(|found| found.id.0);
        assert_eq!(
            (best("b"), best("c"), best("d"), best("")),
            (Some(3), Some(5), None, None)
        );
    }

    #[test]
    fn a_second_subscription_to_a_version_replaces_the_first() {
        let mut held = held();
        subscribe(&mut held, 1, "a", "1", SubscriptionState::Unblocked);
        subscribe(&mut held, 2, "a", "1", SubscriptionState::Blocked);
        assert_eq!(held.subscriptions().len(), 1);
        assert_eq!(held.subscription(("carbon.super", "a", "1")).unwrap().id.0, 2);
    }
}
