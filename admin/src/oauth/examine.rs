//! Our own access tokens, looked at again: what one stands for, as far as that is still true.
//!
//! It is as good as the registry says now: the client registered, the user there and not made after it, neither it
//! nor its family revoked. `None` is every reason why not, so that no answer tells one from another.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::authority::Authority;
use super::claims::AccessClaims;
use super::error::{ErrorCode, OauthError};
use super::jws::Unproven;
use super::peer::Peer;
use super::subject;
use crate::model::instant::UnixTime;
use crate::registry::token::{Digest, Granted, TokenRecord};
use crate::registry::user::UserName;

/// An access token that counts.
#[derive(Debug)]
pub struct Examined {
    /// What it stands for, and when.
    pub record: TokenRecord,
    /// What is revoked when it is: the digest of it, or of its `jti`.
    pub handle: Digest,
    /// What it says, if it says something.
    pub claims: Option<AccessClaims>,
}

impl Examined {
    /// Tells whether whoever shows it may: what is bound to a certificate needs that one (RFC 8705, 3).
    pub fn is_shown_by(&self, peer: &Peer) -> bool {
        match &self.record.granted.certificate {
            None => true,
            Some(bound) => peer.thumbprint().is_some_and(|shown| shown == *bound),
        }
    }
}

/// Examines an access token.
///
/// # Errors
///
/// Returns an error when the registry cannot be asked.
pub async fn examine(authority: &Authority, token: &str) -> Result<Option<Examined>, OauthError> {
    let examined = if token.contains('.') {
        statement(authority, token)
    } else {
        opaque(authority, token).await?
    };
    Ok(examined.filter(|examined| stands(authority, examined)))
}

/// Examines an access token that stands for a user; returns who that is, and what was granted.
///
/// # Errors
///
/// Returns `invalid_token` for anything else.
pub(super) async fn of_user(
    authority: &Authority,
    token: &str,
    peer: &Peer,
) -> Result<(UserName, Vec<String>), OauthError> {
    let examined = examine(authority, token).await?;
    let shown = examined.filter(|examined| examined.is_shown_by(peer));
    let granted = shown.map(|examined| examined.record.granted);
    let told = granted.and_then(|granted| Some((granted.user?, granted.scopes)));
    told.ok_or_else(|| {
        OauthError::new(
            ErrorCode::InvalidToken,
            "the access token is none of a user, or has ended",
        )
    })
}

fn statement(authority: &Authority, token: &str) -> Option<Examined> {
    let unproven = Unproven::read(token)?;
    // An id token is signed with the same keys and is no access token (RFC 9068, 4).
    if unproven.media_type().as_deref() != Some("at+jwt") {
        return None;
    }
    let key = authority.keys.verifying(unproven.kid()?, authority.now())?;
    let proven = unproven.prove(&key.key, key.algorithm)?;
    let claims: AccessClaims = serde_json::from_value(Value::Object(proven)).ok()?;
    if claims.iss != authority.settings.issuer || claims.nbf > authority.now().plus(SKEW).0 {
        return None;
    }
    let user = match claims.aut.as_str() {
        "APPLICATION" => None,
        "APPLICATION_USER" => Some(subject::read(&claims.sub)?),
        _ => return None,
    };
    let certificate = match &claims.cnf {
        Some(bound) => Some(thumbprint(&bound.x5t_s256)?),
        None => None,
    };
    let granted = Granted {
        consumer_key: claims.client_id.clone(),
        user,
        scopes: claims.scope.split(' ').map(str::to_owned).collect(),
        family: claims.family.clone(),
        certificate,
    };
    Some(Examined {
        record: TokenRecord {
            granted,
            issued: UnixTime(claims.iat),
            expires: UnixTime(claims.exp),
        },
        handle: Digest::of(&claims.jti),
        claims: Some(claims),
    })
}

async fn opaque(authority: &Authority, token: &str) -> Result<Option<Examined>, OauthError> {
    let handle = Digest::of(token);
    let found = match authority.registry.view().token(&handle) {
        Some(record) => Some(record),
        None => authority.registry.find_token(&handle, authority.now()).await?,
    };
    Ok(found.map(|record| Examined {
        record: (*record).clone(),
        handle,
        claims: None,
    }))
}

fn stands(authority: &Authority, examined: &Examined) -> bool {
    let view = authority.registry.view();
    let record = &examined.record;
    let client = view.client(&record.granted.consumer_key);
    let is_client = client.is_some_and(|client| authority.is_served(client.application.tenant()));
    let is_user = record.granted.user.as_ref().is_none_or(|user| {
        view.user(user).is_some_and(|known| known.created <= record.issued) && authority.is_served(&user.tenant)
    });
    let is_family = record
        .granted
        .family
        .as_deref()
        .is_none_or(|family| !view.is_family_revoked(family));
    record.expires > authority.now() && is_client && is_user && is_family && !view.is_revoked(&examined.handle)
}

/// Writes the digest of a certificate as `x5t#S256` has it.
pub(super) fn write_thumbprint(certificate: &Digest) -> String {
    URL_SAFE_NO_PAD.encode(certificate.0)
}

fn thumbprint(text: &str) -> Option<Digest> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Digest)
}

/// How far the clocks of processes that share keys may be apart, in seconds.
const SKEW: u64 = 30;
