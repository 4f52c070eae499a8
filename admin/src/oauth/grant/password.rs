//! A user's own password, shown by the client (RFC 6749, 4.3).

use super::Asked;
use crate::oauth::error::OauthError;
use crate::oauth::granting;
use crate::oauth::mint::{self, Minted, Order, SignIn};
use crate::oauth::sign_in::sign_in;

pub(super) async fn answer(asked: &Asked<'_>) -> Result<Minted, OauthError> {
    let Asked { authority, form, .. } = asked;
    let client = &asked.proven.client;
    let requested = granting::requested(form.find("scope"))?;
    let (username, password) = (form.require("username")?, form.require("password")?);
    let tenant = client.application.tenant();
    let user = sign_in(authority, username, password, tenant, asked.peer).await?.user;
    let scopes = mint::scopes_of(authority, &user, &requested)?;
    let mut order = Order::of(client, Some(user.clone()), scopes).bound(asked.proven.certificate);
    order.granted.family = mint::family(client);
    let granted = order.granted.clone();
    let mut minted = mint::access(authority, order).await?;
    let now = SignIn {
        nonce: None,
        authenticated: authority.now(),
    };
    minted.id_token = mint::id_token(authority, &user, client, &minted, &now)?;
    minted.refresh_token = mint::refresh(authority, client, granted, Some(now.authenticated)).await?;
    Ok(minted)
}
