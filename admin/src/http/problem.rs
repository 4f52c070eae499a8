//! Refusals as problems (RFC 9457), with the challenge that belongs to them (RFC 6750).

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::oauth::error::{ErrorCode, OauthError};
use crate::oauth::granting::ADMIN;

/// Answers with a problem.
pub(super) fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let body = json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Refuses who shows no token.
pub(super) fn unknown() -> Response {
    challenged(StatusCode::UNAUTHORIZED, "an access token is wanted", "")
}

/// Refuses who shows a token that is not enough.
pub(super) fn refused(error: &OauthError) -> Response {
    let detail = &error.description;
    if error.code == ErrorCode::InvalidToken {
        challenged(StatusCode::UNAUTHORIZED, detail, ", error=\"invalid_token\"")
    } else if error.code == ErrorCode::InvalidScope {
        challenged(StatusCode::FORBIDDEN, detail, ", error=\"insufficient_scope\"")
    } else if error.code == ErrorCode::InvalidRequest {
        problem(StatusCode::BAD_REQUEST, detail)
    } else {
        problem(StatusCode::SERVICE_UNAVAILABLE, "the registry cannot be asked")
    }
}

fn challenged(status: StatusCode, detail: &str, error: &str) -> Response {
    let mut response = problem(status, detail);
    let challenge = format!("Bearer realm=\"tollgate\"{error}, scope=\"{ADMIN}\"");
    let bare = HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::try_from(challenge).unwrap_or(bare));
    response
}
