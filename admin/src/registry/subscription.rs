//! A subscription: an application's right to call a version, with a tier.

use super::application::ApplicationId;
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
