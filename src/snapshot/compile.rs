//! Catalog to Snapshot: every lookup that a request would have to make is made here, once.
//!
//! The catalog is believed, so what can still go wrong is a contradiction between the two packages; it is reported
//! like any other violation instead of being trusted.

use std::collections::HashMap;

use super::challenge::{Challenges, insufficient_scope};
use super::compile_tiers::TierCompiler;
use super::mounts::Mount;
use super::routes::Routes;
use super::{
    Environments, KeyManagers, Route, RouteId, Scope, ScopeId, Snapshot, Subscribers, Version, VersionId, caching,
    protection,
};
use crate::courtesy::others_first;
use crate::model::api::{Api, ApiVersion};
use crate::model::backend::{Backend, HostHeader};
use crate::model::catalog::Catalog;
use crate::model::lifecycle::LifecycleState;
use crate::model::name::{ScopeName, TenantName};
use crate::model::place::Place;
use crate::model::resource::Resource;
use crate::model::security::{CredentialFields, Security};
use crate::model::tenant::TenantState;
use crate::model::violation::Violation;
use crate::quota::Secret;

/// Compiles a catalog for a server that leaves the fields of credentials as they usually are, and keeps no counts
/// beyond its own life.
///
/// # Errors
///
/// Returns every mount that is taken twice and everything that could not be protected.
pub fn compile(revision: u64, catalog: &Catalog) -> Result<Snapshot, Vec<Violation>> {
    compile_for(revision, catalog, (&CredentialFields::default(), &Secret::new([0; 16])))
}

/// Compiles a catalog for a server that names the fields of credentials where nobody else does, and the secret that its
/// counts are found by.
///
/// # Errors
///
/// Returns every mount that is taken twice and everything that could not be protected.
pub fn compile_for(
    revision: u64,
    catalog: &Catalog,
    (server, secret): (&CredentialFields, &Secret),
) -> Result<Snapshot, Vec<Violation>> {
    let mut compiler = Compiler {
        snapshot: Snapshot {
            revision,
            key_managers: KeyManagers::of(catalog.key_managers()),
            fields: server.clone(),
            ..Snapshot::default()
        },
        scopes: HashMap::new(),
        challenges: Challenges::default(),
        tiers: TierCompiler::new(catalog, secret),
        server,
        violations: Vec::new(),
    };
    for tenant in catalog.tenants() {
        let hostnames = tenant.hostnames.iter().map(|host| host.as_str());
        let is_active = tenant.state == TenantState::Active;
        compiler
            .snapshot
            .mounts
            .add_tenant(tenant.domain.as_str(), hostnames, is_active);
    }
    compiler.scopes(catalog);
    compiler.reserve(catalog);
    for api in catalog.apis() {
        others_first();
        compiler.api(api);
    }
    compiler.refuse_tiers();
    if compiler.violations.is_empty() {
        compiler.snapshot.tiers = compiler.tiers.finish();
        Ok(compiler.snapshot)
    } else {
        Err(compiler.violations)
    }
}

struct Compiler<'a> {
    snapshot: Snapshot,
    scopes: HashMap<(&'a TenantName, &'a ScopeName), ScopeId>,
    challenges: Challenges,
    tiers: TierCompiler<'a>,
    server: &'a CredentialFields,
    violations: Vec<Violation>,
}

impl<'a> Compiler<'a> {
    fn scopes(&mut self, catalog: &'a Catalog) {
        for scope in catalog.scopes() {
            let id = ScopeId(index(self.snapshot.scopes.len()));
            self.scopes.insert((&scope.tenant, &scope.key), id);
            self.snapshot.scopes.push(Scope {
                key: scope.key.as_str().into(),
                roles: scope.roles.iter().map(|role| role.as_str().into()).collect(),
                place: scope.place.clone(),
            });
        }
    }

    /// Makes room for what there is, and none to spare.
    fn reserve(&mut self, catalog: &Catalog) {
        let versions = || catalog.apis().iter().flat_map(|api| &api.versions);
        let resources = versions().map(|version| version.resources.len()).sum();
        self.snapshot.versions.reserve_exact(versions().count());
        self.snapshot.routes.reserve_exact(resources);
    }

    fn api(&mut self, api: &Api) {
        let mut ids = Vec::with_capacity(api.versions.len());
        for version in &api.versions {
            let id = self.version(api, version);
            self.mount(api, &api.context.full(&version.version), Mount::Named(id));
            ids.push(id);
        }
        if api.default_version.is_empty() {
            return;
        }
        if let Some(bare) = api.context.bare() {
            let default = api
                .answering()
                .map(|(index, _)| index)
                .and_then(|index| ids.get(index).copied());
            self.mount(api, &bare, Mount::Default(default));
        }
    }

    fn mount(&mut self, api: &Api, context: &str, mount: Mount) {
        if self.snapshot.mounts.mount(api.tenant.as_str(), context, mount).is_err() {
            let message = format!("context `{context}` of tenant `{}` cannot be mounted", api.tenant);
            self.refuse(api, &Place::default(), message);
        }
    }

    fn version(&mut self, api: &Api, version: &ApiVersion) -> VersionId {
        let security = version.security.settle(self.server);
        for message in protection::of_version(version, &security, self.server) {
            self.refuse(api, &version.place, message);
        }
        let (mut routes, mut is_cached) = (Routes::default(), false);
        for resource in &version.resources {
            let route = self.route((api, version), resource, &security);
            is_cached |= self.snapshot.route(route).cache.is_some();
            routes.add(&resource.template, resource.methods, route);
        }
        let backends = [&version.production, &version.sandbox];
        let keeps_host = backends.into_iter().flatten().any(|backend| keeps_host(backend));
        self.snapshot.takes_certificates |= security.accepts.mutual_tls && version.state.is_served();
        let id = VersionId(index(self.snapshot.versions.len()));
        let counted = self.tiers.version(api, version);
        for message in protection::of_tiers(version, &counted) {
            self.refuse(api, &version.place, message);
        }
        self.snapshot.versions.push(Version {
            tenant: api.tenant.as_str().into(),
            api: api.name.as_str().into(),
            version: version.version.as_str().into(),
            context: api.context.full(&version.version).into(),
            state: version.state,
            transports: version.transports,
            paths: version.paths,
            max_request_body: version.max_request_body.map(|size| size.0),
            keeps_host,
            challenge: self.challenges.of(api.tenant.as_str(), &security),
            security,
            is_free: version.tiers.is_empty() || version.state == LifecycleState::Prototyped,
            subscribers: Subscribers::of(&api.tenant, &version.subscribers),
            environments: Environments {
                production: version.production.is_some(),
                sandbox: version.sandbox.is_some(),
            },
            is_cached,
            counted,
            place: version.place.clone(),
            routes,
        });
        id
    }

    fn route(&mut self, (api, version): (&Api, &ApiVersion), resource: &Resource, security: &Security) -> RouteId {
        let known = resource.scopes.iter();
        let scopes: Vec<_> = known
            .filter_map(|key| self.scopes.get(&(&api.tenant, key)).copied())
            .collect();
        if let Some(message) = protection::of_resource(resource, security, scopes.len()) {
            self.refuse(api, &resource.place, message);
        }
        let tier = self.tiers.of_resource(&api.tenant, resource.tier.as_ref());
        if tier.is_none() && resource.tier.is_some() {
            let message = format!(
                "resource `{}` has a tier that the catalog does not hold",
                resource.template
            );
            self.refuse(api, &resource.place, message);
        }
        let keys = resource.scopes.iter().map(ScopeName::as_str);
        let challenge = (!scopes.is_empty()).then(|| insufficient_scope(api.tenant.as_str(), keys));
        let id = RouteId(index(self.snapshot.routes.len()));
        self.snapshot.routes.push(Route {
            template: resource.template.as_str().into(),
            methods: resource.methods,
            auth: resource.auth,
            scopes,
            challenge,
            tier: tier.map(|id| (id, self.tiers.subjects(api, version, resource))),
            cache: caching::of_resource(api, version, resource).map(Box::new),
            place: resource.place.clone(),
        });
        id
    }

    fn refuse_tiers(&mut self) {
        for (place, message) in std::mem::take(&mut self.tiers.refused) {
            self.violations.push(blamed(&place, "tiers".to_owned(), message));
        }
    }

    fn refuse(&mut self, api: &Api, place: &Place, message: String) {
        let path = format!("{}/{}", api.tenant, api.name);
        self.violations.push(blamed(place, path, message));
    }
}

/// Tells whether an endpoint sees the caller's `Host`.
pub(super) fn keeps_host(backend: &Backend) -> bool {
    backend.host == HostHeader::Keep
}

fn blamed(place: &Place, path: String, message: String) -> Violation {
    Violation {
        file: place.file.to_string(),
        line: place.line,
        column: usize::from(place.line > 0),
        path,
        message,
        fix: None,
    }
}

/// Returns a vector's length as an index; a catalog that does not fit 32 bits does not fit memory either.
fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::model::source::{NoReferences, Source};

    const CATALOG: &str = r#"
name = "News"
context = "/news"
tenant = "acme.example"

[[scopes]]
key = "read"
roles = ["reader"]

[[versions]]
version = "1"
state = "published"
security = ["oauth2", "api_key"]
api_key_header = "X-Own"
key_managers = ["Keycloak"]
endpoints = { sandbox = "http://a" }

[[versions.resources]]
path = "/a"
methods = ["GET"]
scopes = ["read"]

[[versions]]
version = "2"
endpoints = { production = "http://a" }
resources = [{ path = "/", methods = ["GET"] }]

[[tenants]]
domain = "acme.example"
authorization_header = "X-Tenant"
api_key_header = "X-Key"

[[key_managers]]
name = "Keycloak"
tenant = "acme.example"
issuer = "https://idp.example"
jwks_url = "https://idp.example/jwks"
"#;

    fn snapshot() -> Snapshot {
        let source = Source {
            name: "news.toml".into(),
            text: CATALOG.into(),
        };
        let server = CredentialFields {
            authorization: HeaderName::from_static("x-server"),
            ..CredentialFields::default()
        };
        let catalog = Catalog::believe(&[source], &NoReferences).unwrap();
        compile_for(7, &catalog, (&server, &Secret::new([7; 16]))).unwrap()
    }

    #[test]
    fn a_version_beats_its_tenant_and_a_tenant_the_server() {
        let snapshot = snapshot();
        let fields = |index: usize| {
            let security = &snapshot.versions()[index].security;
            (security.authorization.as_str(), security.api_key.as_str())
        };
        assert_eq!(fields(0), ("x-tenant", "x-own"));
        assert_eq!(fields(1), ("x-tenant", "x-key"));
        assert_eq!(snapshot.fields().authorization.as_str(), "x-server");
    }

    #[test]
    fn everything_says_where_it_was_stated() {
        let snapshot = snapshot();
        let version = &snapshot.versions()[0];
        assert_eq!(version.place.to_string(), "news.toml:10");
        assert_eq!(&*version.context, "/news/1");
        assert_eq!(snapshot.routes[0].place.to_string(), "news.toml:18");
        let scope = snapshot.scope(snapshot.routes[0].scopes[0]);
        assert_eq!(
            (&*scope.key, scope.place.to_string()),
            ("read", "news.toml:6".to_owned())
        );
    }

    #[test]
    fn key_managers_are_found_in_their_own_tenant() {
        let snapshot = snapshot();
        let known = snapshot.key_managers();
        let found = known.by_issuer("acme.example", "https://idp.example").unwrap();
        assert_eq!(found.name.as_str(), "Keycloak");
        assert!(known.by_name("acme.example", "Keycloak").is_some());
        assert!(known.by_issuer("carbon.super", "https://idp.example").is_none());
        assert_eq!((known.of_tenant("acme.example").len(), known.iter().count()), (1, 1));
    }

    #[test]
    fn endpoints_are_known_by_the_type_of_key_that_they_are_for() {
        use crate::registry::key_pair::KeyType::{Production, Sandbox};
        let snapshot = snapshot();
        let have = |index: usize| {
            let environments = snapshot.versions()[index].environments;
            (environments.have(Production), environments.have(Sandbox))
        };
        assert_eq!((have(0), have(1)), ((false, true), (true, false)));
    }
}
