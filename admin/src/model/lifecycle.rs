//! Where an ApiVersion stands in its life (W 2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The states of the lifecycle, in the order a version passes through them.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleState {
    /// Being made; not served.
    #[default]
    Created,
    /// Served to try it out.
    Prototyped,
    /// Served.
    Published,
    /// Refused for now with 503.
    Blocked,
    /// Served to those who already use it.
    Deprecated,
    /// Gone.
    Retired,
}

impl LifecycleState {
    /// Tells whether calls reach a backend in this state.
    pub fn is_served(self) -> bool {
        match self {
            Self::Prototyped | Self::Published | Self::Deprecated => true,
            Self::Created | Self::Blocked | Self::Retired => false,
        }
    }

    /// Tells whether callers are told that the version exists.
    pub fn is_known(self) -> bool {
        self.is_served() || self == Self::Blocked
    }
}
