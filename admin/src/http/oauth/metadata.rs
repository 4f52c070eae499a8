//! What anybody may read, from any page: the server's description and its public keys.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    CACHE_CONTROL, CONTENT_TYPE,
};

use crate::oauth::{Authority, discovery};

/// Answers `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.
pub(super) async fn discovery(State(authority): State<Arc<Authority>>) -> Response {
    public(discovery::describe(&authority).to_string())
}

/// Answers `/oauth2/jwks`.
pub(super) async fn jwks(State(authority): State<Arc<Authority>>) -> Response {
    public(authority.keys.jwks(authority.now()).to_string())
}

/// Lets pages of other origins read both.
pub(super) async fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "*"),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// May be kept for five minutes: a new key is published for longer than that before it signs.
fn public(json: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "public, max-age=300"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, json).into_response()
}
