//! A refresh token for the next pair (RFC 6749, 6). Each is of use once; a second use ends the whole family, because
//! then two hold it and one of them stole it (RFC 9700, 4.14.2).
//!
//! Where `openid` is granted, an id token comes along that says when the user signed in, not when this was asked for
//! (OpenID Connect Core, 12.2).

use super::Asked;
use crate::oauth::error::OauthError;
use crate::oauth::mint::{self, Minted, Order, SignIn};
use crate::oauth::{granting, random};
use crate::registry::token::{Digest, Granted, Rotated};

pub(super) async fn answer(asked: &Asked<'_>) -> Result<Minted, OauthError> {
    let Asked { authority, form, .. } = asked;
    let client = &asked.proven.client;
    let requested = granting::requested(form.find("scope"))?;
    let shown = Digest::of(form.require("refresh_token")?);
    // Everything is examined before the token is used up, so that a mistake does not cost the user a new sign-in.
    let known = authority.registry.find_refresh_token(&shown).await?;
    let scopes = match &known {
        Some(known) => Some(examine(asked, &known.granted, requested)?),
        None => None,
    };
    let next = random::token()?;
    let expires = authority.now().plus(authority.settings.lifetimes.refresh);
    let digest = Digest::of(&next);
    let rotated = authority
        .registry
        .rotate(&shown, &digest, authority.now(), expires)
        .await?;
    let (Rotated::Next(granted), Some(scopes)) = (rotated, scopes) else {
        return Err(refused());
    };
    let mut order = Order::of(client, granted.user.clone(), scopes).bound(asked.proven.certificate);
    order.granted.family = granted.family;
    let mut minted = mint::access(authority, order).await?;
    let authenticated = known.and_then(|known| known.authenticated);
    if let (Some(user), Some(authenticated)) = (granted.user, authenticated) {
        let sign_in = SignIn {
            nonce: None,
            authenticated,
        };
        minted.id_token = mint::id_token(authority, &user, client, &minted, &sign_in)?;
    }
    minted.refresh_token = Some(next);
    Ok(minted)
}

/// Returns the scopes of the next access token: not more than was granted, nor than the user may now.
fn examine(asked: &Asked<'_>, granted: &Granted, requested: Vec<String>) -> Result<Vec<String>, OauthError> {
    // One that is bound to a certificate must not become one that is not.
    let is_bound = granted.certificate.is_none() || asked.proven.certificate.is_some();
    if granted.consumer_key != asked.proven.client.consumer_key || !is_bound {
        return Err(refused());
    }
    let narrowed = granting::narrowed(requested, &granted.scopes)?;
    let user = granted.user.as_ref().ok_or_else(refused)?;
    mint::scopes_of(asked.authority, user, &narrowed)
}

fn refused() -> OauthError {
    OauthError::grant("the refresh token is unknown, used, expired, revoked, or was issued to another client")
}
