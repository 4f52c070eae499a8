//! A key pair: the consumer key and secret by which an application is an OAuth client, for production or the sandbox.

mod believe;

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::application::{Application, ApplicationId};
use super::change::Subject;
use super::edit::Edit;
use super::rule::{self, invalid};
use super::sql::client::ClientRow;
use super::token::Digest;
use super::{Registry, RegistryError, Result, sql};
use crate::model::instant::UnixTime;

pub(super) use self::believe::{believe, believe_jwks, believe_key, believe_secret};

/// Which endpoints a key leads to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    /// The production endpoints.
    Production,
    /// The sandbox endpoints.
    Sandbox,
}

/// A grant by which tokens are had.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
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

/// What a key pair may do, and how it proves itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Terms {
    /// By which grants it may have tokens.
    pub grants: Vec<GrantType>,
    /// Where codes may be sent.
    pub redirect_uris: Vec<String>,
    /// How it proves itself beside its secret.
    pub proof: ClientProof,
}

/// A key pair to be made.
#[derive(Clone)]
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
    /// The consumer secret, of which only the hash is kept; empty for a public client, which has none.
    pub consumer_secret: String,
}

/// Shows what it is for, not a given secret.
impl fmt::Debug for NewKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKeyPair")
            .field("application", &self.application)
            .field("key_type", &self.key_type)
            .finish_non_exhaustive()
    }
}

/// Shows whose it is, not the secret.
impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("consumer_key", &self.consumer_key)
            .finish_non_exhaustive()
    }
}

impl KeyType {
    /// Returns the word for it, as tokens and the Developer Portal have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Production => "PRODUCTION",
            Self::Sandbox => "SANDBOX",
        }
    }

    /// Finds the one with a word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Production, Self::Sandbox]
            .into_iter()
            .find(|known| known.word() == word)
    }
}

impl GrantType {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::AuthorizationCode,
        Self::ClientCredentials,
        Self::JwtBearer,
        Self::Password,
        Self::RefreshToken,
        Self::TokenExchange,
    ];

    /// Returns the word for it, as `grant_type` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::Password => "password",
            Self::RefreshToken => "refresh_token",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }

    /// Finds the one with a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.word() == word)
    }
}

impl Registry {
    /// Makes a key pair for an application.
    ///
    /// # Errors
    ///
    /// Fails when the application has one of that type or is not there, a given key is taken, or anything given is no
    /// such thing.
    pub async fn add_key_pair(&self, keys: NewKeyPair, now: UnixTime) -> Result<Issued> {
        let mut edit = self.edit().await?;
        let issued = edit.add_key_pair(keys, now).await?;
        edit.commit().await?;
        Ok(issued)
    }

    /// Changes what a key pair may do and how it proves itself.
    ///
    /// # Errors
    ///
    /// Fails when there is no such key pair, or anything given is no such thing.
    pub async fn set_key_pair(&self, consumer_key: &str, terms: &Terms) -> Result<()> {
        believe(terms)?;
        let mut edit = self.edit().await?;
        if !sql::client::update(edit.db(), consumer_key, terms).await? {
            return Err(missing(consumer_key));
        }
        edit.touch(Subject::Client(consumer_key.to_owned()));
        edit.commit().await
    }

    /// Makes a new secret for a key pair; the old one ends.
    ///
    /// # Errors
    ///
    /// Fails when there is no such key pair.
    pub async fn regenerate_secret(&self, consumer_key: &str) -> Result<Issued> {
        let secret = rule::random::<32>()?;
        let mut edit = self.edit().await?;
        if !sql::client::set_secret(edit.db(), consumer_key, &Digest::of(&secret)).await? {
            return Err(missing(consumer_key));
        }
        let row = sql::client::find(edit.db(), consumer_key).await?;
        if row.is_none_or(|row| row.terms.proof.is_public) {
            return Err(invalid("a public client has no secret"));
        }
        edit.touch(Subject::Client(consumer_key.to_owned()));
        edit.commit().await?;
        Ok(Issued {
            consumer_key: consumer_key.to_owned(),
            consumer_secret: secret,
        })
    }

    /// Deletes a key pair with its tokens.
    ///
    /// # Errors
    ///
    /// Fails when there is no such key pair.
    pub async fn delete_key_pair(&self, consumer_key: &str) -> Result<()> {
        let mut edit = self.edit().await?;
        if !sql::client::delete(edit.db(), consumer_key).await? {
            return Err(missing(consumer_key));
        }
        edit.touch(Subject::Client(consumer_key.to_owned()));
        edit.commit().await
    }
}

impl Edit<'_> {
    /// Makes a key pair for an application.
    pub(super) async fn add_key_pair(&mut self, keys: NewKeyPair, now: UnixTime) -> Result<Issued> {
        let (consumer_key, secret) = match keys.given {
            Some(given) => given,
            None => (rule::random::<24>()?, rule::random::<32>()?),
        };
        believe_key(&consumer_key)?;
        believe_secret(&secret)?;
        let terms = Terms {
            grants: keys.grants,
            redirect_uris: keys.redirect_uris,
            proof: keys.proof,
        };
        believe(&terms)?;
        self.application(keys.application).await?;
        if sql::client::has(self.db(), keys.application, keys.key_type).await? {
            return Err(RegistryError::Conflict(format!("a {} key pair", keys.key_type.word())));
        }
        let is_public = terms.proof.is_public;
        let row = ClientRow {
            application: keys.application,
            consumer_key,
            secret: Digest::of(&secret),
            key_type: keys.key_type,
            terms,
        };
        let inserted = sql::client::insert(self.db(), &row, now).await;
        inserted.map_err(|error| {
            let taken = || format!("consumer key `{}`", row.consumer_key);
            rule::broken(error, taken, || format!("application {}", row.application.0))
        })?;
        self.touch(Subject::Client(row.consumer_key.clone()));
        Ok(Issued {
            consumer_key: row.consumer_key,
            consumer_secret: if is_public { String::new() } else { secret },
        })
    }
}

fn missing(consumer_key: &str) -> RegistryError {
    RegistryError::Missing(format!("consumer key `{consumer_key}`"))
}
