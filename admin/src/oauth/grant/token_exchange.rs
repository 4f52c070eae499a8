//! One of our own access tokens for another (RFC 8693): for the client that asks, with the same or fewer scopes.
//!
//! The subject is always a user, of the client's tenant. The new token ends with the old one at the latest and
//! belongs to its family, so that revoking what it came from revokes it. A refresh token comes with it only where the
//! old one could be refreshed, too, and nobody acts: an actor would be forgotten by the next refresh.

use super::Asked;
use crate::oauth::claims::Actor;
use crate::oauth::error::{ErrorCode, OauthError};
use crate::oauth::examine::{self, Examined};
use crate::oauth::granting;
use crate::oauth::mint::{self, Minted, Order};
use crate::registry::application::TokenType;

pub(super) async fn answer(asked: &Asked<'_>) -> Result<Minted, OauthError> {
    let Asked { authority, form, .. } = asked;
    let client = &asked.proven.client;
    let issued_token_type = issued_type(asked)?;
    let requested = granting::requested(form.find("scope"))?;
    let subject = shown(asked, "subject_token", "subject_token_type").await?;
    let old = &subject.record;
    let user = old.granted.user.clone();
    let user = user
        .filter(|user| user.tenant == *client.application.tenant())
        .ok_or_else(refused)?;
    let act = actor(asked, &subject).await?;
    let narrowed = granting::narrowed(requested, &old.granted.scopes)?;
    let scopes = mint::scopes_of(authority, &user, &narrowed)?;
    let mut order = Order::of(client, Some(user), scopes).bound(asked.proven.certificate);
    order.granted.family.clone_from(&old.granted.family);
    order.no_later = Some(old.expires);
    let granted = order.granted.clone();
    let is_acted = act.is_some();
    order.act = act;
    let mut minted = mint::access(authority, order).await?;
    if !is_acted {
        minted.refresh_token = mint::refresh(authority, client, granted, None).await?;
    }
    minted.issued_token_type = Some(issued_token_type);
    Ok(minted)
}

/// Says what the client gets, if that is what it asks for.
fn issued_type(asked: &Asked<'_>) -> Result<&'static str, OauthError> {
    let client = &asked.proven.client;
    if asked.form.find("resource").is_some()
        || asked
            .form
            .find("audience")
            .is_some_and(|audience| audience != client.consumer_key)
    {
        return Err(OauthError::new(
            ErrorCode::InvalidTarget,
            "tokens are issued for the client alone",
        ));
    }
    match asked.form.find("requested_token_type") {
        None => Ok(ACCESS_TOKEN),
        Some(wanted) if wanted == ACCESS_TOKEN => Ok(ACCESS_TOKEN),
        Some(wanted) if wanted == JWT && client.application.token_type == TokenType::Jwt => Ok(JWT),
        Some(_) => Err(OauthError::request("requested_token_type is not issued to this client")),
    }
}

/// Says who acts: the actor that is shown, before whoever acted for the subject already.
async fn actor(asked: &Asked<'_>, subject: &Examined) -> Result<Option<Actor>, OauthError> {
    let before = subject.claims.as_ref().and_then(|claims| claims.act.clone());
    if asked.form.find("actor_token").is_none() {
        if asked.form.find("actor_token_type").is_some() {
            return Err(OauthError::request("actor_token_type stands without actor_token"));
        }
        return Ok(before);
    }
    let actor = shown(asked, "actor_token", "actor_token_type").await?;
    let granted = actor.record.granted;
    if granted.consumer_key != asked.proven.client.consumer_key {
        return Err(refused());
    }
    let depth = std::iter::successors(before.as_ref(), |act| act.act.as_deref()).count();
    if depth >= DEEPEST {
        return Err(OauthError::request("too many have acted already"));
    }
    Ok(Some(Actor {
        sub: match &granted.user {
            Some(user) => crate::oauth::subject::write(user),
            None => granted.consumer_key.clone(),
        },
        client_id: granted.consumer_key,
        act: before.map(Box::new),
    }))
}

async fn shown(asked: &Asked<'_>, name: &'static str, kind: &'static str) -> Result<Examined, OauthError> {
    let token = asked.form.require(name)?;
    let kind = asked.form.require(kind)?;
    let is_kind = kind == ACCESS_TOKEN || (kind == JWT && token.contains('.'));
    if !is_kind {
        return Err(OauthError::request("only this server's access tokens are exchanged"));
    }
    let examined = examine::examine(asked.authority, token).await?;
    // What is bound to a certificate is exchanged by its holder alone, or the exchange would unbind it.
    examined
        .filter(|examined| examined.is_shown_by(asked.peer))
        .ok_or_else(refused)
}

fn refused() -> OauthError {
    // RFC 8693, 2.2.2: a subject token that is no good is an invalid request.
    OauthError::request("a token is none that this client may exchange")
}

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// How many may act for one another.
const DEEPEST: usize = 4;
