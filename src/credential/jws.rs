//! A signed token in its compact form (RFC 7515): taken apart, and its signature checked. What it claims is read
//! elsewhere.
//!
//! Nothing of a header says which key to take but its name: `jku`, `x5u`, `jwk` and `x5c` are the caller's own words
//! and are not looked at (RFC 8725, 3.10). The key decides about the algorithm, never the header (RFC 8725, 3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use super::{Flaw, strict};

/// A signed token, taken apart.
#[derive(Debug)]
pub(super) struct Compact<'a> {
    /// How it says that it is signed.
    pub(super) algorithm: Algorithm,
    /// What it says that it is, in lower case and without `application/`.
    pub(super) kind: Option<String>,
    /// The name of the key that it says it is signed with.
    pub(super) kid: Option<String>,
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Compact<'a> {
    /// Takes a token apart.
    pub(super) fn parse(token: &'a str) -> Result<Self, Flaw> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Flaw::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Flaw::Malformed)?;
        if payload.contains('.') || header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(Flaw::Malformed);
        }
        let header = decoded(header)?;
        // Extensions that must be understood are not (RFC 7515, 4.1.11), an unencoded or packed payload is none of ours.
        if ["crit", "b64", "zip", "enc"]
            .iter()
            .any(|name| header.contains_key(*name))
        {
            return Err(Flaw::Malformed);
        }
        Ok(Self {
            algorithm: text(&header, "alg")?.and_then(algorithm).ok_or(Flaw::Key)?,
            kind: text(&header, "typ")?.map(kind),
            kid: text(&header, "kid")?.map(str::to_owned),
            signed,
            payload,
            signature,
        })
    }

    /// Checks the signature with a key and the algorithm that this key is used with.
    pub(super) fn verify(&self, key: &DecodingKey, algorithm: Algorithm) -> Result<(), Flaw> {
        if self.algorithm != algorithm || algorithm.family() != key.family() {
            return Err(Flaw::Key);
        }
        match jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Flaw::Signature),
        }
    }

    /// Reads what it claims. That is nobody's word before its signature was checked.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, Flaw> {
        decoded(self.payload)
    }
}

/// Decodes one part: base64url without padding, canonical, of an object that says everything once.
fn decoded(part: &str) -> Result<Map<String, Value>, Flaw> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Flaw::Malformed)?;
    strict::object(&bytes).ok_or(Flaw::Malformed)
}

/// Reads an optional text; something else in its place is malformed.
pub(super) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Flaw> {
    match object.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(Flaw::Malformed),
    }
}

fn kind(stated: &str) -> String {
    let lower = stated.to_ascii_lowercase();
    lower.strip_prefix("application/").map(str::to_owned).unwrap_or(lower)
}

/// Names the algorithms by which somebody signs without sharing a secret; there is no other.
fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "ES256" => Some(Algorithm::ES256),
        "ES384" => Some(Algorithm::ES384),
        "EdDSA" => Some(Algorithm::EdDSA),
        "PS256" => Some(Algorithm::PS256),
        "PS384" => Some(Algorithm::PS384),
        "PS512" => Some(Algorithm::PS512),
        "RS256" => Some(Algorithm::RS256),
        "RS384" => Some(Algorithm::RS384),
        "RS512" => Some(Algorithm::RS512),
        _ => None,
    }
}
