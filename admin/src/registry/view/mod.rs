//! The in-memory index that requests read: never behind what this process has changed.
//!
//! Each noun has its own table, changed entry by entry; a lookup takes one short read lock and clones an `Arc` or less.

mod apply;
mod held;
mod list;
mod names;
mod staged;
mod table;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tokio::sync::watch;

use self::held::Held;
use self::names::Names;
use self::table::Table;
use super::api_key::ApiKey;
use super::application::{Application, ApplicationId};
use super::key_pair::Client;
use super::subscription::Subscription;
use super::token::{Digest, TokenRecord};
use super::user::{User, UserName};
use crate::model::instant::UnixTime;

pub use list::{Counts, Right};
pub use staged::{Staged, StagedApplication};

/// The in-memory index that requests read.
pub struct View {
    api_keys: Table<Digest, Arc<ApiKey>>,
    applications: Table<ApplicationId, Held>,
    /// How many of the clients prove themselves by a certificate.
    certified: AtomicUsize,
    /// Rises with everything that is taken in, but for tokens: those take nothing from anybody.
    changes: watch::Sender<u64>,
    clients: Table<Box<str>, Arc<Client>>,
    families: Table<Box<str>, UnixTime>,
    names: Mutex<Names>,
    revoked: Table<Digest, UnixTime>,
    /// Not all of them: what is not here may be in the database.
    tokens: Cache<Digest, Arc<TokenRecord>>,
    users: Table<UserName, Arc<User>>,
}

impl View {
    /// Finds an OAuth client by its consumer key.
    pub fn client(&self, consumer_key: &str) -> Option<Arc<Client>> {
        self.clients.find(consumer_key)
    }

    /// Tells whether any client proves itself by a certificate.
    pub fn has_certified_clients(&self) -> bool {
        self.certified.load(Ordering::Relaxed) > 0
    }

    /// Finds an application.
    pub fn application(&self, id: ApplicationId) -> Option<Arc<Application>> {
        self.applications.read(&id, |held| Arc::clone(&held.application))
    }

    /// Finds a user.
    pub fn user(&self, name: &UserName) -> Option<Arc<User>> {
        self.users.find(name)
    }

    /// Finds an application's subscription to a version: tenant, Api, version.
    pub fn subscription(&self, application: ApplicationId, to: (&str, &str, &str)) -> Option<Subscription> {
        self.applications.read(&application, |held| held.subscription(to))?
    }

    /// Finds an application's best subscription to any version of an Api: tenant, Api (W 10). One that lets calls
    /// through is better than one that does not.
    pub fn any_subscription(&self, application: ApplicationId, to: (&str, &str)) -> Option<Subscription> {
        self.applications.read(&application, |held| held.any_subscription(to))?
    }

    /// Finds an API key by its digest.
    pub fn api_key(&self, digest: &Digest) -> Option<Arc<ApiKey>> {
        self.api_keys.find(digest)
    }

    /// Finds an opaque access token by its digest, unless it or its family was revoked.
    pub fn token(&self, digest: &Digest) -> Option<Arc<TokenRecord>> {
        let record = self.tokens.get(digest)?;
        let family = record.granted.family.as_deref();
        let is_revoked = self.is_revoked(digest) || family.is_some_and(|family| self.is_family_revoked(family));
        (!is_revoked).then_some(record)
    }

    /// Tells whether a digest was revoked: an opaque token's, or that of a `jti`.
    pub fn is_revoked(&self, digest: &Digest) -> bool {
        self.revoked.read(digest, |_| ()).is_some()
    }

    /// Tells whether a family was revoked.
    pub fn is_family_revoked(&self, family: &str) -> bool {
        self.families.read(family, |_| ()).is_some()
    }

    /// Tells of what was taken in since it was asked: whoever goes on for long looks again whether it still may.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Says that everything that belongs together was taken in.
    pub(super) fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Returns an empty view that can replace what this one holds.
    pub(super) fn alike(&self) -> Self {
        Self {
            api_keys: self.api_keys.alike(),
            applications: self.applications.alike(),
            certified: AtomicUsize::new(0),
            changes: watch::Sender::default(),
            clients: self.clients.alike(),
            families: self.families.alike(),
            revoked: self.revoked.alike(),
            users: self.users.alike(),
            // The tokens stay where they are.
            tokens: Cache::new(1),
            names: Mutex::default(),
        }
    }

    /// Takes in everything that another view holds instead, but for the tokens, which prove nothing without the rest.
    pub(super) fn replace(&self, other: Self) {
        // Revocations first: nothing lives longer for it.
        self.revoked.replace(other.revoked);
        self.families.replace(other.families);
        self.users.replace(other.users);
        self.applications.replace(other.applications);
        self.clients.replace(other.clients);
        self.certified.store(other.certified.into_inner(), Ordering::Relaxed);
        self.api_keys.replace(other.api_keys);
        *self.names.lock() = other.names.into_inner();
        self.changed();
    }
}

impl View {
    /// Returns an empty view that knows so many opaque tokens without asking the database.
    fn with_room_for(tokens: usize) -> Self {
        Self {
            api_keys: Table::default(),
            applications: Table::default(),
            certified: AtomicUsize::new(0),
            changes: watch::Sender::default(),
            clients: Table::default(),
            families: Table::default(),
            names: Mutex::default(),
            revoked: Table::default(),
            tokens: Cache::new(tokens),
            users: Table::default(),
        }
    }
}

impl Default for View {
    fn default() -> Self {
        Self::with_room_for(TOKENS)
    }
}

/// Shows how much there is, not what.
impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("View").field(&self.counts()).finish()
    }
}

/// So many opaque tokens are known without asking the database.
pub(super) const TOKENS: usize = 100_000;
