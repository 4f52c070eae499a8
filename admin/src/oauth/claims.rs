//! The claims of our own access tokens (RFC 9068, W 7.5): written by `mint`, read by the gateway.

use serde::{Deserialize, Serialize};

/// The claims of an access token.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AccessClaims {
    /// Who issued it.
    pub iss: String,
    /// The user as `name@tenant`, or the consumer key of an application's own token.
    pub sub: String,
    /// Whom it is for: the consumer key.
    pub aud: String,
    /// When it ends, in seconds since 1970.
    pub exp: u64,
    /// When it was issued.
    pub iat: u64,
    /// When it begins.
    pub nbf: u64,
    /// Its name, by which it is revoked.
    pub jti: String,
    /// The consumer key (RFC 9068).
    pub client_id: String,
    /// The consumer key, as W has it.
    pub azp: String,
    /// Its scopes, separated by spaces.
    pub scope: String,
    /// `APPLICATION` or `APPLICATION_USER`.
    pub aut: String,
    /// `PRODUCTION` or `SANDBOX`.
    pub keytype: String,
    /// The family that it is revoked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// What it is bound to (RFC 8705).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Who acts for the user, where the token was exchanged with an actor's (RFC 8693).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// The application, for backends and people; the gateway asks its registry instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationClaim>,
}

/// What a token is bound to.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Confirmation {
    /// The SHA-256 of the certificate's DER, in base64url.
    #[serde(rename = "x5t#S256")]
    pub x5t_s256: String,
}

/// Who acts, and for whom that one acted before (RFC 8693, 4.1).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Actor {
    /// The `sub` of the actor's token.
    pub sub: String,
    /// The consumer key that the actor's token was issued to.
    pub client_id: String,
    /// Who acted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Self>>,
}

/// The application as W 7.5 has it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ApplicationClaim {
    /// Its owner.
    pub owner: String,
    /// Its tier.
    pub tier: String,
    /// Its name.
    pub name: String,
    /// Its number.
    pub id: i64,
    /// What the world knows it by.
    pub uuid: String,
}
