//! The sections about who calls: registry, tokens, credentials.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::seconds;
use crate::model::unit::Period;
use crate::settings::identity::TokenAlgorithm;

/// Where users, applications, keys and subscriptions live.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(in crate::settings) struct Registry {
    /// "sqlite" keeps it in the data directory; or "sqlite:PATH", or a postgres:// address.
    pub(in crate::settings) url: String,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            url: "sqlite".to_owned(),
        }
    }
}

/// How tokens are issued.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(in crate::settings) struct OAuth {
    /// The issuer that tokens name: scheme, host and port under which callers reach the gateway.
    pub(in crate::settings) issuer: String,
    /// What signs tokens: "RS256" or "ES256".
    pub(in crate::settings) algorithm: TokenAlgorithm,
    /// How long an access token lives.
    pub(in crate::settings) access_token: Period,
    /// How long a refresh token lives.
    pub(in crate::settings) refresh_token: Period,
    /// How long an authorization code lives; at most 10 minutes.
    pub(in crate::settings) authorization_code: Period,
    /// How often a new signing key takes over; "0s" leaves it to `tollgate key rotate`.
    pub(in crate::settings) key_rotation: Period,
}

impl Default for OAuth {
    fn default() -> Self {
        Self {
            issuer: "https://localhost:8243".to_owned(),
            algorithm: TokenAlgorithm::Rs256,
            access_token: seconds(3600),
            refresh_token: Period(DAY),
            authorization_code: seconds(60),
            key_rotation: Period(DAY * 90),
        }
    }
}

/// How credentials are taken and remembered.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(in crate::settings) struct Credentials {
    /// The header field that holds a token or a password, where an API names none.
    pub(in crate::settings) authorization_header: String,
    /// The header field, and the query parameter, that hold an API key, where an API names none.
    pub(in crate::settings) api_key_header: String,
    /// The header field in which trusted proxies put the caller's certificate; "" takes it from TLS alone.
    pub(in crate::settings) client_certificate_header: String,
    /// The header field in which a backend is told who calls, where an API asks for it.
    pub(in crate::settings) backend_jwt_header: String,
    /// How many verified credentials are remembered.
    pub(in crate::settings) token_cache: u64,
    /// How far the clocks of other issuers may be off.
    pub(in crate::settings) leeway: Period,
    /// How long the answer of an introspection endpoint is taken for true.
    pub(in crate::settings) introspection_cache: Period,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            authorization_header: "Authorization".to_owned(),
            api_key_header: "apikey".to_owned(),
            client_certificate_header: String::new(),
            backend_jwt_header: "X-JWT-Assertion".to_owned(),
            token_cache: 100_000,
            leeway: seconds(30),
            introspection_cache: seconds(60),
        }
    }
}

/// Why requests are refused, told afterwards: `tollgate explain --request ID`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(in crate::settings) struct Explain {
    /// How many refused requests are remembered; the oldest is forgotten first. 0 remembers none.
    pub(in crate::settings) refusals: u64,
}

impl Default for Explain {
    fn default() -> Self {
        Self { refusals: 1000 }
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
