//! The compiled catalog: immutable, read by every request, replaced whole.
//!
//! Entities live in vectors and refer to each other by typed indices; the accessors here are the only place that
//! indexes. Nothing here owns counters, pools or health: those outlive a snapshot.

mod compile;
pub mod live;
mod mounts;
mod routes;

use crate::model::api::{PathAllowances, Transports};
use crate::model::auth::AuthType;
use crate::model::lifecycle::LifecycleState;
use crate::model::method::{MethodName, MethodSet};
use crate::model::security::Security;

pub use compile::compile;
pub use mounts::{Mount, Place};
pub use routes::Found;

use mounts::Mounts;
use routes::Routes;

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
    /// Whether it is called without a subscription.
    pub is_free: bool,
    routes: Routes,
}

impl Version {
    /// Returns the names that tell it from every other: tenant, Api, version.
    pub fn names(&self) -> (&str, &str, &str) {
        (&self.tenant, &self.api, &self.version)
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

    /// Returns a scope that this snapshot named.
    pub fn scope(&self, id: ScopeId) -> &Scope {
        #[expect(clippy::indexing_slicing, reason = "an id is evidence of the entry")]
        &self.scopes[id.0 as usize]
    }
}
