//! What is kept of a resource's responses, with the part of their key that all of them share.
//!
//! Entries outlive snapshots, so they are found by names. Among the names is a digest of everything that shapes the
//! responses of a version: where any of it changes, what was kept before is not found again.

use std::hash::Hash as _;
use std::time::Duration;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::Environments;
use crate::model::api::{Api, ApiVersion};
use crate::model::auth::AuthType;
use crate::model::caching::{CacheMode, Caching};
use crate::model::method::MethodName;
use crate::model::resource::Resource;

/// What is kept of a resource's responses.
#[derive(Debug)]
pub struct CachePolicy {
    /// What the catalog says of it.
    pub caching: Caching,
    /// Whether the resource asks nobody who they are.
    pub is_open: bool,
    /// The names of its version, their digest and the template, as keys begin with them.
    stem: Box<str>,
}

impl CachePolicy {
    /// Returns what keys of its responses begin with: names, each ended by a NUL, which no name holds.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// Returns how long a response is kept that does not say so.
    pub fn timeout(&self) -> Option<Duration> {
        self.caching.timeout
    }
}

/// Compiles what is kept of a resource's responses; `None` where nothing is.
pub(super) fn of_resource(api: &Api, version: &ApiVersion, resource: &Resource) -> Option<CachePolicy> {
    let stated = resource.caching.as_ref().or(version.caching.as_ref())?;
    let takes = |method| resource.methods.contains(method);
    let has_safe = takes(MethodName::Get) || takes(MethodName::Head);
    if stated.mode == CacheMode::Off || !has_safe {
        return None;
    }
    let mut caching = stated.clone();
    // A host that the endpoint sees shapes what it answers.
    let backends = [&version.production, &version.sandbox];
    let keeps_host = backends.into_iter().flatten().any(super::compile::keeps_host);
    caching.by_host |= keeps_host;
    let names = [api.tenant.as_str(), api.name.as_str(), version.version.as_str()];
    let digest = digest(version, resource);
    Some(CachePolicy {
        caching,
        is_open: resource.auth == AuthType::None,
        stem: format!("{}\0{digest:032x}\0{}\0", names.join("\0"), resource.template).into(),
    })
}

/// Digests what shapes the responses of a resource, as far as the gateway knows.
fn digest(version: &ApiVersion, resource: &Resource) -> u128 {
    let ApiVersion {
        production,
        sandbox,
        caching,
        ..
    } = version;
    let mut hasher = SipHasher13::new();
    let shape = (
        production,
        sandbox,
        caching,
        version.security.backend_jwt,
        version.paths,
    );
    format!("{shape:?}").hash(&mut hasher);
    let shape = (resource.auth, &resource.scopes, &resource.caching, resource.methods);
    format!("{shape:?}").hash(&mut hasher);
    hasher.finish128().into()
}

impl Environments {
    /// Tells whether production and sandbox keys lead to different endpoints.
    pub fn differ(self) -> bool {
        self.production && self.sandbox
    }
}
