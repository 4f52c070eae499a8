//! Which line is behind a stage's decision, and which stage is behind a denial.

use crate::denial::Denial;
use crate::model::place::Place;
use crate::snapshot::{Route, Version};
use crate::stages::recorder::Stage;
use crate::target::BadTarget;

/// Returns the line behind a stage's decision; none where it is no rule of the catalog's.
pub(super) fn place<'a>(stage: Stage, version: Option<&'a Version>, route: Option<&'a Route>) -> Option<&'a Place> {
    let of_version = version.map(|version| &version.place);
    match stage {
        // Of these, the rules themselves say where.
        Stage::Bound | Stage::Deny | Stage::DenyCaller | Stage::Throttle => None,
        Stage::Authenticate | Stage::Authorize | Stage::MatchResource => route.map(|route| &route.place).or(of_version),
        Stage::Direct | Stage::Entitle | Stage::Locate | Stage::Permit | Stage::PinVersion => of_version,
    }
}

/// Returns the setting behind a denial, where it is one.
#[expect(clippy::wildcard_enum_match_arm, reason = "few denials have a setting")]
pub(super) fn setting(denial: Denial) -> Option<&'static str> {
    match denial {
        Denial::HeadTooLarge => Some("[limits] header_count, header_bytes"),
        Denial::UriTooLong => Some("[limits] uri_length"),
        _ => None,
    }
}

/// Returns the stage that gives a denial, where version and caller are known or not; `None` where it is given after the
/// last of them.
pub(super) fn stage(denial: Denial, (is_version_known, is_caller_known): (bool, bool)) -> Option<Stage> {
    match denial {
        Denial::BadTarget(BadTarget::NotAllowed) if is_version_known => Some(Stage::PinVersion),
        Denial::BadTarget(BadTarget::NotAllowed) | Denial::InvalidHost | Denial::UnknownApi => Some(Stage::Locate),
        Denial::AbusedConnection
        | Denial::BadTarget(_)
        | Denial::BareLineFeed
        | Denial::HeadTooLarge
        | Denial::UnknownCoding
        | Denial::UriTooLong => Some(Stage::Bound),
        Denial::Blocked | Denial::NoDefaultVersion | Denial::TransportNotAllowed(_) | Denial::UnknownVersion => {
            Some(Stage::PinVersion)
        }
        Denial::MethodNotAllowed(_) | Denial::UnknownResource => Some(Stage::MatchResource),
        Denial::InvalidCredentials | Denial::MissingCredentials | Denial::RestrictedKey | Denial::WrongTokenType => {
            Some(Stage::Authenticate)
        }
        Denial::NotSubscribed | Denial::SubscriptionBlocked | Denial::SubscriptionInactive => Some(Stage::Entitle),
        Denial::MissingScope => Some(Stage::Authorize),
        Denial::Denied if !is_caller_known => Some(Stage::Deny),
        Denial::Denied => Some(Stage::DenyCaller),
        Denial::Throttled(..) | Denial::TierRefused | Denial::UnknownTier => Some(Stage::Throttle),
        Denial::NoEndpoint(_) => Some(Stage::Direct),
        Denial::BodyTooLarge => Some(Stage::Permit),
        Denial::MalformedBody if !is_version_known => Some(Stage::Bound),
        Denial::BackendBroken
        | Denial::BackendConnectTimeout
        | Denial::BackendSuspended
        | Denial::BackendTimeout
        | Denial::BackendUnreachable
        | Denial::BackendUnresolved
        | Denial::BodyTimeout
        | Denial::Internal
        | Denial::MalformedBody
        | Denial::NotCached => None,
    }
}
