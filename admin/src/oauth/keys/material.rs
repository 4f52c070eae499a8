//! One signing key: made, named by its thumbprint, and written as PEM. It touches no file.

use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

use super::{KeysError, SigningKey, VerifyingKey};

/// A key in its three roles.
pub(super) struct Pair {
    pub(super) signing: Arc<SigningKey>,
    pub(super) verifying: Arc<VerifyingKey>,
    pub(super) public: Jwk,
}

/// A key that was just made, and its file.
pub(super) struct Made {
    pub(super) pair: Pair,
    pub(super) pem: String,
}

/// Makes a key.
pub(super) fn generate(algorithm: Algorithm) -> Result<Made, KeysError> {
    let pem = if algorithm == Algorithm::ES256 {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeysError::Generation)?;
        pem(key.to_pkcs8v1().map_err(|_| KeysError::Generation)?.as_ref())
    } else {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeysError::Generation)?;
        pem(key.as_der().map_err(|_| KeysError::Generation)?.as_ref())
    };
    let pair = parse(pem.as_bytes()).ok_or(KeysError::Generation)?;
    Ok(Made { pair, pem })
}

/// Reads a key: RSA signs with RS256, and the curve P-256 with ES256.
pub(super) fn parse(pem: &[u8]) -> Option<Pair> {
    let (algorithm, key) = match EncodingKey::from_rsa_pem(pem) {
        Ok(key) => (Algorithm::RS256, key),
        Err(_) => (Algorithm::ES256, EncodingKey::from_ec_pem(pem).ok()?),
    };
    let mut public = Jwk::from_encoding_key(&key, algorithm).ok()?;
    let kid = public.thumbprint(ThumbprintHash::SHA256).ok()?;
    public.common.key_id = Some(kid.clone());
    public.common.public_key_use = Some(PublicKeyUse::Signature);
    let verifying = VerifyingKey {
        kid: kid.clone(),
        algorithm,
        key: DecodingKey::from_jwk(&public).ok()?,
    };
    Some(Pair {
        signing: Arc::new(SigningKey { kid, algorithm, key }),
        verifying: Arc::new(verifying),
        public,
    })
}

/// Writes PKCS#8 as RFC 7468 has it.
fn pem(der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = encoded.as_str();
    while let Some((line, after)) = rest.split_at_checked(64) {
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    if !rest.is_empty() {
        text.push_str(rest);
        text.push('\n');
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    text
}
