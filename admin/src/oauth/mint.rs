//! Tokens made: what was granted, put into a statement or into the registry.
//!
//! Asking again gives another token. W 7.4 hands out the same one until it ends, because there a token is a row; here
//! two callers who asked at different times never find that one's revocation ended the other's.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Header;
use serde::Serialize;
use uuid::Uuid;

use super::authority::Authority;
use super::claims::{AccessClaims, Actor, ApplicationClaim, Confirmation};
use super::error::{ErrorCode, OauthError};
use super::examine::write_thumbprint;
use super::{granting, random, subject};
use crate::model::instant::UnixTime;
use crate::registry::application::TokenType;
use crate::registry::key_pair::{Client, GrantType};
use crate::registry::token::{Digest, Granted, NewToken, RefreshToken, TokenRecord};
use crate::registry::user::UserName;

/// A token answer (RFC 6749, 5.1). It has no `Debug`: it is all secrets.
#[derive(Serialize)]
pub struct Minted {
    /// The access token.
    pub access_token: String,
    /// `Bearer`, also of tokens that are bound to a certificate (RFC 8705, 3).
    pub token_type: &'static str,
    /// For how many seconds it lives.
    pub expires_in: u64,
    /// What was granted.
    pub scope: String,
    /// The refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The id token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What an exchange gave (RFC 8693, 2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<&'static str>,
}

/// What a token is made of.
pub(super) struct Order<'a> {
    pub(super) client: &'a Client,
    pub(super) granted: Granted,
    pub(super) act: Option<Actor>,
    /// When it ends at the latest.
    pub(super) no_later: Option<UnixTime>,
}

/// What an id token says of how somebody signed in.
pub(super) struct SignIn<'a> {
    pub(super) nonce: Option<&'a str>,
    pub(super) authenticated: UnixTime,
}

/// Mints a token for an application, and a user if one is named, under the same rule as the endpoint does; for an
/// operator at a shell, whose right to do so the caller has examined.
///
/// # Errors
///
/// Returns `invalid_client` or `invalid_grant` when there is no such client or user, and whatever a token may fail of.
pub async fn mint(
    authority: &Authority,
    consumer_key: &str,
    user: Option<&UserName>,
    scope: Option<&str>,
) -> Result<Minted, OauthError> {
    let view = authority.registry.view();
    let client = view.client(consumer_key).ok_or_else(OauthError::client)?;
    let requested = granting::requested(scope)?;
    let scopes = match user {
        Some(user) => scopes_of(authority, user, &requested)?,
        None => scopes_of_application(authority, &client, &requested),
    };
    let order = Order::of(&client, user.cloned(), scopes);
    access(authority, order).await
}

/// Grants scopes to a user who must be there.
pub(super) fn scopes_of(
    authority: &Authority,
    user: &UserName,
    requested: &[String],
) -> Result<Vec<String>, OauthError> {
    let known = authority.registry.view().user(user);
    let known = known.filter(|_| authority.is_served(&user.tenant));
    let known = known.ok_or_else(|| OauthError::grant("the user is not there any more"))?;
    let catalog = authority.catalog();
    Ok(granting::for_user(
        requested,
        catalog.scopes(),
        &user.tenant,
        &known.roles,
    ))
}

/// Grants scopes to an application: what its owner may.
pub(super) fn scopes_of_application(authority: &Authority, client: &Client, requested: &[String]) -> Vec<String> {
    let owner = &client.application.owner;
    let roles = authority.registry.view().user(owner).map(|owner| owner.roles.clone());
    let catalog = authority.catalog();
    granting::for_application(requested, catalog.scopes(), &owner.tenant, &roles.unwrap_or_default())
}

impl<'a> Order<'a> {
    pub(super) fn of(client: &'a Client, user: Option<UserName>, scopes: Vec<String>) -> Self {
        Self {
            client,
            granted: Granted {
                consumer_key: client.consumer_key.clone(),
                user,
                scopes,
                family: None,
                certificate: None,
            },
            act: None,
            no_later: None,
        }
    }

    pub(super) fn bound(mut self, certificate: Option<Digest>) -> Self {
        self.granted.certificate = certificate;
        self
    }
}

/// Makes an access token.
pub(super) async fn access(authority: &Authority, order: Order<'_>) -> Result<Minted, OauthError> {
    let now = authority.now();
    // A statement must not outlive the key that proves it.
    let lifetime = authority.settings.lifetimes.access.min(authority.keys.lifetime());
    let expires = order
        .no_later
        .map_or(now.plus(lifetime), |end| now.plus(lifetime).min(end));
    let scope = order.granted.scopes.join(" ");
    let access_token = match order.client.application.token_type {
        TokenType::Jwt => sign(authority, "at+jwt", &claims(authority, &order, now, expires))?,
        // Nothing records an actor beside an opaque token, and one that is forgotten is worse than none.
        TokenType::Opaque if order.act.is_some() => {
            return Err(OauthError::request("opaque tokens name no actor"));
        }
        TokenType::Opaque => record(authority, order.granted, now, expires).await?,
    };
    Ok(Minted {
        access_token,
        token_type: "Bearer",
        expires_in: expires.0.saturating_sub(now.0),
        scope,
        refresh_token: None,
        id_token: None,
        issued_token_type: None,
    })
}

fn claims(authority: &Authority, order: &Order<'_>, now: UnixTime, expires: UnixTime) -> AccessClaims {
    let application = &order.client.application;
    let granted = &order.granted;
    let consumer_key = &granted.consumer_key;
    let (sub, aut) = match &granted.user {
        Some(user) => (subject::write(user), "APPLICATION_USER"),
        None => (consumer_key.clone(), "APPLICATION"),
    };
    AccessClaims {
        iss: authority.settings.issuer.clone(),
        sub,
        aud: consumer_key.clone(),
        exp: expires.0,
        iat: now.0,
        nbf: now.0,
        jti: Uuid::new_v4().to_string(),
        client_id: consumer_key.clone(),
        azp: consumer_key.clone(),
        scope: granted.scopes.join(" "),
        aut: aut.to_owned(),
        keytype: order.client.key_type.word().to_owned(),
        family: granted.family.clone(),
        cnf: granted.certificate.as_ref().map(|certificate| Confirmation {
            x5t_s256: write_thumbprint(certificate),
        }),
        act: order.act.clone(),
        application: Some(ApplicationClaim {
            owner: subject::write(&application.owner),
            tier: application.tier.to_string(),
            name: application.name.clone(),
            id: application.id.0,
            uuid: application.uuid.clone(),
        }),
    }
}

async fn record(
    authority: &Authority,
    granted: Granted,
    now: UnixTime,
    expires: UnixTime,
) -> Result<String, OauthError> {
    let token = random::token()?;
    let record = TokenRecord {
        granted,
        issued: now,
        expires,
    };
    let new = NewToken {
        digest: Digest::of(&token),
        record: Arc::new(record),
    };
    authority.registry.add_token(new).await?;
    Ok(token)
}

/// Makes the first refresh token of a family, where the client may use one; for a user who signed in then.
pub(super) async fn refresh(
    authority: &Authority,
    client: &Client,
    granted: Granted,
    authenticated: Option<UnixTime>,
) -> Result<Option<String>, OauthError> {
    if granted.family.is_none() || !client.grants.contains(&GrantType::RefreshToken) {
        return Ok(None);
    }
    let token = random::token()?;
    let new = RefreshToken {
        digest: Digest::of(&token),
        granted,
        authenticated,
        expires: authority.now().plus(authority.settings.lifetimes.refresh),
    };
    authority.registry.add_refresh_token(new).await?;
    Ok(Some(token))
}

/// Names a new family, for tokens that come with a refresh token.
pub(super) fn family(client: &Client) -> Option<String> {
    let may = client.grants.contains(&GrantType::RefreshToken);
    may.then(|| Uuid::new_v4().to_string())
}

#[derive(Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    azp: &'a str,
    exp: u64,
    iat: u64,
    auth_time: u64,
    at_hash: String,
    preferred_username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

/// Makes an id token (OpenID Connect Core, 2) where `openid` was granted.
pub(super) fn id_token(
    authority: &Authority,
    user: &UserName,
    client: &Client,
    access: &Minted,
    sign_in: &SignIn<'_>,
) -> Result<Option<String>, OauthError> {
    if !access.scope.split(' ').any(|scope| scope == granting::OPENID) {
        return Ok(None);
    }
    let now = authority.now();
    let lifetime = authority.settings.lifetimes.id_token.min(authority.keys.lifetime());
    let hash = Digest::of(&access.access_token);
    let half = hash.0.first_chunk::<16>().map(|half| URL_SAFE_NO_PAD.encode(half));
    let claims = IdClaims {
        iss: &authority.settings.issuer,
        sub: subject::write(user),
        aud: &client.consumer_key,
        azp: &client.consumer_key,
        exp: now.plus(lifetime).0,
        iat: now.0,
        auth_time: sign_in.authenticated.0,
        at_hash: half.unwrap_or_default(),
        preferred_username: &user.name,
        nonce: sign_in.nonce,
    };
    sign(authority, "JWT", &claims).map(Some)
}

fn sign(authority: &Authority, typ: &str, claims: &impl Serialize) -> Result<String, OauthError> {
    let key = authority.keys.current(authority.now());
    let mut header = Header::new(key.algorithm);
    header.typ = Some(typ.to_owned());
    header.kid = Some(key.kid.clone());
    jsonwebtoken::encode(&header, claims, &key.key)
        .map_err(|_| OauthError::new(ErrorCode::ServerError, "the server could not sign a token"))
}
