//! The in-memory index that requests read: never behind what this process has changed.

use std::sync::Arc;

use super::api_key::ApiKey;
use super::application::{Application, ApplicationId};
use super::key_pair::Client;
use super::subscription::Subscription;
use super::token::{Digest, TokenRecord};
use super::user::{User, UserName};

/// The in-memory index that requests read.
#[derive(Debug, Default)]
pub struct View {}

impl View {
    /// Finds an OAuth client by its consumer key.
    pub fn client(&self, _consumer_key: &str) -> Option<Arc<Client>> {
        None
    }

    /// Finds an application.
    pub fn application(&self, _id: ApplicationId) -> Option<Arc<Application>> {
        None
    }

    /// Finds a user.
    pub fn user(&self, _name: &UserName) -> Option<Arc<User>> {
        None
    }

    /// Finds an application's subscription to a version: tenant, Api, version.
    pub fn subscription(&self, _application: ApplicationId, _to: (&str, &str, &str)) -> Option<Subscription> {
        None
    }

    /// Finds an application's best subscription to any version of an Api: tenant, Api (W 10). One that lets calls
    /// through is better than one that does not.
    pub fn any_subscription(&self, _application: ApplicationId, _to: (&str, &str)) -> Option<Subscription> {
        None
    }

    /// Finds an API key by its digest.
    pub fn api_key(&self, _digest: &Digest) -> Option<Arc<ApiKey>> {
        None
    }

    /// Finds an opaque access token by its digest.
    pub fn token(&self, _digest: &Digest) -> Option<Arc<TokenRecord>> {
        None
    }

    /// Tells whether a digest was revoked: an opaque token's, or that of a `jti`.
    pub fn is_revoked(&self, _digest: &Digest) -> bool {
        false
    }

    /// Tells whether a family was revoked.
    pub fn is_family_revoked(&self, _family: &str) -> bool {
        false
    }
}
