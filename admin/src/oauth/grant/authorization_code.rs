//! A code that a user's agreement led to (RFC 6749, 4.1), with the secret of whoever asked for it (RFC 7636).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Asked;
use crate::oauth::error::OauthError;
use crate::oauth::mint::{self, Minted, Order, SignIn};
use crate::registry::token::{AuthorizationCode, Digest, Redeemed};

pub(super) async fn answer(asked: &Asked<'_>) -> Result<Minted, OauthError> {
    let Asked { authority, form, .. } = asked;
    let client = &asked.proven.client;
    let redirect_uri = form.require("redirect_uri")?;
    let verifier = form.require("code_verifier")?;
    let shown = Digest::of(form.require("code")?);
    // Whatever is wrong from here on, the code is used up: it was shown by somebody who cannot use it.
    let Redeemed::Code(code) = authority.registry.take_code(&shown, authority.now()).await? else {
        return Err(refused());
    };
    let is_own = code.granted.consumer_key == client.consumer_key && code.redirect_uri == redirect_uri;
    if !is_own || !is_verified(&code, verifier) {
        return Err(refused());
    }
    let user = code.granted.user.clone().ok_or_else(refused)?;
    let known = authority.registry.view().user(&user);
    if known.is_none_or(|known| known.created > code.authenticated) {
        return Err(refused());
    }
    let scopes = mint::scopes_of(authority, &user, &code.granted.scopes)?;
    let mut order = Order::of(client, Some(user.clone()), scopes).bound(asked.proven.certificate);
    order.granted.family = code.granted.family;
    let granted = order.granted.clone();
    let mut minted = mint::access(authority, order).await?;
    let sign_in = SignIn {
        nonce: code.nonce.as_deref(),
        authenticated: code.authenticated,
    };
    minted.id_token = mint::id_token(authority, &user, client, &minted, &sign_in)?;
    minted.refresh_token = mint::refresh(authority, client, granted, Some(code.authenticated)).await?;
    Ok(minted)
}

fn is_verified(code: &AuthorizationCode, verifier: &str) -> bool {
    let is_plausible = (43..=128).contains(&verifier.len());
    let challenge = URL_SAFE_NO_PAD.encode(Digest::of(verifier).0);
    let (wanted, is) = (code.challenge.as_bytes(), challenge.as_bytes());
    is_plausible && aws_lc_rs::constant_time::verify_slices_are_equal(wanted, is).is_ok()
}

fn refused() -> OauthError {
    OauthError::grant("the code is unknown, used, expired, or was issued for something else")
}
