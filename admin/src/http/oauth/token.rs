//! The endpoints that programs call: token, revocation, introspection, userinfo.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::{Method, StatusCode};

use super::answer;
use super::intake::Intake;
use crate::oauth::error::{ErrorCode, OauthError};
use crate::oauth::{Authority, grant, introspect, revoke, userinfo};

/// Answers `/oauth2/token`.
pub(super) async fn token(State(authority): State<Arc<Authority>>, request: Request) -> Response {
    let intake = match Intake::read(request).await {
        Ok(intake) => intake,
        Err(error) => return answer::refuse(&error, None),
    };
    match grant::token(&authority, &intake.form, intake.authorization(), &intake.peer).await {
        Ok(minted) => answer::json(StatusCode::OK, &minted),
        Err(error) => answer::refuse(&error, intake.authorization()),
    }
}

/// Answers `/oauth2/revoke` (RFC 7009).
///
/// W 7.3 repeats the revoked tokens and the user in header fields. We do not: a header field ends up in logs, and the
/// refresh token that belongs to a revoked access token is nothing that its holder needs to be told.
pub(super) async fn revoke(State(authority): State<Arc<Authority>>, request: Request) -> Response {
    let intake = match Intake::read(request).await {
        Ok(intake) => intake,
        Err(error) => return answer::refuse(&error, None),
    };
    match revoke::revoke(&authority, &intake.form, intake.authorization(), &intake.peer).await {
        Ok(()) => answer::empty(),
        Err(error) => answer::refuse(&error, intake.authorization()),
    }
}

/// Answers `/oauth2/introspect` (RFC 7662).
pub(super) async fn introspect(State(authority): State<Arc<Authority>>, request: Request) -> Response {
    let intake = match Intake::read(request).await {
        Ok(intake) => intake,
        Err(error) => return answer::refuse(&error, None),
    };
    match introspect::introspect(&authority, &intake.form, intake.authorization(), &intake.peer).await {
        Ok(introspected) => answer::json(StatusCode::OK, &introspected),
        Err(error) => answer::refuse(&error, intake.authorization()),
    }
}

/// Answers `/oauth2/userinfo`. The token comes as a header field, or in a form (RFC 6750, 2); never in the URL.
pub(super) async fn userinfo(State(authority): State<Arc<Authority>>, request: Request) -> Response {
    let has_form = request.method() == Method::POST && request.headers().contains_key(http::header::CONTENT_TYPE);
    let intake = if has_form {
        Intake::read(request).await
    } else {
        Intake::read_head(request)
    };
    let intake = match intake {
        Ok(intake) => intake,
        Err(error) => return answer::refuse(&error, None),
    };
    let token = match bearer(&intake) {
        Ok(Some(token)) => token,
        Ok(None) => return answer::refuse_bearer(None),
        Err(error) => return answer::refuse_bearer(Some(&error)),
    };
    match userinfo::userinfo(&authority, token, &intake.peer).await {
        Ok(userinfo) => answer::json(StatusCode::OK, &userinfo),
        Err(error) => answer::refuse_bearer(Some(&error)),
    }
}

fn bearer(intake: &Intake) -> Result<Option<&str>, OauthError> {
    let shown = intake.authorization().map(|authorization| {
        let (scheme, token) = authorization.split_once(' ').unwrap_or_default();
        scheme
            .eq_ignore_ascii_case("Bearer")
            .then(|| token.trim_start_matches(' '))
    });
    match (shown, intake.form.find("access_token")) {
        (Some(Some(_)), Some(_)) => Err(OauthError::request("the access token stands in two places")),
        (Some(token), None) => Ok(token),
        (None | Some(None), token) => Ok(token),
    }
    .and_then(|token| match token {
        Some("") => Err(OauthError::new(ErrorCode::InvalidToken, "the access token is empty")),
        token => Ok(token),
    })
}
