//! `/admin/v1/session`: being signed in at the console.
//!
//! A session ends half an hour after it was used last, eight hours after it began, with the password, and with the
//! process.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{delete_with, post_with};
use aide::openapi::StatusCode as Code;
use axum::extract::{FromRequestParts, State};
use http::Method;
use http::request::Parts;
use schemars::JsonSchema;
use serde::Deserialize;

use super::audit::Deed;
use super::body::Sent;
use super::me::Me;
use super::openapi::{self, told};
use super::principal::Principal;
use super::reply::{Gone, One};
use super::{Answer, Means, cookie, guard};
use crate::http::problem::Problem;
use crate::model::name::TenantName;
use crate::oauth::peer::Peer;
use crate::oauth::sign_in::sign_in_at;

/// Somebody who signs in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SigningIn {
    /// The user: `name`, of the root tenant, or `name@tenant`.
    user: String,
    /// The password.
    password: String,
}

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    let begin = post_with(begin, |operation| {
        let mut operation = told("session", "signIn", "Signs in at the console")(operation);
        openapi::add_problem(operation.inner_mut(), Code::Code(429));
        operation
    });
    ApiRouter::new().api_route(
        PATH,
        begin.merge(delete_with(end, told("session", "signOut", "Signs out"))),
    )
}

/// Tells whether somebody signs in, which takes nobody who is known already.
pub(super) fn is_sign_in(parts: &Parts) -> bool {
    parts.method == Method::POST && parts.uri.path() == PATH
}

/// The browser that signs in.
struct Browser(Peer);

async fn begin(
    State(means): State<Arc<Means>>,
    Browser(peer): Browser,
    Sent(shown): Sent<SigningIn>,
) -> Answer<One<Me>> {
    let root = TenantName::root();
    let shown = (shown.user.as_str(), shown.password.as_str());
    let signed_in = sign_in_at("console", &means.authority, shown, &root, &peer).await?;
    let user = means.registry().view().user(&signed_in.user);
    let who = user.and_then(|user| Principal::of(&user, peer.address, false));
    let who = who.ok_or_else(|| Problem::forbidden("the user has none of the roles admin, publisher and viewer"))?;
    let lifetimes = &means.authority.settings.lifetimes;
    let name = means
        .sessions
        .begin_idling(signed_in, means.authority.now(), (lifetimes.session, lifetimes.idle))?;
    let cookie = cookie::write(&name, &peer);
    let who = Principal {
        session: Some(name),
        ..who
    };
    Ok(One::of(&Me::of(&who, &means)).with_cookie(cookie))
}

async fn end(State(means): State<Arc<Means>>, who: Principal, Browser(peer): Browser) -> Answer<Gone> {
    if let Some(name) = &who.session {
        means.sessions.end(name);
        let deed = Deed {
            action: "sign_out",
            object: "console".to_owned(),
            ..Deed::default()
        };
        means.note(&who, &who.user.tenant, deed).await;
    }
    Ok(Gone::done().with_cookie(cookie::clear(&peer)))
}

impl<S: Sync> FromRequestParts<S> for Browser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        // A browser says when another site makes it ask.
        let from = parts.headers.get("sec-fetch-site").and_then(|from| from.to_str().ok());
        if matches!(from, Some("cross-site" | "same-site")) {
            return Err(Problem::forbidden("this was sent by another site"));
        }
        guard::peer(parts).cloned().map(Self)
    }
}

impl aide::OperationInput for Browser {}

const PATH: &str = "/admin/v1/session";
