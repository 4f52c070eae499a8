//! The raw serde shape of `conf/bootstrap.toml`: what was written, not yet believed.
//!
//! The comments are the descriptions of the JSON Schema, written for whoever edits the file.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::registry::application::TokenType;
use crate::registry::key_pair::{GrantType, KeyType};

/// Users, applications and subscriptions that are made once, in an empty registry.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Document {
    /// Users, each in one tenant.
    pub users: Vec<User>,
    /// Applications, each owned by one of the users.
    pub applications: Vec<Application>,
}

/// A user.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The name, without the tenant.
    pub name: String,
    /// The tenant; `carbon.super` by default.
    pub tenant: Option<String>,
    /// The password, better as `${VARIABLE}` or `file:PATH`; at least 8 characters.
    pub password: String,
    /// The roles.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// An application.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// The name; unique among its owner's.
    pub name: String,
    /// One of the users, as `name@tenant`; a name alone is one of `carbon.super`.
    pub owner: String,
    /// The application tier; `Unlimited` by default.
    pub tier: Option<String>,
    /// What its access tokens are; `jwt` by default.
    #[serde(default)]
    pub token_type: TokenType,
    /// Key pairs, one for production and one for the sandbox.
    #[serde(default)]
    pub keys: Vec<KeyPair>,
    /// What it subscribes to.
    #[serde(default)]
    pub subscriptions: Vec<Subscription>,
    /// API keys.
    #[serde(default)]
    pub api_keys: Vec<ApiKey>,
}

/// A key pair.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyPair {
    /// Which endpoints it leads to.
    pub r#type: KeyType,
    /// The consumer key, also known as the client id.
    pub consumer_key: String,
    /// The consumer secret, better as `${VARIABLE}` or `file:PATH`; at least 16 characters. A public client has none, and
    /// one that has `jwks` or a `certificate` needs none.
    pub consumer_secret: Option<String>,
    /// Its public keys as a JWK set, better as `file:PATH`, by which it proves itself without a secret
    /// (`private_key_jwt`).
    pub jwks: Option<String>,
    /// Its certificate as PEM, better as `file:PATH`, by which it proves itself without a secret where it speaks TLS
    /// (`self_signed_tls_client_auth`). It is the one that counts, whoever signed it.
    pub certificate: Option<String>,
    /// Whether it has no secret and proves itself by PKCE alone.
    #[serde(default)]
    pub public: bool,
    /// By which grants it may have tokens; `client_credentials` by default.
    pub grants: Option<Vec<GrantType>>,
    /// Where authorization codes may be sent.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
}

/// A subscription.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// The tenant that owns the API; the application's by default.
    pub tenant: Option<String>,
    /// The name of the API.
    pub api: String,
    /// The version.
    pub version: String,
    /// The subscription tier; `Unlimited` by default.
    pub tier: Option<String>,
}

/// An API key.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// Which endpoints it leads to.
    pub r#type: KeyType,
    /// The key, better as `${VARIABLE}` or `file:PATH`; at least 24 characters.
    pub key: String,
    /// Addresses and networks from which it is taken; from everywhere by default.
    #[serde(default)]
    pub networks: Vec<String>,
    /// Patterns of `Referer` with which it is taken; with any by default.
    #[serde(default)]
    pub referers: Vec<String>,
}
