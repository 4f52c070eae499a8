//! The words of WSO2 and of HTTP, and what they are here.

use crate::model::auth::AuthType;
use crate::model::document::{SecurityName, TransportName};
use crate::model::lifecycle::LifecycleState;
use crate::model::method::MethodName;

/// Finds a method by its name, in either case.
pub(super) fn method(text: &str) -> Option<MethodName> {
    METHODS
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, method)| method)
}

/// Returns where a method stands among those of a resource, as people list them.
pub(super) fn rank(method: MethodName) -> usize {
    METHODS
        .iter()
        .position(|(_, other)| *other == method)
        .unwrap_or(METHODS.len())
}

/// Returns the name of a method.
pub(super) fn method_name(method: MethodName) -> &'static str {
    METHODS.get(rank(method)).map_or("", |(name, _)| name)
}

/// Finds what an auth type demands, as stored or as shown (W 5.1).
pub(super) fn auth(text: &str) -> Option<AuthType> {
    match text.to_ascii_lowercase().replace('_', " ").as_str() {
        "any" | "application & application user" => Some(AuthType::Any),
        "application" => Some(AuthType::Application),
        "application user" => Some(AuthType::ApplicationUser),
        "none" => Some(AuthType::None),
        _ => None,
    }
}

/// Finds a state of the lifecycle (W 2).
pub(super) fn state(text: &str) -> Option<LifecycleState> {
    match text.to_ascii_uppercase().as_str() {
        "CREATED" => Some(LifecycleState::Created),
        "PROTOTYPED" | "PRE-RELEASED" => Some(LifecycleState::Prototyped),
        "PUBLISHED" => Some(LifecycleState::Published),
        "BLOCKED" => Some(LifecycleState::Blocked),
        "DEPRECATED" => Some(LifecycleState::Deprecated),
        "RETIRED" => Some(LifecycleState::Retired),
        _ => None,
    }
}

/// Finds a word of what proves a caller (W 5.3).
pub(super) fn security(text: &str) -> Option<SecurityName> {
    match text.to_ascii_lowercase().as_str() {
        "api_key" => Some(SecurityName::ApiKey),
        "basic" | "basic_auth" => Some(SecurityName::Basic),
        "mutualssl" => Some(SecurityName::MutualTls),
        "mutualssl_mandatory" => Some(SecurityName::MutualTlsMandatory),
        "oauth2" => Some(SecurityName::Oauth2),
        "oauth_basic_auth_api_key_mandatory" => Some(SecurityName::Oauth2BasicApiKeyMandatory),
        _ => None,
    }
}

/// Finds a transport.
pub(super) fn transport(text: &str) -> Option<TransportName> {
    match text.to_ascii_lowercase().as_str() {
        "http" => Some(TransportName::Http),
        "https" => Some(TransportName::Https),
        _ => None,
    }
}

/// In the order in which people list them.
const METHODS: [(&str, MethodName); 7] = [
    ("GET", MethodName::Get),
    ("HEAD", MethodName::Head),
    ("POST", MethodName::Post),
    ("PUT", MethodName::Put),
    ("PATCH", MethodName::Patch),
    ("DELETE", MethodName::Delete),
    ("OPTIONS", MethodName::Options),
];
