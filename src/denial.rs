//! Every refusal and every failure that a caller is told about: its status, its stable code, its words.
//!
//! A refusal is not an error: it is a value, small and cheap under attack. Codes and words follow W 1.3, 2, 4, 6.2,
//! 6.3 and 13.2; the two bodies of W (with and without a `type`) are told apart by [`Fault::kind`].

mod reach;
mod unreadable;

use http::StatusCode;

use self::reach::denied;
use self::unreadable::bad_target;
use crate::head::Scheme;
use crate::model::method::MethodSet;
use crate::registry::key_pair::KeyType;
use crate::target::BadTarget;

pub use self::reach::Reach;

/// Why a request does not get an answer from a backend.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Denial {
    /// `Connection` names fields that are not the caller's to take away.
    AbusedConnection,
    /// The path is one that backends read in different ways.
    BadTarget(BadTarget),
    /// No endpoint could be reached.
    BackendUnreachable,
    /// An endpoint was reached and broke off.
    BackendBroken,
    /// No endpoint is healthy.
    BackendSuspended,
    /// No endpoint's name has an address.
    BackendUnresolved,
    /// An endpoint took too long to be reached.
    BackendConnectTimeout,
    /// An endpoint took too long to answer.
    BackendTimeout,
    /// A line of the header ends without a carriage return.
    BareLineFeed,
    /// The version is blocked.
    Blocked,
    /// A deny rule is for the request.
    Denied,
    /// The body is larger than the version takes.
    BodyTooLarge,
    /// The caller took too long to send its body.
    BodyTimeout,
    /// The header has too many fields or bytes.
    HeadTooLarge,
    /// Something in the gateway failed.
    Internal,
    /// The request names no host, or not exactly one.
    InvalidHost,
    /// The body is not framed as it says.
    MalformedBody,
    /// What was shown proves nobody.
    InvalidCredentials,
    /// The resource takes other methods only.
    MethodNotAllowed(MethodSet),
    /// No credential was shown, or none that the version takes.
    MissingCredentials,
    /// The caller holds none of the resource's scopes.
    MissingScope,
    /// No version of the preference list can answer.
    NoDefaultVersion,
    /// The version has no endpoints for a key of this type.
    NoEndpoint(KeyType),
    /// The caller takes nothing but what is kept, and nothing is.
    NotCached,
    /// The caller's application has no subscription that the version takes.
    NotSubscribed,
    /// The API key is not taken from where the caller is.
    RestrictedKey,
    /// The subscription is blocked, for keys of this type at least.
    SubscriptionBlocked,
    /// The subscription waits for somebody to agree, or was rejected.
    SubscriptionInactive,
    /// A quota is reached; in so many seconds it may be asked for again, where that is known.
    Throttled(Reach, Option<u32>),
    /// The owner of the application may not use its tier, or that of its subscription.
    TierRefused,
    /// The version is not called over this transport.
    TransportNotAllowed(Scheme),
    /// No API is mounted there.
    UnknownApi,
    /// The body comes in a coding other than chunks.
    UnknownCoding,
    /// No resource has this path.
    UnknownResource,
    /// The tier of the application, or of its subscription, is stated nowhere.
    UnknownTier,
    /// The version is not served.
    UnknownVersion,
    /// The request target is too long.
    UriTooLong,
    /// A token of the other kind is wanted: of an application, or of a user.
    WrongTokenType,
}

/// What a denial says in every format.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable code.
    pub code: &'static str,
    /// Which of W's bodies it has.
    pub kind: Kind,
    /// What happened, in few words.
    pub message: &'static str,
    /// What that means for the caller.
    pub description: &'static str,
}

/// The bodies of W: each has a namespace of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A status report, with this `type`.
    Report(&'static str),
    /// A security fault.
    Security,
    /// Of what was throttled or denied.
    Throttling,
}

impl Denial {
    /// Returns what it says.
    #[expect(clippy::too_many_lines, reason = "one table, read as one")]
    pub fn fault(self) -> Fault {
        match self {
            Self::AbusedConnection => report(
                StatusCode::BAD_REQUEST,
                "400",
                "Bad Request",
                "The Connection field names too many fields, or some that must not be taken away (RFC 9110, 7.6.1).",
            ),
            Self::BadTarget(why) => report(StatusCode::BAD_REQUEST, "400", "Bad Request", bad_target(why)),
            // Which of the two it was is not the caller's business; logs tell them apart.
            Self::BackendUnreachable | Self::BackendUnresolved => {
                backend(StatusCode::BAD_GATEWAY, "101503", "Error connecting to the back end")
            }
            Self::BackendBroken => backend(
                StatusCode::BAD_GATEWAY,
                "101505",
                "The back end closed the connection before it answered",
            ),
            Self::BackendSuspended => backend(
                StatusCode::SERVICE_UNAVAILABLE,
                "303001",
                "Every endpoint of the API is suspended",
            ),
            Self::BackendConnectTimeout => backend(
                StatusCode::GATEWAY_TIMEOUT,
                "101508",
                "Connecting to the back end timed out",
            ),
            Self::BackendTimeout => backend(
                StatusCode::GATEWAY_TIMEOUT,
                "101504",
                "The back end did not answer in time",
            ),
            Self::NotCached => report(
                StatusCode::GATEWAY_TIMEOUT,
                "504",
                "Gateway Timeout",
                "Nothing is cached that answers the request",
            ),
            Self::BareLineFeed => report(
                StatusCode::BAD_REQUEST,
                "400",
                "Bad Request",
                "Every line of the header must end with a carriage return and a line feed (RFC 9112, 2.2).",
            ),
            Self::Blocked => Fault {
                kind: Kind::Report("API blocked"),
                ..report(StatusCode::SERVICE_UNAVAILABLE, "700700", "API blocked", BLOCKED)
            },
            Self::BodyTooLarge => report(
                StatusCode::PAYLOAD_TOO_LARGE,
                "413",
                "Content Too Large",
                "The request body is larger than the API accepts.",
            ),
            Self::BodyTimeout => report(
                StatusCode::REQUEST_TIMEOUT,
                "408",
                "Request Timeout",
                "The request body did not arrive in time.",
            ),
            Self::Denied => denied(),
            Self::HeadTooLarge => report(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "431",
                "Request Header Fields Too Large",
                "The request header has too many fields or bytes.",
            ),
            Self::Internal => report(
                StatusCode::INTERNAL_SERVER_ERROR,
                "500",
                "Runtime Error",
                "The request could not be processed.",
            ),
            Self::InvalidHost => report(
                StatusCode::BAD_REQUEST,
                "400",
                "Bad Request",
                "The request must name exactly one valid host (RFC 9112, 3.2).",
            ),
            Self::MalformedBody => report(
                StatusCode::BAD_REQUEST,
                "400",
                "Bad Request",
                "The request body is malformed.",
            ),
            Self::InvalidCredentials => security(
                StatusCode::UNAUTHORIZED,
                "900901",
                "Invalid Credentials",
                "Make sure you have provided the correct security credentials",
            ),
            Self::MissingCredentials => security(
                StatusCode::UNAUTHORIZED,
                "900902",
                "Missing Credentials",
                "The call shows no credential that the API takes",
            ),
            Self::MissingScope => security(
                StatusCode::FORBIDDEN,
                "900910",
                "The access token does not allow you to access the requested resource",
                "Scope validation failed",
            ),
            Self::NotSubscribed => security(StatusCode::FORBIDDEN, "900908", "Resource forbidden", UNSUBSCRIBED),
            Self::Throttled(reach, _) => reach.fault(),
            Self::TierRefused | Self::UnknownTier => {
                security(StatusCode::FORBIDDEN, "900908", "Resource forbidden", UNSUBSCRIBED)
            }
            Self::RestrictedKey => security(
                StatusCode::FORBIDDEN,
                "900908",
                "Resource forbidden",
                "Access forbidden for the invocations",
            ),
            Self::SubscriptionBlocked => security(
                StatusCode::UNAUTHORIZED,
                "900907",
                "The requested API is temporarily blocked",
                UNSUBSCRIBED,
            ),
            Self::SubscriptionInactive => security(
                StatusCode::UNAUTHORIZED,
                "900909",
                "The subscription to the API is inactive",
                UNSUBSCRIBED,
            ),
            Self::WrongTokenType => security(
                StatusCode::UNAUTHORIZED,
                "900905",
                "Incorrect Access Token Type is provided",
                "Use a token of the kind that the resource demands: of an application, or of a user",
            ),
            Self::NoEndpoint(key_type) => report(
                StatusCode::FORBIDDEN,
                "900901",
                "Runtime Error",
                match key_type {
                    KeyType::Production => "Production key offered to the API with no production endpoint",
                    KeyType::Sandbox => "Sandbox key offered to the API with no sandbox endpoint",
                },
            ),
            Self::MethodNotAllowed(_) => report(
                StatusCode::METHOD_NOT_ALLOWED,
                "405",
                "Method Not Allowed",
                "Method not allowed for given API resource",
            ),
            Self::TransportNotAllowed(scheme) => report(
                StatusCode::FORBIDDEN,
                "403",
                "Forbidden",
                match scheme {
                    Scheme::Http => "Unsupported Transport [ http ]. The requested resource is not available.",
                    Scheme::Https => "Unsupported Transport [ https ]. The requested resource is not available.",
                },
            ),
            Self::NoDefaultVersion | Self::UnknownApi | Self::UnknownVersion => report(
                StatusCode::NOT_FOUND,
                "404",
                "Not Found",
                "The requested resource is not available.",
            ),
            Self::UnknownResource => report(
                StatusCode::NOT_FOUND,
                "404",
                "Not Found",
                "No matching resource found for given API Request",
            ),
            Self::UnknownCoding => report(
                StatusCode::NOT_IMPLEMENTED,
                "501",
                "Not Implemented",
                "The request body comes in a transfer coding that is not known here.",
            ),
            Self::UriTooLong => report(
                StatusCode::URI_TOO_LONG,
                "414",
                "URI Too Long",
                "The request target is too long.",
            ),
        }
    }

    /// Returns the seconds after which it is worth asking again, where that is known.
    #[expect(clippy::wildcard_enum_match_arm, reason = "one kind of denial passes with time")]
    pub fn retry_after(self) -> Option<u32> {
        match self {
            Self::Throttled(_, wait) => wait,
            _ => None,
        }
    }

    /// Returns the name that logs and metrics know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::AbusedConnection => "abused_connection",
            Self::BadTarget(_) => "bad_target",
            Self::BackendUnreachable => "backend_unreachable",
            Self::BackendBroken => "backend_broken",
            Self::BackendSuspended => "backend_suspended",
            Self::BackendUnresolved => "backend_unresolved",
            Self::BackendConnectTimeout => "backend_connect_timeout",
            Self::BackendTimeout => "backend_timeout",
            Self::BareLineFeed => "bare_line_feed",
            Self::NotCached => "not_cached",
            Self::Blocked => "blocked",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::Denied => "denied",
            Self::HeadTooLarge => "head_too_large",
            Self::Internal => "internal",
            Self::InvalidHost => "invalid_host",
            Self::MalformedBody => "malformed_body",
            Self::InvalidCredentials => "invalid_credentials",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::MissingCredentials => "missing_credentials",
            Self::MissingScope => "missing_scope",
            Self::NoDefaultVersion => "no_default_version",
            Self::NoEndpoint(KeyType::Production) => "no_production_endpoint",
            Self::NoEndpoint(KeyType::Sandbox) => "no_sandbox_endpoint",
            Self::NotSubscribed => "not_subscribed",
            Self::RestrictedKey => "restricted_key",
            Self::SubscriptionBlocked => "subscription_blocked",
            Self::SubscriptionInactive => "subscription_inactive",
            Self::Throttled(reach, _) => reach.name(),
            Self::TierRefused => "tier_refused",
            Self::TransportNotAllowed(_) => "transport_not_allowed",
            Self::UnknownApi => "unknown_api",
            Self::UnknownCoding => "unknown_coding",
            Self::UnknownResource => "unknown_resource",
            Self::UnknownTier => "unknown_tier",
            Self::UnknownVersion => "unknown_version",
            Self::UriTooLong => "uri_too_long",
            Self::WrongTokenType => "wrong_token_type",
        }
    }
}

fn report(status: StatusCode, code: &'static str, message: &'static str, description: &'static str) -> Fault {
    Fault {
        status,
        code,
        kind: Kind::Report("Status report"),
        message,
        description,
    }
}

/// What is said of who calls (W 6.3). Where W puts names of the API, `reply` does.
fn security(status: StatusCode, code: &'static str, message: &'static str, description: &'static str) -> Fault {
    Fault {
        kind: Kind::Security,
        ..report(status, code, message, description)
    }
}

fn backend(status: StatusCode, code: &'static str, description: &'static str) -> Fault {
    report(status, code, "Runtime Error", description)
}

const UNSUBSCRIBED: &str = "User is NOT authorized to access the Resource. API Subscription validation failed.";

const BLOCKED: &str =
    "This API has been blocked temporarily. Please try again later or contact the system administrators.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_faults_have_the_codes_and_statuses_of_the_system_we_replace() {
        for (denial, status, code) in [
            (Denial::InvalidCredentials, 401, "900901"),
            (Denial::MissingCredentials, 401, "900902"),
            (Denial::WrongTokenType, 401, "900905"),
            (Denial::SubscriptionBlocked, 401, "900907"),
            (Denial::NotSubscribed, 403, "900908"),
            (Denial::RestrictedKey, 403, "900908"),
            (Denial::SubscriptionInactive, 401, "900909"),
            (Denial::MissingScope, 403, "900910"),
        ] {
            let fault = denial.fault();
            assert_eq!(
                (fault.status.as_u16(), fault.code, fault.kind),
                (status, code, Kind::Security)
            );
        }
        for (reach, status, code) in [
            (Reach::Api, 429, "900800"),
            (Reach::Backend, 503, "900801"),
            (Reach::Resource, 429, "900802"),
            (Reach::Application, 429, "900803"),
            (Reach::Subscription, 429, "900804"),
            (Reach::Custom, 429, "900806"),
            (Reach::SubscriptionBurst, 429, "900807"),
            (Reach::ApplicationBurst, 429, "900809"),
        ] {
            let fault = Denial::Throttled(reach, None).fault();
            assert_eq!(
                (fault.status.as_u16(), fault.code, fault.kind),
                (status, code, Kind::Throttling)
            );
        }
        let fault = Denial::Denied.fault();
        assert_eq!(
            (fault.status.as_u16(), fault.code, fault.message),
            (403, "900805", "Message blocked")
        );
        let fault = Denial::NoEndpoint(KeyType::Sandbox).fault();
        assert_eq!((fault.status.as_u16(), fault.code), (403, "900901"));
        assert_eq!(
            fault.description,
            "Sandbox key offered to the API with no sandbox endpoint"
        );
    }
}
