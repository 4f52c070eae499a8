//! An API key: a random string that stands for an application (W 8).

use super::application::ApplicationId;
use super::change::Subject;
use super::edit::Edit;
use super::key_pair::KeyType;
use super::token::Digest;
use super::{Registry, RegistryError, Result, rule, sql};
use crate::model::instant::UnixTime;

/// The number of an API key in the registry.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ApiKeyId(pub i64);

/// An API key as requests see it.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its number.
    pub id: ApiKeyId,
    /// Whose it is.
    pub application: std::sync::Arc<super::application::Application>,
    /// Which endpoints it leads to.
    pub key_type: KeyType,
    /// From where and for whom it is taken.
    pub restrictions: Restrictions,
    /// When it ends, if ever.
    pub expires: Option<UnixTime>,
}

/// From where an API key is taken; what is empty restricts nothing (W 8).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Restrictions {
    /// Addresses and networks.
    pub networks: Vec<ipnet::IpNet>,
    /// Patterns of `Referer`: an exact URL, `sub.example.com/*` or `*.example.com/*`.
    pub referers: Vec<String>,
}

/// An API key to be made.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// Whose it is.
    pub application: ApplicationId,
    /// Which endpoints it leads to.
    pub key_type: KeyType,
    /// From where it is taken.
    pub restrictions: Restrictions,
    /// When it ends, if ever.
    pub expires: Option<UnixTime>,
}

impl Registry {
    /// Makes an API key and returns it; only its hash is kept.
    ///
    /// # Errors
    ///
    /// Fails when there is no such application, or a restriction is none.
    pub async fn add_api_key(&self, key: NewApiKey, now: UnixTime) -> Result<(ApiKeyId, String)> {
        let secret = format!("{PREFIX}{}", rule::random::<32>()?);
        let mut edit = self.edit().await?;
        let id = edit.add_api_key(&secret, &key, now).await?;
        edit.commit().await?;
        Ok((id, secret))
    }

    /// Ends an API key.
    ///
    /// # Errors
    ///
    /// Fails when there is no such API key.
    pub async fn revoke_api_key(&self, id: ApiKeyId) -> Result<()> {
        let mut edit = self.edit().await?;
        let digest = sql::api_key::delete(edit.db(), id).await?;
        let digest = digest.ok_or_else(|| RegistryError::Missing(format!("API key {}", id.0)))?;
        edit.touch(Subject::ApiKey(digest));
        edit.commit().await
    }
}

impl Edit<'_> {
    /// Makes an API key of a secret.
    pub(super) async fn add_api_key(&mut self, secret: &str, key: &NewApiKey, now: UnixTime) -> Result<ApiKeyId> {
        believe(secret, &key.restrictions)?;
        self.application(key.application).await?;
        let digest = Digest::of(secret);
        let id = sql::api_key::insert(self.db(), &digest, key, now).await;
        let id = id.map_err(|error| {
            rule::broken(
                error,
                || "this API key".to_owned(),
                || format!("application {}", key.application.0),
            )
        })?;
        self.touch(Subject::ApiKey(digest));
        Ok(id)
    }
}

/// Refuses a key or restrictions that nobody should have, without repeating the key.
pub(super) fn believe(secret: &str, restrictions: &Restrictions) -> Result<()> {
    rule::visible("an API key", secret, 24, 256)?;
    rule::at_most("networks of an API key", &restrictions.networks, 100)?;
    rule::at_most("referers of an API key", &restrictions.referers, 100)?;
    let mut referers = restrictions.referers.iter();
    referers.try_for_each(|referer| rule::visible("a referer", referer, 1, 512))
}

/// How a key that we made begins, so that scanners for lost secrets can tell it.
const PREFIX: &str = "tgk_";
