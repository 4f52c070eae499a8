//! A subscription as it is told and stated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Answer;
use crate::http::problem::Problem;
use crate::registry::subscription::SubscriptionState;
use crate::registry::view::Right;

/// A subscription.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Subscription")]
pub(super) struct Document {
    /// Its number; it is given.
    #[serde(default)]
    pub(super) id: Option<i64>,
    /// The uuid of the application.
    pub(super) application: String,
    /// The name of the application; it is only told.
    #[serde(default)]
    pub(super) application_name: Option<String>,
    /// The owner of the application; it is only told.
    #[serde(default)]
    pub(super) owner: Option<String>,
    /// The tenant of the API; that of the application where it is left out.
    #[serde(default)]
    pub(super) tenant: Option<String>,
    /// The API.
    pub(super) api: String,
    /// The version.
    pub(super) version: String,
    /// The tier; the first that may be had where it is left out.
    #[serde(default)]
    pub(super) tier: Option<String>,
    /// Whether it lets calls through; administrators of the API's tenant say it.
    #[serde(default)]
    pub(super) state: Passing,
}

/// Whether a subscription lets calls through.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Passing {
    /// No.
    Blocked,
    /// No, somebody must agree first. It is only told.
    OnHold,
    /// Only with sandbox keys.
    ProductionOnlyBlocked,
    /// No, somebody did not agree. It is only told.
    Rejected,
    /// Yes, with the old tier. It is only told.
    TierUpdatePending,
    /// Yes.
    #[default]
    Unblocked,
}

impl From<SubscriptionState> for Passing {
    fn from(state: SubscriptionState) -> Self {
        match state {
            SubscriptionState::Blocked => Self::Blocked,
            SubscriptionState::OnHold => Self::OnHold,
            SubscriptionState::ProductionBlocked => Self::ProductionOnlyBlocked,
            SubscriptionState::Rejected => Self::Rejected,
            SubscriptionState::TierUpdatePending => Self::TierUpdatePending,
            SubscriptionState::Unblocked => Self::Unblocked,
        }
    }
}

impl Passing {
    /// Returns what somebody may say.
    pub(super) fn stated(self) -> Answer<SubscriptionState> {
        match self {
            Self::Blocked => Ok(SubscriptionState::Blocked),
            Self::ProductionOnlyBlocked => Ok(SubscriptionState::ProductionBlocked),
            Self::Unblocked => Ok(SubscriptionState::Unblocked),
            Self::OnHold | Self::Rejected | Self::TierUpdatePending => Err(Problem::flawed(
                "/state",
                "say `unblocked`, `blocked` or `production_only_blocked`",
            )),
        }
    }
}

impl Document {
    pub(super) fn of(right: &Right) -> Self {
        let Right {
            application,
            to,
            subscription,
        } = right;
        Self {
            id: Some(subscription.id.0),
            application: application.uuid.clone(),
            application_name: Some(application.name.clone()),
            owner: Some(application.owner.to_string()),
            tenant: Some(to.tenant.to_string()),
            api: to.api.to_string(),
            version: to.version.to_string(),
            tier: Some(subscription.tier.to_string()),
            state: subscription.state.into(),
        }
    }
}

/// Checks that what a subscription keeps is as it was.
pub(super) fn keeps(sent: &Document, before: &Document) -> Answer<()> {
    for (pointer, is_kept) in [
        ("/id", sent.id.is_none() || sent.id == before.id),
        ("/application", sent.application == before.application),
        ("/tenant", sent.tenant.is_none() || sent.tenant == before.tenant),
        ("/api", sent.api == before.api),
        ("/version", sent.version == before.version),
    ] {
        if !is_kept {
            return Err(Problem::flawed(
                pointer,
                "a subscription keeps what it is of; make another one",
            ));
        }
    }
    Ok(())
}
