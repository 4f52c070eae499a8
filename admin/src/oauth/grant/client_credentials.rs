//! An application in its own name (RFC 6749, 4.4). It gets no refresh token: its secret is one.

use super::Asked;
use crate::oauth::error::OauthError;
use crate::oauth::granting;
use crate::oauth::mint::{self, Minted, Order};

pub(super) async fn answer(asked: &Asked<'_>) -> Result<Minted, OauthError> {
    let client = &asked.proven.client;
    let requested = granting::requested(asked.form.find("scope"))?;
    let scopes = mint::scopes_of_application(asked.authority, client, &requested);
    let order = Order::of(client, None, scopes).bound(asked.proven.certificate);
    mint::access(asked.authority, order).await
}
