//! An API key: a random string that stands for an application (W 8).

use super::application::ApplicationId;
use super::key_pair::KeyType;
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
