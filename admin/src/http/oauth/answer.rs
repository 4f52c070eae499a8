//! What clients get back: JSON that nobody keeps, and the status of every refusal.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use crate::oauth::error::{ErrorCode, OauthError};

/// Answers with JSON that must not be kept.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    unkept((status, Json(body)).into_response())
}

/// Answers with nothing that must not be kept.
pub(super) fn empty() -> Response {
    unkept(StatusCode::OK.into_response())
}

/// Refuses as RFC 6749, 5.2 has it. `tried` is the authorization that was shown, whose scheme the challenge matches.
pub(super) fn refuse(error: &OauthError, tried: Option<&str>) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        error: &'static str,
        error_description: &'a str,
    }
    let body = Body {
        error: error.code.as_str(),
        error_description: &error.description,
    };
    let mut response = json(status(error), &body);
    let mut set = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
    if error.code == ErrorCode::InvalidClient && tried.is_some() {
        set(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"tollgate\", charset=\"UTF-8\""),
        );
    }
    if let Some(seconds) = error.retry_after {
        set(RETRY_AFTER, seconds.into());
    }
    response
}

/// Refuses who shows an access token, as RFC 6750, 3 has it. Without a token there is nothing to say about it.
pub(super) fn refuse_bearer(error: Option<&OauthError>) -> Response {
    let bare = HeaderValue::from_static("Bearer realm=\"tollgate\"");
    let Some(error) = error else {
        let mut response = unkept(StatusCode::UNAUTHORIZED.into_response());
        response.headers_mut().insert(WWW_AUTHENTICATE, bare);
        return response;
    };
    let (status, word) = if error.code == ErrorCode::InvalidToken {
        (StatusCode::UNAUTHORIZED, "invalid_token")
    } else if error.code == ErrorCode::InvalidScope {
        (StatusCode::FORBIDDEN, "insufficient_scope")
    } else {
        return refuse(error, None);
    };
    let description = &error.description;
    let challenge = format!("Bearer realm=\"tollgate\", error=\"{word}\", error_description=\"{description}\"");
    let body = serde_json::json!({ "error": word, "error_description": description });
    let mut response = json(status, &body);
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::try_from(challenge).unwrap_or(bare));
    response
}

/// Chooses the status of a refusal.
pub(super) fn status(error: &OauthError) -> StatusCode {
    match error.code {
        ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ if error.retry_after.is_some() => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::InvalidClient | ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
        ErrorCode::AccessDenied
        | ErrorCode::ConsentRequired
        | ErrorCode::InvalidGrant
        | ErrorCode::InvalidRequest
        | ErrorCode::InvalidScope
        | ErrorCode::InvalidTarget
        | ErrorCode::LoginRequired
        | ErrorCode::RequestNotSupported
        | ErrorCode::RequestUriNotSupported
        | ErrorCode::UnauthorizedClient
        | ErrorCode::UnsupportedGrantType
        | ErrorCode::UnsupportedResponseType => StatusCode::BAD_REQUEST,
    }
}

fn unkept(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
