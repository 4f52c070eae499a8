//! Who may ask: those who run the gateway, by an access token with the scope `tollgate:admin`. Nothing that is asked is
//! read before that.

use axum::response::Response;
use http::StatusCode;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::problem;
use crate::oauth::Authority;
use crate::oauth::error::{ErrorCode, OauthError};
use crate::oauth::operator::operator;
use crate::oauth::peer::Peer;
use crate::registry::user::UserName;

/// Examines who asks, before anything that is asked; returns who runs the gateway.
pub(super) async fn examined(authority: &Authority, parts: &Parts) -> Result<UserName, Response> {
    let Some(peer) = parts.extensions.get::<Peer>() else {
        return Err(problem::problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the server does not know who asks",
        ));
    };
    let token = match token(parts) {
        Ok(Some(token)) => token,
        Ok(None) => return Err(problem::unknown()),
        Err(error) => return Err(problem::refused(&error)),
    };
    operator(authority, token, peer)
        .await
        .map_err(|error| problem::refused(&error))
}

/// Finds the one token that is shown.
fn token(parts: &Parts) -> Result<Option<&str>, OauthError> {
    let malformed = || OauthError::new(ErrorCode::InvalidToken, "the access token is malformed");
    let mut fields = parts.headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return Err(malformed());
    }
    let (scheme, token) = field
        .to_str()
        .map_err(|_| malformed())?
        .split_once(' ')
        .unwrap_or_default();
    let token = token.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Ok(None);
    }
    if token.is_empty() {
        Err(malformed())
    } else {
        Ok(Some(token))
    }
}
