//! Signed statements from outside (RFC 7515, RFC 7519): taken apart and proven, with no leniency.
//!
//! Only asymmetric algorithms, and each only with a key of its kind, so that a public key is never taken for a secret.
//! `crit` is refused whatever it lists (we understand no extension), as are encryption, compression, unencoded
//! payloads, and JSON in which a name stands twice. Claims can be had only from what was proven.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use super::strict;

/// A statement whose signature nobody has looked at yet.
#[derive(Debug)]
pub struct Unproven<'a> {
    message: &'a str,
    signature: &'a str,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    algorithm: Algorithm,
}

impl<'a> Unproven<'a> {
    /// Takes a compact JWS apart; `None` where it is none that we take.
    pub fn read(token: &'a str) -> Option<Self> {
        if token.len() > LONGEST {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        if signature.is_empty() || claims.contains('.') {
            return None;
        }
        let header = object(header)?;
        if REFUSED.iter().any(|name| header.contains_key(*name)) {
            return None;
        }
        Some(Self {
            message,
            signature,
            algorithm: algorithm(header.get("alg")?.as_str()?)?,
            claims: object(claims)?,
            header,
        })
    }

    /// Returns its `typ`, in lower case and without `application/` (RFC 7515, 4.1.9).
    pub fn media_type(&self) -> Option<String> {
        let lower = self.header.get("typ")?.as_str()?.to_ascii_lowercase();
        Some(lower.strip_prefix("application/").unwrap_or(&lower).to_owned())
    }

    /// Returns the name of its key.
    pub fn kid(&self) -> Option<&str> {
        self.header.get("kid")?.as_str()
    }

    /// Returns whom it claims to be of: enough to choose the keys that may prove it, and nothing else.
    pub fn claimed_issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }

    /// Proves it with a key and the one algorithm of that key.
    pub fn prove(self, key: &DecodingKey, algorithm: Algorithm) -> Option<Map<String, Value>> {
        self.is_of(key, algorithm).then_some(self.claims)
    }

    /// Proves it with a key of a JWK set: the one that it names, or any that fits where it names none.
    pub fn prove_by(&self, set: &str) -> Option<Map<String, Value>> {
        let set = strict::parse(set.as_bytes())?;
        let keys = set.get("keys")?.as_array()?;
        let fits = |jwk: &Jwk| {
            let is_named = self.kid().is_none_or(|kid| jwk.common.key_id.as_deref() == Some(kid));
            is_named && is_for(jwk, self.algorithm)
        };
        let mut candidates = keys
            .iter()
            .filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok())
            .filter(fits)
            .take(MOST_KEYS);
        let is_proven =
            candidates.any(|jwk| DecodingKey::from_jwk(&jwk).is_ok_and(|key| self.is_of(&key, self.algorithm)));
        is_proven.then(|| self.claims.clone())
    }

    fn is_of(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        self.algorithm == algorithm
            && jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), key, algorithm).unwrap_or(false)
    }
}

/// Tells whether a key is of the kind that an algorithm is used with, and meant for it.
fn is_for(jwk: &Jwk, algorithm: Algorithm) -> bool {
    // Secrets, and kinds and curves that are yet to be invented, are for nothing.
    let is_kind = if let AlgorithmParameters::EllipticCurve(key) = &jwk.algorithm {
        (key.curve == EllipticCurve::P256 && algorithm == Algorithm::ES256)
            || (key.curve == EllipticCurve::P384 && algorithm == Algorithm::ES384)
    } else if let AlgorithmParameters::OctetKeyPair(key) = &jwk.algorithm {
        key.curve == EllipticCurve::Ed25519 && algorithm == Algorithm::EdDSA
    } else {
        matches!(jwk.algorithm, AlgorithmParameters::RSA(_)) && RSA.contains(&algorithm)
    };
    let common = &jwk.common;
    let is_stated = common
        .key_algorithm
        .is_none_or(|stated| stated.to_string() == format!("{algorithm:?}"));
    let is_use = common
        .public_key_use
        .as_ref()
        .is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let operations = common.key_operations.as_ref();
    is_kind && is_stated && is_use && operations.is_none_or(|listed| listed.contains(&KeyOperations::Verify))
}

fn algorithm(name: &str) -> Option<Algorithm> {
    TAKEN.into_iter().find(|algorithm| format!("{algorithm:?}") == name)
}

fn object(part: &str) -> Option<Map<String, Value>> {
    match strict::parse(&URL_SAFE_NO_PAD.decode(part).ok()?)? {
        Value::Object(object) => Some(object),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => None,
    }
}

const RSA: [Algorithm; 6] = [
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
];

const TAKEN: [Algorithm; 9] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
];

/// Header parameters that change what a signature means, or bring a key of their own.
const REFUSED: [&str; 7] = ["b64", "crit", "enc", "jku", "jwk", "x5u", "zip"];

/// Longer than any statement we have use for.
const LONGEST: usize = 16 * 1024;

/// How many keys are tried for a statement that names none.
const MOST_KEYS: usize = 8;

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;
    use jsonwebtoken::EncodingKey;

    use super::*;
    use crate::model::instant::UnixTime;
    use crate::oauth::keys::SigningKeys;

    struct Signer {
        keys: SigningKeys,
        _directory: tempfile::TempDir,
    }

    fn signer(algorithm: Algorithm) -> Signer {
        let directory = tempfile::tempdir().unwrap();
        Signer {
            keys: SigningKeys::open(directory.path(), algorithm, UnixTime(0)).unwrap(),
            _directory: directory,
        }
    }

    impl Signer {
        fn set(&self) -> String {
            self.keys.jwks(UnixTime(0)).to_string()
        }

        fn kid(&self) -> String {
            self.keys.current(UnixTime(0)).kid.clone()
        }

        fn key(&self) -> EncodingKey {
            self.keys.current(UnixTime(0)).key.clone()
        }

        /// Signs whatever stands there, sense or nonsense.
        fn sign(&self, header: &str, claims: &str, algorithm: Algorithm) -> String {
            let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
            let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key(), algorithm).unwrap();
            format!("{message}.{signature}")
        }
    }

    fn is_taken(token: &str, set: &str) -> bool {
        Unproven::read(token)
            .and_then(|unproven| unproven.prove_by(set))
            .is_some()
    }

    #[test]
    fn what_was_signed_with_a_key_of_the_set_is_proven() {
        let signer = signer(Algorithm::ES256);
        let named = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, signer.kid());
        for header in [r#"{"alg":"ES256"}"#, named.as_str()] {
            assert!(is_taken(
                &signer.sign(header, r#"{"iss":"a"}"#, Algorithm::ES256),
                &signer.set()
            ));
        }
        let token = signer.sign(
            r#"{"alg":"ES256","typ":"application/AT+JWT"}"#,
            r#"{"iss":"a"}"#,
            Algorithm::ES256,
        );
        let unproven = Unproven::read(&token).unwrap();
        assert_eq!(unproven.claimed_issuer(), Some("a"));
        assert_eq!(unproven.media_type().as_deref(), Some("at+jwt"));
    }

    #[test]
    fn hostile_headers_and_claims_are_refused_although_signed() {
        let signer = signer(Algorithm::ES256);
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"es256"}"#,
            r#"{"alg":["ES256"]}"#,
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"ES384"}"#,
            r"{}",
            r"[]",
            r#"{"alg":"ES256","alg":"ES256"}"#,
            r#"{"alg":"ES256","crit":[]}"#,
            r#"{"alg":"ES256","crit":["exp"],"exp":1}"#,
            r#"{"alg":"ES256","b64":false}"#,
            r#"{"alg":"ES256","zip":"DEF"}"#,
            r#"{"alg":"ES256","jku":"https://evil.example/keys"}"#,
            r#"{"alg":"ES256","jwk":{"kty":"EC"}}"#,
            r#"{"alg":"ES256","kid":"another"}"#,
            r#"{"alg":"ES256"} x"#,
        ] {
            let token = signer.sign(header, r#"{"iss":"a"}"#, Algorithm::ES256);
            assert!(!is_taken(&token, &signer.set()), "{header}");
        }
        for claims in [
            r#"{"iss":"a","iss":"b"}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            "[]",
            "1",
            "",
            "{\"a\":\"\u{0}",
        ] {
            let token = signer.sign(r#"{"alg":"ES256"}"#, claims, Algorithm::ES256);
            assert!(!is_taken(&token, &signer.set()), "{claims}");
        }
    }

    #[test]
    fn a_public_key_is_never_a_secret() {
        let signer = signer(Algorithm::RS256);
        let set = signer.set();
        let jwk: Value = serde_json::from_str(&set).unwrap();
        let modulus = jwk["keys"][0]["n"].as_str().unwrap();
        for secret in [
            set.as_bytes(),
            modulus.as_bytes(),
            &URL_SAFE_NO_PAD.decode(modulus).unwrap(),
        ] {
            let message = format!(
                "{}.{}",
                URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
                URL_SAFE_NO_PAD.encode(r#"{"iss":"a"}"#)
            );
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
            assert!(!is_taken(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag)), &set));
        }
        // And a secret in a set is no key for us.
        let secret = r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#;
        assert!(!is_taken(
            &signer.sign(r#"{"alg":"RS256"}"#, "{}", Algorithm::RS256),
            secret
        ));
    }

    #[test]
    fn a_key_is_used_for_what_it_is_meant_for_only() {
        let signer = signer(Algorithm::ES256);
        let token = signer.sign(r#"{"alg":"ES256"}"#, "{}", Algorithm::ES256);
        let set = signer.set();
        assert!(is_taken(&token, &set));
        assert!(!is_taken(&token, &set.replace("\"sig\"", "\"enc\"")));
        assert!(!is_taken(
            &token,
            &set.replace("\"alg\":\"ES256\"", "\"alg\":\"ES384\"")
        ));
        assert!(!is_taken(
            &token,
            &set.replace("\"use\":\"sig\"", "\"key_ops\":[\"sign\"]")
        ));
        assert!(is_taken(
            &token,
            &set.replace("\"use\":\"sig\"", "\"key_ops\":[\"verify\"]")
        ));
    }

    #[test]
    fn a_changed_token_is_refused() {
        let signer = signer(Algorithm::ES256);
        let token = signer.sign(r#"{"alg":"ES256"}"#, r#"{"iss":"a"}"#, Algorithm::ES256);
        let (message, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = message.split_once('.').unwrap();
        let other = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(r#"{"iss":"b"}"#));
        let zeros = URL_SAFE_NO_PAD.encode([0_u8; 64]);
        for bad in [
            other.as_str(),
            message,
            &format!("{message}."),
            &format!("{message}.{zeros}"),
            &format!("{token}."),
            &format!("{token}.a"),
            &format!("{token}="),
            &token.replace('.', ".."),
            "",
            ".",
            "..",
            "...",
        ] {
            assert!(!is_taken(bad, &signer.set()), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ -~]{0,60}\\.[ -~]{0,60}\\.[ -~]{0,60}") {
            let is_taken = is_taken(&text, r#"{"keys":[]}"#);
            proptest::prop_assert!(!is_taken);
        }
    }
}
