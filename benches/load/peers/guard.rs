//! By what a call is let through: an issuer, its public key in the forms that the peers read, and a limit.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::PublicKeyComponents;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, JwkSet};
use pem::{EncodeConfig, LineEnding, Pem};

use super::Fault;

/// Asks for a token that is signed with RS256, is of this issuer, has not ended and has the scope `read`; and counts
/// the calls of each `client_id`.
pub(crate) struct Guard {
    /// What `iss` must be.
    pub(super) issuer: String,
    /// The issuer's keys as its JWKS has them.
    pub(super) keys: String,
    /// The same key as PEM.
    pub(super) pem: String,
    /// Calls of one application in a window.
    pub(super) limit: u32,
    /// How long that is, in seconds.
    pub(super) window: u32,
}

pub(super) const MINUTE: u32 = 60;
pub(super) const DAY: u32 = 24 * 60 * MINUTE;

impl Guard {
    /// Takes the JWKS of an issuer, which must hold one key: some of the peers can be told no more; the limit is of a
    /// minute.
    pub(crate) fn new(issuer: &str, keys: &str, limit: u32) -> Result<Self, Fault> {
        let set: JwkSet = serde_json::from_str(keys)?;
        let [key] = set.keys.as_slice() else {
            return Err(format!("{issuer} has {} keys, and not one", set.keys.len()).into());
        };
        let AlgorithmParameters::RSA(parameters) = &key.algorithm else {
            return Err(format!("{issuer} does not sign with RSA").into());
        };
        let components = PublicKeyComponents {
            n: URL_SAFE_NO_PAD.decode(&parameters.n)?,
            e: URL_SAFE_NO_PAD.decode(&parameters.e)?,
        };
        Ok(Self {
            issuer: issuer.to_owned(),
            keys: keys.to_owned(),
            pem: pem("PUBLIC KEY", components.as_der()?.as_ref()),
            limit,
            window: MINUTE,
        })
    }

    /// The same, but for the limit, which is of a day: once it is reached, it stays so for any run.
    pub(crate) fn daily(self, limit: u32) -> Self {
        Self {
            limit,
            window: DAY,
            ..self
        }
    }
}

/// Writes PEM.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    pem::encode_config(&Pem::new(label, der), config)
}
