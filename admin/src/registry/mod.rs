//! What consumers do: users and roles, applications, keys, subscriptions, tokens and revocations.
//!
//! SQL holds it; [`view::View`] is what requests read, and follows every change before the change returns. Secrets are
//! kept as hashes only: argon2id for passwords, SHA-256 for what is random enough to need no more.

pub mod api_key;
pub mod application;
pub mod key_pair;
pub mod subscription;
pub mod token;
pub mod user;
pub mod view;

use std::path::Path;
use std::sync::Arc;

use crate::model::instant::UnixTime;
use crate::model::name::TenantName;

use self::api_key::{ApiKeyId, NewApiKey};
use self::application::{ApplicationId, NewApplication};
use self::key_pair::{Issued, NewKeyPair};
use self::subscription::{NewSubscription, SubscriptionId, SubscriptionState};
use self::token::{AuthorizationCode, Digest, NewToken, Redeemed, RefreshToken, Rotated, TokenRecord};
use self::user::{NewUser, UserName};
use self::view::View;

/// The registry of consumers.
#[derive(Debug)]
pub struct Registry {
    view: Arc<View>,
}

/// Why the registry did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Something of that name is there already.
    #[error("{0} exists already")]
    Conflict(String),
    /// What was asked for is not allowed.
    #[error("{0}")]
    Invalid(String),
    /// Something that was named is not there.
    #[error("there is no {0}")]
    Missing(String),
    /// The database cannot be asked.
    #[error("the registry's database cannot be asked")]
    Unavailable(#[from] sqlx::Error),
}

type Result<T> = std::result::Result<T, RegistryError>;

impl Registry {
    /// Opens the registry at `sqlite` (in `data`), `sqlite:PATH` or `postgres://...`; makes or migrates its tables.
    pub async fn open(_url: &str, _data: &Path, _now: UnixTime) -> Result<Self> {
        todo!()
    }

    /// Returns what requests read.
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Takes in what other processes have changed since.
    pub async fn follow(&self) -> Result<()> {
        todo!()
    }

    pub async fn add_user(&self, _user: NewUser, _now: UnixTime) -> Result<()> {
        todo!()
    }

    pub async fn set_password(&self, _user: &UserName, _password: &str, _now: UnixTime) -> Result<()> {
        todo!()
    }

    pub async fn set_roles(&self, _user: &UserName, _roles: Vec<String>) -> Result<()> {
        todo!()
    }

    pub async fn delete_user(&self, _user: &UserName) -> Result<()> {
        todo!()
    }

    /// Takes a role from everybody in a tenant.
    pub async fn delete_role(&self, _tenant: &TenantName, _role: &str) -> Result<()> {
        todo!()
    }

    /// Tells whether it is the user's password. It takes as long for a user who does not exist.
    pub async fn is_password(&self, _user: &UserName, _password: &str) -> Result<bool> {
        todo!()
    }

    pub async fn add_application(&self, _application: NewApplication, _now: UnixTime) -> Result<ApplicationId> {
        todo!()
    }

    pub async fn delete_application(&self, _id: ApplicationId) -> Result<()> {
        todo!()
    }

    pub async fn add_key_pair(&self, _keys: NewKeyPair, _now: UnixTime) -> Result<Issued> {
        todo!()
    }

    pub async fn regenerate_secret(&self, _consumer_key: &str) -> Result<Issued> {
        todo!()
    }

    pub async fn delete_key_pair(&self, _consumer_key: &str) -> Result<()> {
        todo!()
    }

    pub async fn subscribe(&self, _subscription: NewSubscription, _now: UnixTime) -> Result<SubscriptionId> {
        todo!()
    }

    pub async fn set_subscription_state(&self, _id: SubscriptionId, _state: SubscriptionState) -> Result<()> {
        todo!()
    }

    pub async fn unsubscribe(&self, _id: SubscriptionId) -> Result<()> {
        todo!()
    }

    /// Makes an API key and returns it; only its hash is kept.
    pub async fn add_api_key(&self, _key: NewApiKey, _now: UnixTime) -> Result<(ApiKeyId, String)> {
        todo!()
    }

    pub async fn revoke_api_key(&self, _id: ApiKeyId) -> Result<()> {
        todo!()
    }

    /// Records an opaque access token.
    pub async fn add_token(&self, _token: NewToken) -> Result<()> {
        todo!()
    }

    /// Finds an opaque access token that the view does not know, because another process issued it.
    pub async fn find_token(&self, _digest: &Digest, _now: UnixTime) -> Result<Option<Arc<TokenRecord>>> {
        todo!()
    }

    /// Revokes whatever has this digest: an opaque token, or a JWT by the digest of its `jti`. Kept until `expires`.
    pub async fn revoke(&self, _digest: &Digest, _expires: UnixTime) -> Result<()> {
        todo!()
    }

    pub async fn add_refresh_token(&self, _token: RefreshToken) -> Result<()> {
        todo!()
    }

    /// Exchanges a refresh token for the next of its family; one that was used before revokes the family.
    pub async fn rotate(&self, _used: &Digest, _next: &Digest, _now: UnixTime, _expires: UnixTime) -> Result<Rotated> {
        todo!()
    }

    /// Revokes a family: its refresh tokens and every access token that bears its name, until `expires`.
    pub async fn revoke_family(&self, _family: &str, _expires: UnixTime) -> Result<()> {
        todo!()
    }

    pub async fn find_refresh_token(&self, _digest: &Digest) -> Result<Option<RefreshToken>> {
        todo!()
    }

    pub async fn add_code(&self, _code: AuthorizationCode) -> Result<()> {
        todo!()
    }

    /// Takes an authorization code, once. A second time revokes what the first led to (RFC 6749, 4.1.2).
    pub async fn take_code(&self, _digest: &Digest, _now: UnixTime) -> Result<Redeemed> {
        todo!()
    }

    /// Forgets what has expired.
    pub async fn sweep(&self, _now: UnixTime) -> Result<()> {
        todo!()
    }
}
