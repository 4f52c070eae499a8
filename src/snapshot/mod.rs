//! The compiled catalog: immutable, read by every request, replaced whole.
//!
//! Entities live in vectors and refer to each other by typed indices; the accessors here are the only place that
//! indexes. Nothing here owns counters, pools or health: those outlive a snapshot.

mod caching;
mod challenge;
mod compile;
mod compile_tiers;
mod figures;
mod key_managers;
pub mod live;
mod mounts;
mod protection;
mod routes;
mod subscribers;
pub mod tiers;

use std::sync::Arc;

use http::HeaderValue;

use crate::courtesy::others_first;
use crate::model::api::{PathAllowances, Transports};
use crate::model::auth::AuthType;
use crate::model::lifecycle::LifecycleState;
use crate::model::method::{MethodName, MethodSet};
use crate::model::place::Place as Stated;
use crate::model::security::{CredentialFields, Security};
use crate::quota::SubjectDigest;
use crate::registry::key_pair::KeyType;

pub use caching::{CachePolicy, Shelf};
pub use challenge::Challenge;
pub use compile::{compile, compile_for};
pub use figures::LARGEST;
pub use key_managers::KeyManagers;
pub use mounts::{Mount, Place};
pub use routes::Found;
pub use subscribers::Subscribers;

use mounts::Mounts;
use routes::Routes;
use tiers::{Counted, TierId, Tiers};

/// The index of a version in its snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct VersionId(u32);

impl VersionId {
    /// Returns its place among the versions of its snapshot, for what is kept beside them.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The index of a resource in its snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RouteId(u32);

/// A catalog compiled for reading at speed.
#[derive(Debug, Default)]
pub struct Snapshot {
    revision: u64,
    mounts: Mounts,
    versions: Vec<Version>,
    routes: Vec<Route>,
    scopes: Vec<Scope>,
    key_managers: KeyManagers,
    fields: CredentialFields,
    takes_certificates: bool,
    tiers: Tiers,
}

/// One ApiVersion with everything a request needs already looked up.
#[derive(Debug)]
pub struct Version {
    /// The domain of the tenant that owns it.
    pub tenant: Box<str>,
    /// The name of its Api.
    pub api: Box<str>,
    /// Its label.
    pub version: Box<str>,
    /// The path at which it is mounted in its tenant, its version included.
    pub context: Box<str>,
    /// Where it stands in its life.
    pub state: LifecycleState,
    /// Over which transports it may be called.
    pub transports: Transports,
    /// Which unusual request paths it accepts.
    pub paths: PathAllowances,
    /// The largest request body it takes, in bytes, where it differs from the gateway's own limit.
    pub max_request_body: Option<u64>,
    /// Whether the endpoint sees the caller's `Host`.
    pub keeps_host: bool,
    /// What proves a caller to it.
    pub security: Security,
    /// What callers are told who could not be let in.
    pub challenge: Arc<Challenge>,
    /// Whether it is called without a subscription.
    pub is_free: bool,
    /// Whose applications may have a subscription.
    pub subscribers: Subscribers,
    /// For which keys it has endpoints.
    pub environments: Environments,
    /// Whether anything is kept of its responses.
    pub is_cached: bool,
    /// What counts and what denies its calls.
    pub counted: Counted,
    /// Where it was stated.
    pub place: Stated,
    routes: Routes,
}

impl Version {
    /// Returns the names that tell it from every other: tenant, Api, version.
    pub fn names(&self) -> (&str, &str, &str) {
        (&self.tenant, &self.api, &self.version)
    }
}

/// For which keys a version has endpoints; one of the two at least.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Environments {
    /// For production keys.
    pub production: bool,
    /// For sandbox keys.
    pub sandbox: bool,
}

impl Environments {
    /// Tells whether there are endpoints for a key of this type.
    pub fn have(self, key_type: KeyType) -> bool {
        match key_type {
            KeyType::Production => self.production,
            KeyType::Sandbox => self.sandbox,
        }
    }
}

/// One resource of a version.
#[derive(Debug)]
pub struct Route {
    /// Its template as it was written: what logs and rules call it.
    pub template: Box<str>,
    /// The methods it declares.
    pub methods: MethodSet,
    /// What credential it demands.
    pub auth: AuthType,
    /// The scopes of which a caller needs one; none where it is empty.
    pub scopes: Vec<ScopeId>,
    /// What callers are told who have none of its scopes, as the value of `WWW-Authenticate`.
    pub challenge: Option<HeaderValue>,
    /// Its tier, where it has one, and what that counts: each method apart.
    pub tier: Option<(TierId, Vec<(MethodName, SubjectDigest)>)>,
    /// What is kept of its responses, where anything is.
    pub cache: Option<Box<CachePolicy>>,
    /// Where it was stated.
    pub place: Stated,
}

/// The index of a scope in its snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ScopeId(u32);

/// One scope of a tenant.
#[derive(Debug)]
pub struct Scope {
    /// Its key.
    pub key: Box<str>,
    /// The roles that grant it; everybody's where it is empty.
    pub roles: Vec<Box<str>>,
    /// Where it was stated.
    pub place: Stated,
}

impl Snapshot {
    /// Returns the number of the catalog that it was compiled from.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Finds what is mounted at a canonical path, for a host in lower case without its port.
    pub fn find_place(&self, host: &str, path: &str) -> Option<Place> {
        self.mounts.find(host, path)
    }

    /// Finds the resource of a version for decoded path segments.
    pub fn find_route(&self, id: VersionId, segments: &[impl AsRef<str>], method: Option<MethodName>) -> Found {
        self.version(id).routes.find(segments, method)
    }

    /// Returns the versions, in the order of the catalog.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// Returns a version that this snapshot named.
    pub fn version(&self, id: VersionId) -> &Version {
        // Ids are minted by `compile` for this very snapshot and never leave the exchange that holds it.
        #[expect(clippy::indexing_slicing, reason = "an id is evidence of the entry")]
        &self.versions[id.0 as usize]
    }

    /// Returns a resource that this snapshot named.
    pub fn route(&self, id: RouteId) -> &Route {
        #[expect(clippy::indexing_slicing, reason = "an id is evidence of the entry")]
        &self.routes[id.0 as usize]
    }

    /// Frees it in pieces: there is much of it in a large catalog.
    pub fn take_apart(self) {
        self.mounts.take_apart();
        self.versions.into_iter().for_each(|_| others_first());
        self.routes.into_iter().for_each(|_| others_first());
    }

    /// Returns the key managers of every tenant.
    pub fn key_managers(&self) -> &KeyManagers {
        &self.key_managers
    }

    /// Returns the fields that say who calls, on this server.
    pub fn fields(&self) -> &CredentialFields {
        &self.fields
    }

    /// Tells whether any version that is served takes a client certificate.
    pub fn takes_certificates(&self) -> bool {
        self.takes_certificates
    }

    /// Returns what counts and what denies.
    pub fn tiers(&self) -> &Tiers {
        &self.tiers
    }

    /// Returns a scope that this snapshot named.
    pub fn scope(&self, id: ScopeId) -> &Scope {
        #[expect(clippy::indexing_slicing, reason = "an id is evidence of the entry")]
        &self.scopes[id.0 as usize]
    }
}
