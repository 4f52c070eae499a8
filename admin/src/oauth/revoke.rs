//! Tokens given back (RFC 7009).

use super::authority::Authority;
use super::client;
use super::error::{ErrorCode, OauthError};
use super::examine;
use super::form::Form;
use super::peer::Peer;
use crate::model::instant::UnixTime;
use crate::registry::token::Digest;

/// Revokes a token of the client that shows it, and what belongs to it: with a refresh token the access tokens of its
/// family, and with an access token its refresh token, as W 7.3 does. What is no token counts as revoked.
///
/// # Errors
///
/// Returns an error when the client has not proven itself, or the token is another client's.
pub async fn revoke(
    authority: &Authority,
    form: &Form,
    authorization: Option<&str>,
    peer: &Peer,
) -> Result<(), OauthError> {
    let proven = client::authenticate(authority, form, authorization, peer)?;
    // The hint is only that (2.1): a refresh token is found by its digest, so there is nothing to speed up.
    let token = form.require("token")?;
    let owner = &proven.client.consumer_key;
    if let Some(found) = authority.registry.find_refresh_token(&Digest::of(token)).await? {
        is_own(&found.granted.consumer_key, owner)?;
        return revoke_family(authority, found.granted.family.as_deref()).await;
    }
    let Some(found) = examine::examine(authority, token).await? else {
        return Ok(());
    };
    is_own(&found.record.granted.consumer_key, owner)?;
    authority.registry.revoke(&found.handle, found.record.expires).await?;
    revoke_family(authority, found.record.granted.family.as_deref()).await
}

async fn revoke_family(authority: &Authority, family: Option<&str>) -> Result<(), OauthError> {
    if let Some(family) = family {
        let longest = authority.settings.lifetimes.refresh.max(authority.keys.lifetime());
        let until: UnixTime = authority.now().plus(longest);
        authority.registry.revoke_family(family, until).await?;
    }
    Ok(())
}

fn is_own(of: &str, client: &str) -> Result<(), OauthError> {
    if of == client {
        return Ok(());
    }
    Err(OauthError::new(
        ErrorCode::UnauthorizedClient,
        "the token was issued to another client",
    ))
}
