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

/// A move from one state to another (W 2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleEvent {
    /// Refuses calls for now.
    Block,
    /// Takes it back to be made.
    Demote,
    /// Serves it to those who already use it.
    Deprecate,
    /// Serves it to try it out.
    Prototype,
    /// Serves it.
    Publish,
    /// Serves it again, after it was blocked.
    Republish,
    /// Takes it away for good.
    Retire,
}

impl LifecycleEvent {
    /// Lists the moves from a state, and where they lead.
    pub fn from_state(state: LifecycleState) -> impl Iterator<Item = (Self, LifecycleState)> {
        let ways: &[_] = match state {
            LifecycleState::Created => &[Self::Publish, Self::Prototype],
            LifecycleState::Prototyped => &[Self::Publish, Self::Demote],
            LifecycleState::Published => &[Self::Block, Self::Deprecate, Self::Prototype, Self::Demote],
            LifecycleState::Blocked => &[Self::Republish, Self::Deprecate],
            LifecycleState::Deprecated => &[Self::Retire],
            LifecycleState::Retired => &[],
        };
        ways.iter().map(|event| (*event, event.to()))
    }

    fn to(self) -> LifecycleState {
        match self {
            Self::Block => LifecycleState::Blocked,
            Self::Demote => LifecycleState::Created,
            Self::Deprecate => LifecycleState::Deprecated,
            Self::Prototype => LifecycleState::Prototyped,
            Self::Publish | Self::Republish => LifecycleState::Published,
            Self::Retire => LifecycleState::Retired,
        }
    }
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
