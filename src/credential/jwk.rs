//! The keys of an issuer, as its JWK set has them (RFC 7517). What is no public key for signatures is left out.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// A key that may have signed a token.
pub(super) struct Key {
    pub(super) kid: Option<String>,
    /// The algorithms that it may be used with.
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) key: DecodingKey,
    /// The key as its issuer wrote it.
    pub(super) written: Value,
}

/// Reads a JWK set; nothing where it is none. A key that cannot be used does not spoil the others.
pub(super) fn read(set: &Value) -> Option<Vec<Key>> {
    let keys = set.get("keys")?.as_array()?;
    Some(keys.iter().take(MOST).filter_map(key).collect())
}

fn key(written: &Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(written.clone()).ok()?;
    let common = &jwk.common;
    let for_signatures = common
        .public_key_use
        .as_ref()
        .is_none_or(|r#use| *r#use == PublicKeyUse::Signature);
    let operations = common.key_operations.as_ref();
    let for_checking = operations.is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let mut algorithms = fitting(&jwk)?;
    if let Some(stated) = common.key_algorithm {
        let stated = Algorithm::try_from(stated).ok()?;
        algorithms.retain(|algorithm| *algorithm == stated);
    }
    if !for_signatures || !for_checking || algorithms.is_empty() {
        return None;
    }
    Some(Key {
        kid: common.key_id.clone(),
        algorithms,
        key: DecodingKey::from_jwk(&jwk).ok()?,
        written: written.clone(),
    })
}

/// Names the algorithms that a key can be used with by its kind. A shared secret has no place in a set that anybody
/// can read.
fn fitting(jwk: &Jwk) -> Option<Vec<Algorithm>> {
    if let AlgorithmParameters::RSA(rsa) = &jwk.algorithm {
        let is_safe = (SMALLEST_MODULUS..=LARGEST_MODULUS).contains(&rsa.n.len());
        return is_safe.then(|| RSA.to_vec());
    }
    let curve = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) => [
            (EllipticCurve::P256, Algorithm::ES256),
            (EllipticCurve::P384, Algorithm::ES384),
        ]
        .into_iter()
        .find(|(curve, _)| *curve == key.curve),
        AlgorithmParameters::OctetKeyPair(key) => {
            Some((EllipticCurve::Ed25519, Algorithm::EdDSA)).filter(|(curve, _)| *curve == key.curve)
        }
        AlgorithmParameters::RSA(_) | AlgorithmParameters::OctetKey(_) | AlgorithmParameters::Other(_) | _ => None,
    };
    curve.map(|(_, algorithm)| vec![algorithm])
}

const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];
/// Keys that are read of one set.
const MOST: usize = 100;
/// 2048 and 8192 bits in base64url.
const SMALLEST_MODULUS: usize = 342;
const LARGEST_MODULUS: usize = 1366;
