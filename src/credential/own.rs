//! Our own tokens: signed ones (RFC 9068), and random ones that the registry knows.

use std::sync::Arc;

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value, json};

use super::claims::{Claims, Wanted};
use super::jws::Compact;
use super::statement::{Authority, Statement, scopes, user_name};
use super::{Flaw, Terms};
use crate::model::instant::UnixTime;
use crate::oauth::claims::AccessClaims;
use crate::oauth::keys::VerifyingKey;
use crate::registry::token::{Digest, TokenRecord};

/// Tells whether a token has the form of our own random ones.
pub(super) fn is_opaque(token: &str) -> bool {
    token.len() == OPAQUE
        && token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Says what a recorded token stands for.
pub(super) fn recorded(record: Arc<TokenRecord>, digest: Digest, wanted: &Wanted) -> Statement {
    let granted = &record.granted;
    let user = granted.user.clone();
    let subject = user.as_ref().map_or_else(
        || granted.consumer_key.clone(),
        |user| format!("{}@{}", user.name, user.tenant),
    );
    // What the signed ones say of the same.
    let claims = json!({ "sub": subject, "client_id": granted.consumer_key, "scope": granted.scopes.join(" ") });
    Statement {
        digest,
        client: granted.consumer_key.clone(),
        subject,
        claims: Claims::read(wanted, claims.as_object().unwrap_or(&Map::new())),
        user,
        scopes: scopes(granted.scopes.iter().map(String::as_str)),
        roles: Vec::new(),
        issued: record.issued,
        expires: record.expires,
        until: record.expires,
        jti: None,
        family: granted.family.clone(),
        certificate: granted.certificate,
        standing: Default::default(),
        authority: Authority::Registry(record),
    }
}

/// Checks a signed token and says what it claims.
pub(super) fn signed(
    compact: &Compact<'_>,
    key: &VerifyingKey,
    (digest, wanted): (Digest, &Wanted),
    (terms, now): (&Terms, UnixTime),
) -> Result<Statement, Flaw> {
    if !ASYMMETRIC.contains(&key.algorithm) {
        return Err(Flaw::Key);
    }
    // The kind keeps an id_token, or whatever else we sign, from being shown as an access token (RFC 9068, 4).
    if compact.kind.as_deref() != Some(KIND) {
        return Err(Flaw::Malformed);
    }
    compact.verify(&key.key, key.algorithm)?;
    let stated = compact.claims()?;
    let kept = Claims::read(wanted, &stated);
    let claims: AccessClaims = serde_json::from_value(Value::Object(stated)).map_err(|_| Flaw::Malformed)?;
    if claims.iss != terms.issuer {
        return Err(Flaw::Issuer);
    }
    if claims.aud != claims.client_id {
        return Err(Flaw::Audience);
    }
    let latest = now.plus(terms.leeway).0;
    if claims.nbf > latest || claims.iat > latest {
        return Err(Flaw::NotYet);
    }
    if claims.exp <= now.0 {
        return Err(Flaw::Expired);
    }
    statement(claims, &key.kid, (digest, kept))
}

fn statement(claims: AccessClaims, kid: &str, (digest, kept): (Digest, Claims)) -> Result<Statement, Flaw> {
    let user = match claims.aut.as_str() {
        "APPLICATION" => None,
        "APPLICATION_USER" => Some(user_name(&claims.sub).ok_or(Flaw::Malformed)?),
        _ => return Err(Flaw::Malformed),
    };
    let certificate = claims.cnf.map(|cnf| thumbprint(&cnf.x5t_s256).ok_or(Flaw::Malformed));
    Ok(Statement {
        authority: Authority::Own(kid.to_owned()),
        digest,
        client: claims.client_id,
        user,
        subject: claims.sub,
        scopes: scopes(claims.scope.split(' ')),
        claims: kept,
        roles: Vec::new(),
        issued: UnixTime(claims.iat),
        expires: UnixTime(claims.exp),
        until: UnixTime(claims.exp),
        jti: Some(Digest::of(&claims.jti)),
        family: claims.family,
        certificate: certificate.transpose()?,
        standing: Default::default(),
    })
}

/// Reads the digest of a certificate as `cnf` has it.
pub(super) fn thumbprint(encoded: &str) -> Option<Digest> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(encoded).ok()?;
    bytes.try_into().ok().map(Digest)
}

/// What our access tokens say that they are.
const KIND: &str = "at+jwt";
/// 32 bytes in base64url.
const OPAQUE: usize = 43;
const ASYMMETRIC: [Algorithm; 2] = [Algorithm::ES256, Algorithm::RS256];
