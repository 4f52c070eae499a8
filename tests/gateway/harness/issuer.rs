//! Somebody else who issues tokens: an origin that serves a JWK set and answers introspection, as the test says.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::{Value, json};

use super::origin::{Origin, origin};
use super::script::{Answer, answer};

/// A key that an issuer signs with.
pub(crate) struct IssuerKey {
    kid: String,
    pair: KeyPair,
}

/// A running issuer; it is down when dropped.
pub(crate) struct Issuer {
    origin: Origin,
    says: Arc<Mutex<Said>>,
}

#[derive(Default)]
struct Said {
    keys: Vec<Value>,
    introspection: Value,
    is_ill: bool,
}

impl IssuerKey {
    pub(crate) fn new(kid: &str) -> Self {
        Self {
            kid: kid.to_owned(),
            pair: KeyPair::generate().unwrap(),
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.pair.der_bytes();
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
            "x": encode(&point[1..33]), "y": encode(&point[33..65]),
        })
    }

    /// Signs claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header {
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::ES256)
        };
        let key = EncodingKey::from_ec_pem(self.pair.serialize_pem().as_bytes()).unwrap();
        jsonwebtoken::encode(&header, claims, &key).unwrap()
    }
}

impl Issuer {
    pub(crate) async fn start(keys: &[&IssuerKey]) -> Self {
        let says: Arc<Mutex<Said>> = Arc::default();
        let script = Arc::clone(&says);
        let origin = origin()
            .answers(move |request| {
                let said = script.lock().unwrap();
                if said.is_ill {
                    return answer(503);
                }
                match request.target.as_str() {
                    "/jwks" => reply(&json!({ "keys": said.keys })),
                    "/introspect" => reply(&said.introspection),
                    _ => answer(404),
                }
            })
            .start()
            .await;
        let issuer = Self { origin, says };
        issuer.publish(keys);
        issuer
    }

    /// Shows these keys from now on.
    pub(crate) fn publish(&self, keys: &[&IssuerKey]) {
        self.says.lock().unwrap().keys = keys.iter().map(|key| key.jwk()).collect();
    }

    /// Says this of every token that it is asked about from now on.
    pub(crate) fn introspects(&self, answer: Value) {
        self.says.lock().unwrap().introspection = answer;
    }

    /// Answers everything with 503, or does so no longer.
    pub(crate) fn is_ill(&self, is_ill: bool) {
        self.says.lock().unwrap().is_ill = is_ill;
    }

    pub(crate) fn asked(&self) -> usize {
        self.origin.requests().len()
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin.url())
    }

    /// Writes it as a key manager whose keys are fetched.
    pub(crate) fn key_manager(&self, more: &str) -> String {
        format!(
            "[[key_managers]]\nname = \"Other\"\nissuer = \"https://other.test\"\njwks_url = {:?}\n{more}\n",
            self.url("/jwks")
        )
    }

    /// Writes it as a key manager that is asked about every token.
    pub(crate) fn oracle(&self) -> String {
        format!(
            "[[key_managers]]\nname = \"Oracle\"\nissuer = \"https://oracle.test\"\n\
             [key_managers.introspection]\nurl = {:?}\nclient_id = \"gateway\"\nclient_secret = \"top secret\"\n",
            self.url("/introspect")
        )
    }
}

fn reply(body: &Value) -> Answer {
    answer(200)
        .header("Content-Type", "application/json")
        .body(body.to_string())
}
