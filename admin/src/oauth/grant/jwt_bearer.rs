//! Somebody else's signed word for a user (RFC 7523): a key manager's of the client's tenant.
//!
//! It vouches for users of its own tenant only. Our own tokens are no such assertions: they are exchanged instead.

use super::Asked;
use crate::model::key_manager::KeyManager;
use crate::oauth::assertion::Assertion;
use crate::oauth::error::OauthError;
use crate::oauth::jws::Unproven;
use crate::oauth::mint::{self, Minted, Order};
use crate::oauth::{granting, subject};
use crate::registry::user::UserName;

pub(super) async fn answer(asked: &Asked<'_>) -> Result<Minted, OauthError> {
    let Asked { authority, form, .. } = asked;
    let client = &asked.proven.client;
    let requested = granting::requested(form.find("scope"))?;
    let user = vouched(asked, form.require("assertion")?).await?;
    let scopes = mint::scopes_of(authority, &user, &requested)?;
    let mut order = Order::of(client, Some(user), scopes).bound(asked.proven.certificate);
    order.granted.family = mint::family(client);
    let granted = order.granted.clone();
    let mut minted = mint::access(authority, order).await?;
    minted.refresh_token = mint::refresh(authority, client, granted, None).await?;
    Ok(minted)
}

async fn vouched(asked: &Asked<'_>, token: &str) -> Result<UserName, OauthError> {
    let authority = asked.authority;
    let unproven = Unproven::read(token).ok_or_else(refused)?;
    // What says that it is something else, an access token for instance, is no assertion (RFC 8725, 3.11).
    if !matches!(unproven.media_type().as_deref(), None | Some("jwt")) {
        return Err(refused());
    }
    let issuer = issuer(asked, &unproven).ok_or_else(refused)?;
    let claims = authority.prove(&unproven, &issuer).await.ok_or_else(refused)?;
    let assertion = Assertion::believe(&claims, authority, LONGEST).ok_or_else(refused)?;
    let user = subject::parse(&assertion.subject, authority.catalog().tenants(), &issuer.tenant);
    let is_known = user.tenant == issuer.tenant && authority.registry.view().user(&user).is_some();
    if assertion.issuer != issuer.issuer || !is_known || !assertion.take(token, authority) {
        return Err(refused());
    }
    Ok(user)
}

fn issuer(asked: &Asked<'_>, unproven: &Unproven<'_>) -> Option<KeyManager> {
    let claimed = unproven.claimed_issuer()?;
    let catalog = asked.authority.catalog();
    let tenant = asked.proven.client.application.tenant();
    let mut known = catalog.key_managers().iter();
    known
        .find(|known| known.tenant == *tenant && known.issuer == claimed)
        .cloned()
}

fn refused() -> OauthError {
    OauthError::grant("the assertion is none that this server takes")
}

/// For how many seconds an assertion may be of use: its name is remembered for as long.
const LONGEST: u64 = 3_600;
