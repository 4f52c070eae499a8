//! An issuer of its own for the trials, so that tokens can be wrong in every way.

use std::time::{Duration, SystemTime};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::guard::pem;
use super::{Fault, Guard};

const NAME: &str = "https://issuer.example";

/// Signs tokens.
pub(super) struct Issuer {
    key: EncodingKey,
    keys: String,
}

impl Issuer {
    pub(super) fn new() -> Result<Self, Fault> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let key = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", pair.as_der()?.as_ref()).as_bytes())?;
        let mut public = Jwk::from_encoding_key(&key, Algorithm::RS256)?;
        public.common.key_id = Some("trial".to_owned());
        let keys = serde_json::to_string(&JwkSet { keys: vec![public] })?;
        Ok(Self { key, keys })
    }

    /// Returns what lets its tokens through.
    pub(super) fn guard(&self, limit: u32) -> Result<Guard, Fault> {
        Guard::new(NAME, &self.keys, limit)
    }

    /// Signs a good token, but for one claim.
    pub(super) fn token(&self, claim: &str, value: impl Into<Value>) -> Result<String, Fault> {
        let claims = claims(claim, value.into())?;
        Ok(encode(&header(Algorithm::RS256), &claims, &self.key)?)
    }

    /// Signs a good token as who knows no more than the public key: with a shared secret that is its text.
    pub(super) fn forged(&self) -> Result<String, Fault> {
        let secret = EncodingKey::from_secret(self.guard(1)?.pem.as_bytes());
        let claims = claims("jti", json!("forged"))?;
        Ok(encode(&header(Algorithm::HS256), &claims, &secret)?)
    }
}

fn claims(claim: &str, value: Value) -> Result<Value, Fault> {
    let mut claims = json!({
        "iss": NAME,
        "sub": "trial",
        "client_id": "trial",
        "scope": "write read",
        "exp": seconds_after_1970(Duration::from_hours(1))?,
    });
    claims[claim] = value;
    Ok(claims)
}

/// Returns the time that it is so long from now.
fn seconds_after_1970(from_now: Duration) -> Result<u64, Fault> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok((now + from_now).as_secs())
}

fn header(algorithm: Algorithm) -> Header {
    let mut header = Header::new(algorithm);
    header.kid = Some("trial".to_owned());
    header
}
