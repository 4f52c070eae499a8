//! A subscription: an application's right to call a version, with a tier.

use std::fmt;

use super::application::ApplicationId;
use super::change::Subject;
use super::edit::Edit;
use super::{Registry, RegistryError, Result, rule, sql};
use crate::model::instant::UnixTime;
use crate::model::name::{ApiName, TenantName, TierName, VersionName};

/// The number of a subscription in the registry.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SubscriptionId(pub i64);

/// Whether a subscription lets calls through (W 10).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SubscriptionState {
    /// No: 900907.
    Blocked,
    /// No, somebody must agree first: 900909.
    OnHold,
    /// Only with sandbox keys; 900907 otherwise.
    ProductionBlocked,
    /// No: 900909.
    Rejected,
    /// Yes, with the old tier.
    TierUpdatePending,
    /// Yes.
    Unblocked,
}

/// A version as subscriptions name it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Subscribed {
    /// The tenant that owns the Api.
    pub tenant: TenantName,
    /// The Api.
    pub api: ApiName,
    /// The version.
    pub version: VersionName,
}

/// A subscription as requests see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subscription {
    /// Its number.
    pub id: SubscriptionId,
    /// Whether it lets calls through.
    pub state: SubscriptionState,
    /// Its subscription tier.
    pub tier: TierName,
    /// The version that it is to.
    pub version: VersionName,
}

/// A subscription to be made. Whether the version takes it is for the caller to know: the registry has no catalog.
#[derive(Clone, Debug)]
pub struct NewSubscription {
    /// Who subscribes.
    pub application: ApplicationId,
    /// To what.
    pub to: Subscribed,
    /// With which tier.
    pub tier: TierName,
    /// Whether it lets calls through.
    pub state: SubscriptionState,
}

/// Writes the names of the Api, the version and the tenant.
impl fmt::Display for Subscribed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}", self.api, self.version, self.tenant)
    }
}

impl SubscriptionState {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Blocked,
        Self::OnHold,
        Self::ProductionBlocked,
        Self::Rejected,
        Self::TierUpdatePending,
        Self::Unblocked,
    ];

    /// Returns the word for it, as the Developer Portal has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Blocked => "BLOCKED",
            Self::OnHold => "ON_HOLD",
            Self::ProductionBlocked => "PROD_ONLY_BLOCKED",
            Self::Rejected => "REJECTED",
            Self::TierUpdatePending => "TIER_UPDATE_PENDING",
            Self::Unblocked => "UNBLOCKED",
        }
    }

    /// Finds the one with a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.word() == word)
    }
}

impl Registry {
    /// Subscribes an application to a version.
    ///
    /// # Errors
    ///
    /// Fails when it is subscribed already, or there is no such application.
    pub async fn subscribe(&self, subscription: NewSubscription, now: UnixTime) -> Result<SubscriptionId> {
        let mut edit = self.edit().await?;
        let id = edit.subscribe(&subscription, now).await?;
        edit.commit().await?;
        Ok(id)
    }

    /// Changes whether a subscription lets calls through.
    ///
    /// # Errors
    ///
    /// Fails when there is no such subscription.
    pub async fn set_subscription_state(&self, id: SubscriptionId, state: SubscriptionState) -> Result<()> {
        let mut edit = self.edit().await?;
        let application = sql::subscription::set_state(edit.db(), id, state).await?;
        edit.touch(Subject::Subscriptions(application.ok_or_else(|| missing(id))?));
        edit.commit().await
    }

    /// Changes the tier of a subscription.
    ///
    /// # Errors
    ///
    /// Fails when there is no such subscription.
    pub async fn set_subscription_tier(&self, id: SubscriptionId, tier: &TierName) -> Result<()> {
        let mut edit = self.edit().await?;
        let application = sql::subscription::set_tier(edit.db(), id, tier).await?;
        edit.touch(Subject::Subscriptions(application.ok_or_else(|| missing(id))?));
        edit.commit().await
    }

    /// Ends a subscription.
    ///
    /// # Errors
    ///
    /// Fails when there is no such subscription.
    pub async fn unsubscribe(&self, id: SubscriptionId) -> Result<()> {
        let mut edit = self.edit().await?;
        let application = sql::subscription::delete(edit.db(), id).await?;
        edit.touch(Subject::Subscriptions(application.ok_or_else(|| missing(id))?));
        edit.commit().await
    }
}

impl Edit<'_> {
    /// Subscribes an application to a version.
    pub(super) async fn subscribe(&mut self, subscription: &NewSubscription, now: UnixTime) -> Result<SubscriptionId> {
        let application = subscription.application;
        self.application(application).await?;
        let id = sql::subscription::insert(self.db(), subscription, now).await;
        let id = id.map_err(|error| {
            let taken = || format!("a subscription to {}", subscription.to);
            rule::broken(error, taken, || format!("application {}", application.0))
        })?;
        self.touch(Subject::Subscriptions(application));
        Ok(id)
    }
}

fn missing(id: SubscriptionId) -> RegistryError {
    RegistryError::Missing(format!("subscription {}", id.0))
}
