//! A key pair: the consumer key and secret by which an application is an OAuth client, for production or the sandbox.

use std::sync::Arc;

use super::application::{Application, ApplicationId};
use super::token::Digest;

/// Which endpoints a key leads to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KeyType {
    /// The production endpoints.
    Production,
    /// The sandbox endpoints.
    Sandbox,
}

/// A grant by which tokens are had.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum GrantType {
    /// RFC 6749, 4.1.
    AuthorizationCode,
    /// RFC 6749, 4.4.
    ClientCredentials,
    /// RFC 7523.
    JwtBearer,
    /// RFC 6749, 4.3.
    Password,
    /// RFC 6749, 6.
    RefreshToken,
    /// RFC 8693.
    TokenExchange,
}

/// How a client proves itself at the token endpoint, beside its secret.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ClientProof {
    /// A JWK set as JSON, for `private_key_jwt` (RFC 7523).
    pub jwks: Option<String>,
    /// The SHA-256 of its certificate's DER, for `self_signed_tls_client_auth` (RFC 8705).
    pub certificate: Option<Digest>,
    /// Whether it has no secret and proves itself by PKCE alone.
    pub is_public: bool,
}

/// A key pair with its application, as requests see it.
#[derive(Clone, Debug)]
pub struct Client {
    /// The consumer key, also known as the client id.
    pub consumer_key: String,
    /// The SHA-256 of the consumer secret.
    pub secret: Digest,
    /// Which endpoints it leads to.
    pub key_type: KeyType,
    /// By which grants it may have tokens.
    pub grants: Vec<GrantType>,
    /// Where codes may be sent, compared byte by byte (RFC 9700, 2.1).
    pub redirect_uris: Vec<String>,
    /// How it proves itself beside its secret.
    pub proof: ClientProof,
    /// Its application.
    pub application: Arc<Application>,
}

/// A key pair to be made.
#[derive(Clone, Debug)]
pub struct NewKeyPair {
    /// Whose it is.
    pub application: ApplicationId,
    /// Which endpoints it leads to; an application has one of each.
    pub key_type: KeyType,
    /// By which grants it may have tokens.
    pub grants: Vec<GrantType>,
    /// Where codes may be sent.
    pub redirect_uris: Vec<String>,
    /// How it proves itself beside its secret.
    pub proof: ClientProof,
    /// A key and a secret that are known already, as a bootstrap file has them; random ones by default.
    pub given: Option<(String, String)>,
}

/// A key pair as it is told once.
#[derive(Clone)]
pub struct Issued {
    /// The consumer key.
    pub consumer_key: String,
    /// The consumer secret; only its hash is kept.
    pub consumer_secret: String,
}
