//! What a key pair may be: keys, secrets, redirect URIs and JWK sets that somebody should have.

use super::{GrantType, Terms};
use crate::registry::Result;
use crate::registry::rule::{self, invalid};

/// Refuses a consumer key that nobody should have.
pub(in crate::registry) fn believe_key(consumer_key: &str) -> Result<()> {
    rule::visible("a consumer key", consumer_key, 1, 160)?;
    if consumer_key.contains(':') {
        // Basic authentication ends the key there.
        return Err(invalid("a consumer key has no `:`"));
    }
    Ok(())
}

/// Refuses a consumer secret that nobody should have, without repeating it. It is kept as a plain SHA-256, so that only
/// its length makes it hard to guess.
pub(in crate::registry) fn believe_secret(secret: &str) -> Result<()> {
    rule::visible("a consumer secret", secret, 16, 256)
}

/// Refuses terms that nobody should have.
pub(in crate::registry) fn believe(terms: &Terms) -> Result<()> {
    rule::at_most("grants of a key pair", &terms.grants, GrantType::ALL.len())?;
    rule::at_most("redirect URIs of a key pair", &terms.redirect_uris, 50)?;
    terms.redirect_uris.iter().try_for_each(|uri| believe_redirect(uri))?;
    let proof = &terms.proof;
    if proof.is_public && (proof.jwks.is_some() || proof.certificate.is_some()) {
        return Err(invalid("a public client proves itself by nothing"));
    }
    proof.jwks.as_deref().map_or(Ok(()), believe_jwks)
}

/// Refuses what is not an absolute URI without a fragment (RFC 6749, 3.1.2), and schemes that a browser runs.
fn believe_redirect(uri: &str) -> Result<()> {
    rule::visible("a redirect URI", uri, 3, 2048)?;
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
            && !["blob", "data", "file", "javascript", "vbscript"].contains(&scheme.to_ascii_lowercase().as_str())
    };
    let is_absolute = uri
        .split_once(':')
        .is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty());
    if is_absolute && !uri.contains(['#', '*']) {
        return Ok(());
    }
    Err(invalid(format!(
        "`{uri}` is no redirect URI: an absolute URI without `#` and `*`, of a scheme that no browser runs"
    )))
}

/// Refuses what is no set of public keys: whoever reads a secret here could speak for the client.
pub(in crate::registry) fn believe_jwks(jwks: &str) -> Result<()> {
    let document: Option<serde_json::Value> = serde_json::from_str(jwks).ok();
    let keys = document.as_ref().and_then(|document| document.get("keys")?.as_array());
    let Some(keys) = keys.filter(|keys| !keys.is_empty() && jwks.len() <= 32_768) else {
        return Err(invalid("a client's keys are a JWK set of at most 32 KiB"));
    };
    let is_secret = |key: &serde_json::Value| key.get("d").is_some() || key.get("k").is_some();
    if keys.iter().any(is_secret) {
        return Err(invalid("a client's keys are public ones, without `d` and `k`"));
    }
    Ok(())
}
