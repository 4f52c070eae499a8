//! Why the server did not do what a client asked, in the words of RFC 6749, OpenID Connect Core and RFC 8693.
//!
//! Which HTTP status each becomes is said in `crate::http`. Descriptions are for the client's programmers and never
//! tell what the server knows of anybody else.

use std::borrow::Cow;

use crate::registry::RegistryError;

/// What went wrong, as the `error` of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ErrorCode {
    /// The user said no.
    AccessDenied,
    /// The user was not to be asked, and has not agreed.
    ConsentRequired,
    /// The client is unknown or has not proven itself.
    InvalidClient,
    /// A code, token, password or assertion is none, or somebody else's, or has ended.
    InvalidGrant,
    /// The request makes no sense.
    InvalidRequest,
    /// The scope is malformed or exceeds what was granted.
    InvalidScope,
    /// Tokens for that audience or resource are not issued (RFC 8693, 2.2.2).
    InvalidTarget,
    /// The access token that was shown is none (RFC 6750).
    InvalidToken,
    /// The user was not to be asked, and is not signed in.
    LoginRequired,
    /// Request objects are not taken (OpenID Connect Core, 6).
    RequestNotSupported,
    /// Request objects are not fetched.
    RequestUriNotSupported,
    /// Something broke here.
    ServerError,
    /// Something that is needed cannot be asked right now.
    TemporarilyUnavailable,
    /// The client may not do this.
    UnauthorizedClient,
    /// The grant is not known.
    UnsupportedGrantType,
    /// The response type is not known.
    UnsupportedResponseType,
}

impl ErrorCode {
    /// Returns it as answers have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::ConsentRequired => "consent_required",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidToken => "invalid_token",
            Self::LoginRequired => "login_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
        }
    }
}

/// Why the server did not do what a client asked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {description}", code.as_str())]
pub struct OauthError {
    /// What went wrong.
    pub code: ErrorCode,
    /// The same for people, of the characters that RFC 6749 allows.
    pub description: Cow<'static, str>,
    /// After how many seconds it makes sense to try again, where there were too many attempts.
    pub retry_after: Option<u64>,
}

impl OauthError {
    /// Says what went wrong.
    pub fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            description: description.into(),
            retry_after: None,
        }
    }

    /// A code, token, password or assertion is no good.
    pub fn grant(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidGrant, description)
    }

    /// The request makes no sense.
    pub fn request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }

    /// The client has not proven itself. It says no more, so that nobody learns which clients there are.
    pub fn client() -> Self {
        Self::new(
            ErrorCode::InvalidClient,
            "the client is unknown or has not proven itself",
        )
    }

    /// There were too many attempts.
    pub fn too_many(code: ErrorCode, retry_after: u64) -> Self {
        Self {
            code,
            description: "too many attempts failed; try again later".into(),
            retry_after: Some(retry_after),
        }
    }
}

impl From<RegistryError> for OauthError {
    fn from(error: RegistryError) -> Self {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "registry did not answer the token endpoint"
        );
        match error {
            RegistryError::Overloaded => Self {
                retry_after: Some(1),
                ..Self::new(
                    ErrorCode::TemporarilyUnavailable,
                    "too many sign in at once; try again later",
                )
            },
            RegistryError::Unavailable(_) => Self::new(
                ErrorCode::TemporarilyUnavailable,
                "the server cannot reach its registry; try again later",
            ),
            // The client, the user or the family went away while it was answered.
            RegistryError::Conflict(_) | RegistryError::Invalid(_) | RegistryError::Missing(_) => {
                Self::grant("what was granted is not there any more")
            }
        }
    }
}
