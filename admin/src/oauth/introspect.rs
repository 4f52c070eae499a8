//! What a token stands for, told to those who may know (RFC 7662).

use serde::Serialize;

use super::authority::Authority;
use super::claims::{Actor, Confirmation};
use super::client::{self, Proven};
use super::error::OauthError;
use super::examine::{self, Examined};
use super::form::Form;
use super::peer::Peer;
use super::subject;
use crate::registry::token::{Digest, RefreshToken};

/// What a token stands for; without anything else than `active` it stands for nothing.
#[derive(Debug, Default, Serialize)]
pub struct Introspected {
    /// Whether it counts now.
    pub active: bool,
    #[serde(flatten)]
    facts: Option<Facts>,
}

#[derive(Debug, Serialize)]
struct Facts {
    scope: String,
    client_id: String,
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<u64>,
    aud: String,
    iss: String,
    aut: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Actor>,
}

/// Tells a client what a token stands for: access tokens of its own tenant's clients, and refresh tokens of its own.
/// Of any other it says that it stands for nothing (2.2). Clients that prove nothing are told nothing.
///
/// # Errors
///
/// Returns an error when the client has not proven itself.
pub async fn introspect(
    authority: &Authority,
    form: &Form,
    authorization: Option<&str>,
    peer: &Peer,
) -> Result<Introspected, OauthError> {
    let proven = client::authenticate(authority, form, authorization, peer)?;
    if proven.is_public() {
        return Err(OauthError::client());
    }
    let token = form.require("token")?;
    let facts = match examine::examine(authority, token).await? {
        Some(examined) => access(authority, &proven, examined),
        None => refresh(authority, &proven, token).await?,
    };
    Ok(Introspected {
        active: facts.is_some(),
        facts,
    })
}

fn access(authority: &Authority, proven: &Proven, examined: Examined) -> Option<Facts> {
    let granted = examined.record.granted;
    let issued_to = authority.registry.view().client(&granted.consumer_key)?;
    if issued_to.application.tenant() != proven.client.application.tenant() {
        return None;
    }
    let username = granted.user.as_ref().map(subject::write);
    let (jti, act) = examined.claims.map(|claims| (claims.jti, claims.act)).unzip();
    Some(Facts {
        scope: granted.scopes.join(" "),
        sub: username.clone().unwrap_or_else(|| granted.consumer_key.clone()),
        aut: if username.is_some() {
            "APPLICATION_USER"
        } else {
            "APPLICATION"
        },
        username,
        token_type: Some("Bearer"),
        exp: examined.record.expires.0,
        iat: Some(examined.record.issued.0),
        aud: granted.consumer_key.clone(),
        client_id: granted.consumer_key,
        iss: authority.settings.issuer.clone(),
        jti,
        cnf: granted.certificate.as_ref().map(|certificate| Confirmation {
            x5t_s256: examine::write_thumbprint(certificate),
        }),
        act: act.flatten(),
    })
}

async fn refresh(authority: &Authority, proven: &Proven, token: &str) -> Result<Option<Facts>, OauthError> {
    let digest = Digest::of(token);
    let found = authority
        .registry
        .find_live_refresh_token(&digest, authority.now())
        .await?;
    let is_live = |found: &RefreshToken| {
        let family = found.granted.family.as_deref();
        let view = authority.registry.view();
        found.granted.consumer_key == proven.client.consumer_key
            && family.is_some_and(|family| !view.is_family_revoked(family))
            && found
                .granted
                .user
                .as_ref()
                .is_some_and(|user| view.user(user).is_some())
    };
    Ok(found.filter(is_live).map(|found| {
        let username = found.granted.user.as_ref().map(subject::write);
        Facts {
            scope: found.granted.scopes.join(" "),
            sub: username.clone().unwrap_or_default(),
            username,
            token_type: None,
            exp: found.expires.0,
            iat: None,
            aud: authority.settings.issuer.clone(),
            client_id: found.granted.consumer_key,
            iss: authority.settings.issuer.clone(),
            aut: "APPLICATION_USER",
            jti: None,
            cnf: None,
            act: None,
        }
    }))
}
