//! What the process was told about who calls: its registry, the tokens that it issues, the credentials that it takes.

use std::fmt;
use std::time::Duration;

use http::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;

/// Where users, applications and subscriptions live; kept out of `Debug`, since it may hold a password.
#[derive(Clone, PartialEq)]
pub struct RegistryUrl(pub(super) String);

impl RegistryUrl {
    /// Returns it as the registry takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether other processes on other machines may share it.
    pub fn is_shared(&self) -> bool {
        self.0.starts_with("postgres")
    }
}

impl fmt::Debug for RegistryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RegistryUrl").finish_non_exhaustive()
    }
}

/// How tokens are issued.
#[derive(Clone, Debug, PartialEq)]
pub struct OAuth {
    /// The `iss` of the gateway's own tokens, and where callers reach it: scheme, host and port.
    pub issuer: String,
    /// What signs tokens.
    pub algorithm: TokenAlgorithm,
    /// How long an access token lives.
    pub access_token: Duration,
    /// How long a refresh token lives.
    pub refresh_token: Duration,
    /// How long an authorization code lives.
    pub authorization_code: Duration,
    /// How often a new signing key takes over; `None`: only when it is asked for.
    pub key_rotation: Option<Duration>,
}

/// What signs tokens.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
pub enum TokenAlgorithm {
    /// ECDSA on P-256 with SHA-256: small and quick.
    #[serde(rename = "ES256")]
    Es256,
    /// RSA with SHA-256: what everybody reads.
    #[serde(rename = "RS256")]
    Rs256,
}

/// How credentials are taken and remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct Credentials {
    /// The field that holds a token or a password, where a version names none.
    pub authorization_header: HeaderName,
    /// The field that holds an API key, where a version names none; the query parameter has the same name.
    pub api_key_header: HeaderName,
    /// In which field trusted proxies put the caller's certificate; `None`: they do not.
    pub client_certificate_header: Option<HeaderName>,
    /// The field in which backends are told who calls.
    pub backend_jwt_header: HeaderName,
    /// How many verified credentials are remembered.
    pub token_cache: usize,
    /// How far the clocks of other issuers may be off.
    pub leeway: Duration,
    /// How long the answer of an introspection endpoint is taken for true.
    pub introspection_cache: Duration,
}
