//! A tier: a named set of quotas.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::{TenantName, TierName};

/// A named set of quotas.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name, unique in its tenant and level.
    pub name: TierName,
    /// What it counts.
    pub level: TierLevel,
    /// The tenant that may use it.
    pub tenant: TenantName,
}

/// What a tier counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TierLevel {
    /// The calls of one application.
    Application,
    /// The calls of a resource, or of a whole version.
    Resource,
    /// The calls of one subscription.
    Subscription,
}
