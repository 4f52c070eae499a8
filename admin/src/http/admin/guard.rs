//! Who may ask: users with a role that looks or does, by an access token of ours or the console's session. Nothing that
//! is asked is looked at before that, but for signing in.
//!
//! A browser sends cookies whoever makes it ask, so a session writes only with the token that its own pages know.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};

use super::principal::Principal;
use super::{Answer, Means, cookie, etag, session};
use crate::http::problem::Problem;
use crate::oauth::error::{ErrorCode, OauthError};
use crate::oauth::operator;
use crate::oauth::peer::Peer;

/// A request whose body is long and was not read: the answer is 204 where it may be sent, or why it may not.
#[derive(Clone, Copy, Debug)]
struct Announced;

/// Marks a request whose body is long, so that who asks is looked at before the body is read; tells whether the path may
/// take such a body.
pub fn announce(request: &mut Request) -> bool {
    let is_here = request.uri().path().starts_with("/admin/v1/");
    if is_here {
        request.extensions_mut().insert(Announced);
    }
    is_here
}

/// Lets those in who may ask.
pub(super) async fn enter(State(means): State<Arc<Means>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let is_announced = parts.extensions.get::<Announced>().is_some();
    if !session::is_sign_in(&parts) {
        match principal(&means, &parts).await {
            Ok(_) if is_announced => return StatusCode::NO_CONTENT.into_response(),
            Ok(principal) => _ = parts.extensions.insert(principal),
            Err(problem) => return problem.into_response(),
        }
    } else if is_announced {
        return Problem::too_large(SIGN_IN).into_response();
    }
    let known = match parts.method {
        Method::GET | Method::HEAD => parts.headers.get(IF_NONE_MATCH).cloned(),
        _ => None,
    };
    let response = next.run(Request::from_parts(parts, body)).await;
    etag::unless_known(response, known.as_ref())
}

/// Finds out who asks.
async fn principal(means: &Means, parts: &Parts) -> Answer<Principal> {
    let peer = peer(parts)?;
    match token(&parts.headers)? {
        Some(token) => by_token(means, token, peer).await,
        None => by_session(means, parts, peer),
    }
}

/// Returns who is at the other end.
///
/// # Errors
///
/// Fails where whoever serves the router does not say so.
pub(super) fn peer(parts: &Parts) -> Answer<&Peer> {
    let peer = parts.extensions.get::<Peer>();
    peer.ok_or_else(|| Problem::broken("the server does not know who asks"))
}

async fn by_token(means: &Means, token: &str, peer: &Peer) -> Answer<Principal> {
    let (user, reach) = operator::reach(&means.authority, token, peer).await?;
    Principal::of(&user, peer.address, reach == operator::Reach::Looks).ok_or_else(|| roleless().into())
}

fn roleless() -> OauthError {
    let detail = "the user has none of the roles admin, publisher and viewer";
    OauthError::new(ErrorCode::InvalidScope, detail)
}

fn by_session(means: &Means, parts: &Parts, peer: &Peer) -> Answer<Principal> {
    let name = cookie::find(&parts.headers, peer).ok_or_else(Problem::unknown)?;
    let now = means.authority.now();
    let is_used = !parts.headers.contains_key(BACKGROUND);
    let session = means.sessions.find(name, now).ok_or_else(Problem::signed_out)?;
    let user = means.registry().view().user(&session.user);
    let user = user.filter(|user| session.is_of(user) && means.authority.is_served(&user.name.tenant));
    let user = user.ok_or_else(Problem::signed_out)?;
    let principal = Principal::of(&user, peer.address, false);
    let principal = principal.ok_or_else(|| Problem::forbidden(roleless().description))?;
    if !matches!(parts.method, Method::GET | Method::HEAD) && !is_own(means, name, &parts.headers) {
        return Err(Problem::forged());
    }
    if is_used {
        means.sessions.touch(name, now);
    }
    Ok(Principal {
        session: Some(name.to_owned()),
        ..principal
    })
}

/// Tells whether a request bears the token that its session was given.
fn is_own(means: &Means, session: &str, headers: &HeaderMap) -> bool {
    let shown = headers.get(CSRF).and_then(|field| field.to_str().ok());
    shown.is_some_and(|shown| means.sessions.is_token_of(session, shown))
}

/// Finds the one access token that is shown.
fn token(headers: &HeaderMap) -> Answer<Option<&str>> {
    let malformed = || OauthError::new(ErrorCode::InvalidToken, "the access token is malformed");
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    let field = field.to_str().ok().filter(|_| fields.next().is_none());
    let (scheme, token) = field.ok_or_else(malformed)?.split_once(' ').unwrap_or_default();
    let token = token.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case("Bearer") {
        Err(Problem::unknown())
    } else if token.is_empty() {
        Err(malformed().into())
    } else {
        Ok(Some(token))
    }
}

/// Nobody's name and password are longer.
const SIGN_IN: usize = 64 << 10;

/// The field of the token that a session writes with.
pub(super) const CSRF: &str = "x-csrf-token";

/// The field of requests that a page makes by itself: they do not keep a session from ending where nobody is.
const BACKGROUND: &str = "x-background";
