//! What an operator asks to be forgotten, and which entries that names.
//!
//! A purge is in force when it returns: nothing that was kept before, or asked for before, is used after it. One that is
//! soft leaves entries as stale, to be validated, and to bridge failures where their origins allow that.

use std::sync::Arc;

use reqwest::Url;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::opened::Cache;
use super::storage::{Kind, Owner, Scope, Selector};
use super::{key, reference};
use crate::model::method::MethodName;
use crate::served::Served;
use crate::snapshot::live::Live;
use crate::snapshot::{Found, Mount, Snapshot, VersionId};
use crate::target::{Target, segments};

/// What an operator asks to be forgotten: one of `everything`, `url`, `tag` and `tenant` (with `api`, `version`,
/// `prefix`).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Purge {
    /// All of it.
    pub everything: bool,
    /// What a caller gets at this URL, whoever calls and whichever variant it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What its origin gave this tag, within a tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The tenant; `carbon.super` where another part is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// All versions of an API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// One version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What begins so, below the context and the version: `/items` names `/items/7` and `/itemsets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Whether entries become stale, instead of being forgotten.
    pub soft: bool,
}

/// Why nothing is purged.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum PurgeError {
    /// More is named than one thing, or nothing.
    #[error("name one of `everything`, `url`, `tag`, and `tenant` or `api` (with `version`, `prefix`)")]
    Ambiguous,
    /// It is no URL.
    #[error("`{0}` is no URL: write a path such as `/orders/1.0/items/7`, or `http://host/path`")]
    NoUrl(String),
    /// The catalog does not hold it.
    #[error("no {0} is named `{1}`")]
    Unknown(&'static str, String),
    /// No version answers there.
    #[error("no API answers at `{0}`")]
    Unserved(String),
    /// The disk cannot be told.
    #[error(
        "it is forgotten until the next start, but the disk could not be told: {0}; purge again, or empty the directory once the gateway has stopped"
    )]
    Untold(String),
}

/// Purges what operators ask for.
#[derive(Debug)]
pub struct Purger {
    /// What is served.
    pub live: Arc<Live<Served>>,
    /// What is kept.
    pub cache: Arc<Cache>,
}

impl Purger {
    /// Purges, at once and for the next process, too. It blocks where there is a disk.
    ///
    /// # Errors
    ///
    /// Returns why nothing is purged, or not for the next process.
    pub fn purge(&self, purge: &Purge) -> Result<(), PurgeError> {
        self.forget(purge)?;
        self.cache
            .conclude()
            .map_err(|error| PurgeError::Untold(error.to_string()))
    }

    fn forget(&self, purge: &Purge) -> Result<(), PurgeError> {
        let kind = if purge.soft { Kind::Soft } else { Kind::Hard };
        let served = self.live.current();
        let tenant = purge.tenant.as_deref().unwrap_or(ROOT);
        let parts = purge.tenant.is_some() || purge.api.is_some() || purge.version.is_some() || purge.prefix.is_some();
        match (purge.everything, purge.url.as_deref(), purge.tag.as_deref()) {
            (true, None, None) if !parts => self.cache.purge(&Selector::Scope(Scope::Everything), kind),
            (false, Some(url), None) if !parts => self.url(url, &served.snapshot, kind)?,
            (false, None, Some(tag)) if purge.api.is_none() && purge.version.is_none() && purge.prefix.is_none() => {
                self.cache.purge(&Selector::Tag { tenant, tag }, kind);
            }
            (false, None, None) if parts => {
                let within = scope(purge, tenant, &served.snapshot)?;
                let selector = match &purge.prefix {
                    Some(prefix) => Selector::Prefix { within, prefix },
                    None => Selector::Scope(within),
                };
                self.cache.purge(&selector, kind);
            }
            _ => return Err(PurgeError::Ambiguous),
        }
        Ok(())
    }

    /// Returns the tenant whose API answers at a URL.
    pub fn tenant_of(&self, text: &str) -> Option<String> {
        let served = self.live.current();
        let found = Addressed::find(text, &served.snapshot).ok()?;
        let (tenant, ..) = served.snapshot.version(found.id).names();
        Some(tenant.to_owned())
    }

    fn url(&self, text: &str, snapshot: &Snapshot, kind: Kind) -> Result<(), PurgeError> {
        let found = Addressed::find(text, snapshot)?;
        for query in reference::queries(text, &found.url) {
            forget(&self.cache, found.id, (&found.path, query), (snapshot, kind));
        }
        Ok(())
    }
}

/// What a URL addresses.
struct Addressed {
    url: Url,
    id: VersionId,
    /// Below the context of the version.
    path: String,
}

impl Addressed {
    fn find(text: &str, snapshot: &Snapshot) -> Result<Self, PurgeError> {
        let no_url = || PurgeError::NoUrl(text.to_owned());
        let base = Url::parse("http://localhost").map_err(|_| no_url())?;
        let url = base.join(text).map_err(|_| no_url())?;
        let target = Target::parse(url.path().as_bytes()).map_err(|_| no_url())?;
        let host = reference::host(&url).unwrap_or_default();
        let place = snapshot.find_place(host, target.as_str());
        let unserved = || PurgeError::Unserved(text.to_owned());
        let place = place.ok_or_else(unserved)?;
        let id = match place.mount {
            Mount::Named(id) | Mount::Default(Some(id)) => id,
            Mount::Default(None) => return Err(unserved()),
        };
        let rest = target.as_str().get(place.rest..).filter(|rest| !rest.is_empty());
        let path = rest.unwrap_or("/").to_owned();
        Ok(Self { url, id, path })
    }
}

/// Forgets what a path below the context of a version and a query name, as far as anything is kept there; tells whether
/// anything may be.
pub fn forget(cache: &Cache, id: VersionId, (path, query): (&str, &str), (snapshot, kind): (&Snapshot, Kind)) -> bool {
    let Found::Route(route) = snapshot.find_route(id, &segments(path), Some(MethodName::Get)) else {
        return false;
    };
    let Some(policy) = &snapshot.route(route).cache else {
        return false;
    };
    let (tenant, api, version) = snapshot.version(id).names();
    let target = key::target(path, query, &policy.caching.query);
    let selector = Selector::Target {
        owner: Owner { tenant, api, version },
        target: &target,
    };
    cache.purge(&selector, kind);
    true
}

/// Finds the part of the cache that is named, which must be one that the catalog holds.
fn scope<'p>(purge: &'p Purge, tenant: &'p str, snapshot: &Snapshot) -> Result<Scope<'p>, PurgeError> {
    let names = || snapshot.versions().iter().map(|version| version.names());
    match (purge.api.as_deref(), purge.version.as_deref()) {
        (None, None) if names().any(|name| name.0 == tenant) => Ok(Scope::Tenant(tenant)),
        (None, None) => Err(PurgeError::Unknown("tenant with APIs", tenant.to_owned())),
        (None, Some(_)) => Err(PurgeError::Ambiguous),
        (Some(api), None) if names().any(|name| (name.0, name.1) == (tenant, api)) => Ok(Scope::Api { tenant, api }),
        (Some(api), Some(version)) if names().any(|name| name == (tenant, api, version)) => {
            Ok(Scope::Version(Owner { tenant, api, version }))
        }
        (Some(api), None) => Err(PurgeError::Unknown("API", format!("{tenant}/{api}"))),
        (Some(api), Some(version)) => Err(PurgeError::Unknown("version", format!("{tenant}/{api}/{version}"))),
    }
}

/// Who owns what names no tenant.
const ROOT: &str = "carbon.super";
