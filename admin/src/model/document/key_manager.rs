//! The raw shape of a key manager.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Several;

/// A key manager: an issuer of tokens other than the gateway itself, whose tokens the APIs of a tenant take.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyManager {
    /// Its name; unique in its tenant. `Resident` is the gateway itself.
    pub name: String,
    /// The tenant whose APIs take its tokens; `carbon.super` by default.
    pub tenant: Option<String>,
    /// The `iss` of its tokens, to the letter; unique in its tenant.
    pub issuer: String,
    /// The URL of its JWK set: `https`, or `http` on loopback. Either this or `jwks`.
    pub jwks_url: Option<String>,
    /// Its JWK set itself, as JSON or `file:PATH` relative to this file. Either this or `jwks_url`.
    pub jwks: Option<String>,
    /// The audiences of which a token must state one; any will do by default.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// Which claims of its tokens say what.
    #[serde(default)]
    pub claims: Claims,
    /// How tokens that say nothing by themselves are asked about (RFC 7662).
    pub introspection: Option<Introspection>,
}

/// Which claims of an issuer's tokens say what.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Claims {
    /// The claims that may hold the consumer key; the first one that is there does. `["azp", "client_id"]` by default.
    pub client: Several,
    /// The claims that may hold the scopes; the first one that is there does. `["scope", "scp"]` by default.
    pub scopes: Several,
    /// The claim that holds the user's roles; none by default. A role that is stated there grants the scopes that it
    /// grants to users of the gateway.
    pub roles: Option<String>,
}

/// How an opaque token is asked about.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Introspection {
    /// The URL of the endpoint: `https`, or `http` on loopback.
    pub url: String,
    /// What the gateway is known by there.
    pub client_id: String,
    /// What proves it; better `${VARIABLE}` than the secret itself.
    pub client_secret: String,
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
