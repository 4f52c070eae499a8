//! Refusals as problems (RFC 9457), with the challenge that belongs to them (RFC 6750). Every status of a refusal of the
//! admin API is chosen here.

mod edits;

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::violation::Violation;
use crate::oauth::error::{ErrorCode, OauthError};
use crate::oauth::granting::ADMIN;
use crate::registry::RegistryError;

/// Why something was not done.
#[derive(Debug)]
pub(super) struct Problem(Box<Refusal>);

#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    violations: Vec<Flaw>,
    /// What the thing is like now, where it is not what the caller took it for.
    etag: Option<String>,
    /// The parameters of the challenge.
    challenge: Option<&'static str>,
    retry_after: Option<u64>,
}

/// Why something was not done (RFC 9457).
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Problem")]
pub(super) struct Told<'a> {
    /// `urn:tollgate:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: &'a str,
    /// The status.
    status: u16,
    /// What is wrong, in a sentence.
    detail: &'a str,
    /// What is wrong, in a word that programs compare.
    code: &'a str,
    /// Everything that is wrong with what was sent, each with its place.
    #[serde(skip_serializing_if = "<[Flaw]>::is_empty", default)]
    violations: &'a [Flaw],
    /// The `ETag` that the thing has now, where `If-Match` or `If-None-Match` was not met.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a str>,
}

/// One thing that is wrong with what was sent, or with the catalog that it would make.
#[derive(Clone, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub(super) struct Flaw {
    /// The place in what was sent (RFC 6901), where it stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pointer: Option<String>,
    /// The file, where one is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// The line there, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<usize>,
    /// The column there in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<usize>,
    /// What is wrong.
    pub(super) message: String,
    /// What would mend it, where that can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fix: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Refusal {
            status,
            code,
            detail: detail.into(),
            violations: Vec::new(),
            etag: None,
            challenge: None,
            retry_after: None,
        }))
    }

    /// Has the caller told how it may show who it is.
    fn challenging(mut self, error: &'static str) -> Self {
        self.0.challenge = Some(error);
        self
    }

    /// Leaves out what is wrong with files that are not the caller's.
    pub(super) fn about(mut self, is_own: impl Fn(&str) -> bool) -> Self {
        let is_told = |flaw: &Flaw| flaw.file.as_deref().is_none_or(&is_own);
        self.0.violations.retain(is_told);
        self
    }

    /// Has the caller told when to try again.
    fn again(mut self, seconds: Option<u64>) -> Self {
        self.0.retry_after = seconds;
        self
    }

    /// The request cannot be read.
    pub(super) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// Nobody has shown who asks.
    pub(super) fn unknown() -> Self {
        let detail = "an access token or a session is wanted";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail).challenging("")
    }

    /// The session is none, or has ended. There is no challenge: a browser is not to ask by itself.
    pub(super) fn signed_out() -> Self {
        let detail = "the session has ended; sign in again";
        Self::new(StatusCode::UNAUTHORIZED, "signed_out", detail)
    }

    /// The user is unknown or the password is wrong.
    pub(super) fn wrong_password() -> Self {
        let detail = "the user is unknown or the password is wrong";
        Self::new(StatusCode::UNAUTHORIZED, "wrong_password", detail)
    }

    /// Who asks may see it and not do it.
    pub(super) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// A write by a session that does not bear the token that the session was given.
    pub(super) fn forged() -> Self {
        let detail = "a session writes with the header field `X-CSRF-Token` that `GET /admin/v1/me` tells";
        Self::new(StatusCode::FORBIDDEN, "csrf", detail)
    }

    /// There is no such thing, or none that who asks may see.
    pub(super) fn missing(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "missing", detail)
    }

    /// The path takes other methods; whoever routes says which in `Allow`.
    pub(super) fn method_not_allowed() -> Self {
        let detail = "ask with one of the methods in `Allow`";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// Something is in the way, which is named.
    pub(super) fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// The thing is not what the caller took it for: `If-Match` or `If-None-Match` is not met.
    pub(super) fn stale(etag: Option<&str>) -> Self {
        let detail = match etag {
            Some(_) => "it is there and not as `If-Match` or `If-None-Match` has it; read it again",
            None => "it is not there any more",
        };
        let mut problem = Self::new(StatusCode::PRECONDITION_FAILED, "stale", detail);
        problem.0.etag = etag.map(str::to_owned);
        problem
    }

    /// The body is too long.
    pub(super) fn too_large(most: usize) -> Self {
        let detail = format!("the body is longer than {most} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    /// The body is of another type.
    pub(super) fn unsupported(wanted: &str) -> Self {
        let detail = format!("send the body with `Content-Type: {wanted}`");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// What was sent can be read and is not taken.
    pub(super) fn refused(detail: impl Into<Cow<'static, str>>, violations: Vec<Flaw>) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", detail);
        problem.0.violations = violations;
        problem
    }

    /// As [`Self::refused`], for one thing that is wrong.
    pub(super) fn flawed(pointer: &str, message: impl Into<String>) -> Self {
        let flaw = Flaw {
            pointer: Some(pointer.to_owned()),
            message: message.into(),
            ..Flaw::default()
        };
        Self::refused(flaw.message.clone(), vec![flaw])
    }

    /// As a thing that is named in what was sent, where it is not there; anything else stays.
    pub(super) fn of_sent(self, pointer: &str) -> Self {
        if self.0.status == StatusCode::NOT_FOUND {
            Self::flawed(pointer, self.0.detail)
        } else {
            self
        }
    }

    /// There were too many attempts.
    pub(super) fn too_many(retry_after: u64) -> Self {
        let detail = "there were too many attempts; wait and try again";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", detail).again(Some(retry_after))
    }

    /// Something that is needed cannot be asked right now.
    pub(super) fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    }

    /// Something broke here.
    pub(super) fn broken(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broken", detail)
    }
}

impl From<&Violation> for Flaw {
    fn from(violation: &Violation) -> Self {
        let has_place = violation.line > 0;
        Self {
            pointer: (!violation.path.is_empty()).then(|| pointer(&violation.path)),
            file: (!violation.file.is_empty()).then(|| violation.file.clone()),
            line: has_place.then_some(violation.line),
            column: has_place.then_some(violation.column),
            message: violation.message.clone(),
            fix: violation.fix.clone(),
        }
    }
}

/// Writes a path such as `versions[0].resources[2].tier` as RFC 6901 has it. Keys of documents are plain words.
fn pointer(path: &str) -> String {
    let parts = path.split(['.', '[']).filter(|part| !part.is_empty());
    parts.flat_map(|part| ["/", part.trim_end_matches(']')]).collect()
}

/// Why a token or a password is not enough.
impl From<OauthError> for Problem {
    fn from(error: OauthError) -> Self {
        let retry_after = error.retry_after;
        let challenged =
            |status, code, challenge| Self::new(status, code, error.description.clone()).challenging(challenge);
        // The codes are those of RFC 6749 and 6750; what else there is means that something cannot be asked.
        let problem = if error.code == ErrorCode::InvalidToken {
            challenged(StatusCode::UNAUTHORIZED, "unauthenticated", ", error=\"invalid_token\"")
        } else if error.code == ErrorCode::InvalidScope {
            challenged(StatusCode::FORBIDDEN, "forbidden", ", error=\"insufficient_scope\"")
        } else if error.code == ErrorCode::InvalidRequest {
            Self::malformed(error.description)
        } else if error.code == ErrorCode::InvalidGrant {
            retry_after.map_or_else(Self::wrong_password, Self::too_many)
        } else {
            Self::unavailable("the registry cannot be asked")
        };
        problem.again(retry_after)
    }
}

/// Why the registry did not do it.
impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Conflict(_) => Self::conflict(error.to_string()),
            RegistryError::Invalid(reason) => Self::refused(reason, Vec::new()),
            RegistryError::Missing(_) => Self::missing(error.to_string()),
            RegistryError::Overloaded => Self::unavailable(error.to_string()).again(Some(1)),
            RegistryError::Unavailable(ref cause) => {
                tracing::error!(
                    error = cause as &dyn std::error::Error,
                    "registry did not answer the admin api"
                );
                Self::unavailable("the registry cannot be asked")
            }
        }
    }
}

/// Which problems an operation may answer with is said where its document is made.
impl aide::OperationOutput for Problem {
    type Inner = ();
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let refusal = *self.0;
        let told = Told {
            kind: format!("urn:tollgate:problem:{}", refusal.code),
            title: refusal.status.canonical_reason().unwrap_or_default(),
            status: refusal.status.as_u16(),
            detail: &refusal.detail,
            code: refusal.code,
            violations: &refusal.violations,
            etag: refusal.etag.as_deref(),
        };
        let body = serde_json::to_string(&told).unwrap_or_default();
        let mut response = (refusal.status, body).into_response();
        let mut set = |name: HeaderName, value: String| {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
        };
        set(CONTENT_TYPE, "application/problem+json".to_owned());
        set(CACHE_CONTROL, "no-store".to_owned());
        if let Some(error) = refusal.challenge {
            set(
                WWW_AUTHENTICATE,
                format!("Bearer realm=\"tollgate\"{error}, scope=\"{ADMIN}\""),
            );
        }
        if let Some(seconds) = refusal.retry_after {
            set(RETRY_AFTER, seconds.to_string());
        }
        if let Some(etag) = refusal.etag {
            set(ETAG, etag);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_pointers() {
        for (path, expected) in [
            ("tier", "/tier"),
            ("versions[0].resources[2].tier", "/versions/0/resources/2/tier"),
            ("hosts[1]", "/hosts/1"),
        ] {
            assert_eq!(pointer(path), expected);
        }
    }
}
