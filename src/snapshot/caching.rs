//! What is kept of a resource's responses, with the part of their key that all of them share.
//!
//! Entries outlive snapshots, so they are found by names. Among the names is a digest of everything that shapes the
//! responses of a version: where any of it changes, what was kept before is not found again.

use std::hash::Hash;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::model::api::{Api, ApiVersion};
use crate::model::auth::AuthType;
use crate::model::backend::Backend;
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
    /// Where its responses are bounded in number, with others of the version that do not state their own.
    pub shelf: Option<Shelf>,
    /// The names of its version, their digest and the template, as keys begin with them.
    stem: Box<str>,
}

/// Responses with a bound of their own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shelf {
    /// Stands for the names of who states the bound.
    pub mark: u64,
    /// How many of them are kept at most.
    pub most: u64,
}

impl CachePolicy {
    /// Returns what keys of its responses begin with: names, each ended by a NUL, which no name holds.
    pub fn stem(&self) -> &str {
        &self.stem
    }
}

/// Compiles what is kept of a resource's responses; `None` where nothing is.
pub(super) fn of_resource(api: &Api, version: &ApiVersion, resource: &Resource) -> Option<CachePolicy> {
    let stated = resource.caching.as_ref().or(version.caching.as_ref())?;
    // Pingora (0.9.1) asks by GET for what is kept, whichever of the two the caller sent.
    if stated.mode == CacheMode::Off || !resource.methods.contains(MethodName::Get) {
        return None;
    }
    let mut caching = Caching::clone(stated);
    // A host that the endpoint sees shapes what it answers.
    let backends = [&version.production, &version.sandbox];
    let keeps_host = backends
        .into_iter()
        .flatten()
        .any(|backend| super::compile::keeps_host(backend));
    caching.by_host |= keeps_host;
    let names = [api.tenant.as_str(), api.name.as_str(), version.version.as_str()];
    // What the backend is told of a caller has the context in it.
    let context = api.context.full(&version.version);
    let digest = digest(version, resource);
    // Who states it, not what it shapes: entries go on where only their number changes.
    let own = resource.caching.as_ref().map(|_| resource.template.to_string());
    let shelf = stated.max_entries.map(|most| Shelf {
        mark: mark(&(names, own)),
        most: most.get(),
    });
    Some(CachePolicy {
        caching,
        shelf,
        is_open: resource.auth == AuthType::None,
        stem: format!(
            "{}\0{context}\0{digest:032x}\0{}\0",
            names.join("\0"),
            resource.template
        )
        .into(),
    })
}

/// Digests what shapes the responses of a resource, as far as the gateway knows: whom it asks and how, what it tells
/// them, and what it keeps. How long it waits, and whom it asks first, shapes none.
fn digest(version: &ApiVersion, resource: &Resource) -> u128 {
    let mut hasher = SipHasher13::new();
    for backend in [&version.production, &version.sandbox] {
        let shape = backend.as_ref().map(|backend| {
            let Backend {
                endpoints,
                host,
                protocol,
                tls,
                ..
            } = &**backend;
            (endpoints, host, protocol, tls)
        });
        shape.hash(&mut hasher);
    }
    let security = &version.security;
    let told = (security.backend_jwt, &security.authorization, &security.api_key);
    (told, version.paths, shaping(version.caching.as_deref())).hash(&mut hasher);
    let kept = shaping(resource.caching.as_deref());
    (resource.auth, &resource.scopes, kept, resource.methods).hash(&mut hasher);
    hasher.finish128().into()
}

/// Leaves out how many are kept, which shapes none.
fn shaping(caching: Option<&Caching>) -> Option<Caching> {
    caching.cloned().map(|caching| Caching {
        max_entries: None,
        ..caching
    })
}

fn mark(names: &impl Hash) -> u64 {
    let mut hasher = SipHasher13::new();
    names.hash(&mut hasher);
    hasher.finish128().h1
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::model::backend::HostHeader;
    use crate::model::catalog::Catalog;
    use crate::model::source::{NoReferences, Source};

    const API: &str = r#"
name = "Orders"
context = "/orders"

[[versions]]
version = "1.0"
cache = { timeout = "60s" }
endpoints = { production = "https://backend.test" }
resources = [{ path = "/orders/{id}", methods = ["GET"] }]
"#;

    fn production(version: &mut ApiVersion) -> &mut Backend {
        Arc::make_mut(version.production.as_mut().unwrap())
    }

    fn edited(edit: impl FnOnce(&mut ApiVersion)) -> String {
        let source = Source {
            name: "orders.toml".into(),
            text: API.into(),
        };
        let catalog = Catalog::believe(&[source], &NoReferences).unwrap();
        let api = catalog.apis().first().unwrap();
        let mut version = api.versions.first().unwrap().clone();
        edit(&mut version);
        let policy = of_resource(api, &version, version.resources.first().unwrap()).unwrap();
        policy.stem().to_owned()
    }

    #[test]
    fn whatever_shapes_responses_begins_with_none() {
        let edits: [fn(&mut ApiVersion); 11] = [
            |version| production(version).endpoints = vec!["https://other.test".parse().unwrap()],
            |version| production(version).tls.ca = Some("one".to_owned()),
            |version| production(version).tls.ca = Some("other".to_owned()),
            |version| production(version).tls.identity = Some(("a".to_owned(), "b".to_owned())),
            |version| production(version).host = HostHeader::Keep,
            |version| version.sandbox.clone_from(&version.production.clone()),
            |version| version.security.backend_jwt = true,
            |version| version.caching.as_mut().unwrap().timeout = Some(Duration::from_secs(61)),
            |version| version.caching.as_mut().unwrap().keeps_parts = true,
            |version| version.caching.as_mut().unwrap().keeps_posts = true,
            |version| version.resources.first_mut().unwrap().auth = AuthType::None,
        ];
        let mut stems: Vec<String> = edits.into_iter().map(edited).chain([edited(|_| {})]).collect();
        let count = stems.len();
        stems.sort_unstable();
        stems.dedup();
        assert_eq!(stems.len(), count);
    }

    #[test]
    fn how_long_an_endpoint_is_waited_for_shapes_nothing() {
        let patient = edited(|version| {
            production(version).timeouts.total = Duration::from_secs(1);
            version.tier = None;
        });
        assert_eq!(patient, edited(|_| {}));
    }
}
