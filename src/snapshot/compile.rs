//! Catalog to Snapshot: every lookup that a request would have to make is made here, once.
//!
//! The catalog is believed, so what can still go wrong is a contradiction between the two packages; it is reported
//! like any other violation instead of being trusted.

use super::mounts::Mount;
use super::routes::Routes;
use super::{Route, RouteId, Snapshot, Version, VersionId};
use crate::model::api::{Api, ApiVersion};
use crate::model::auth::AuthType;
use crate::model::backend::HostHeader;
use crate::model::catalog::Catalog;
use crate::model::lifecycle::LifecycleState;
use crate::model::resource::Resource;
use crate::model::tenant::TenantState;
use crate::model::violation::Violation;

/// Compiles a catalog.
///
/// # Errors
///
/// Returns every mount that is taken twice and every resource that could not be protected.
pub fn compile(revision: u64, catalog: &Catalog) -> Result<Snapshot, Vec<Violation>> {
    let mut compiler = Compiler {
        snapshot: Snapshot {
            revision,
            ..Snapshot::default()
        },
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
    for api in catalog.apis() {
        compiler.api(api);
    }
    if compiler.violations.is_empty() {
        Ok(compiler.snapshot)
    } else {
        Err(compiler.violations)
    }
}

struct Compiler {
    snapshot: Snapshot,
    violations: Vec<Violation>,
}

impl Compiler {
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
            let default = default_version(api).and_then(|index| ids.get(index).copied());
            self.mount(api, &bare, Mount::Default(default));
        }
    }

    fn mount(&mut self, api: &Api, context: &str, mount: Mount) {
        if self.snapshot.mounts.mount(api.tenant.as_str(), context, mount).is_err() {
            self.refuse(
                api,
                format!("context `{context}` of tenant `{}` cannot be mounted", api.tenant),
            );
        }
    }

    fn version(&mut self, api: &Api, version: &ApiVersion) -> VersionId {
        let mut routes = Routes::default();
        for resource in &version.resources {
            let route = self.route(api, resource);
            routes.add(&resource.template, resource.methods, route);
        }
        let id = VersionId(index(self.snapshot.versions.len()));
        self.snapshot.versions.push(Version {
            tenant: api.tenant.as_str().into(),
            api: api.name.as_str().into(),
            version: version.version.as_str().into(),
            state: version.state,
            transports: version.transports,
            paths: version.paths,
            max_request_body: version.max_request_body.map(|size| size.0),
            keeps_host: version.production.host == HostHeader::Keep,
            security: version.security.clone(),
            is_free: version.tiers.is_empty(),
            routes,
        });
        id
    }

    fn route(&mut self, api: &Api, resource: &Resource) -> RouteId {
        if resource.auth != AuthType::None {
            self.refuse(
                api,
                format!(
                    "resource `{}` demands a credential that is not checked",
                    resource.template
                ),
            );
        }
        let id = RouteId(index(self.snapshot.routes.len()));
        self.snapshot.routes.push(Route {
            template: resource.template.as_str().into(),
            methods: resource.methods,
            auth: resource.auth,
            scopes: Vec::new(),
        });
        id
    }

    fn refuse(&mut self, api: &Api, message: String) {
        self.violations.push(Violation {
            file: String::new(),
            line: 0,
            column: 0,
            path: format!("{}/{}", api.tenant, api.name),
            message,
            fix: None,
        });
    }
}

/// Picks the version that answers where none is named: the first of the preference list that is published. While none
/// is, the first that callers are told of answers as its own state demands, so that deprecating or blocking the only
/// default does not turn it into "not found".
fn default_version(api: &Api) -> Option<usize> {
    let preferred = || {
        api.default_version.iter().filter_map(|name| {
            let index = api.versions.iter().position(|version| version.version == *name)?;
            api.versions.get(index).map(|version| (index, version.state))
        })
    };
    preferred()
        .find(|(_, state)| *state == LifecycleState::Published)
        .or_else(|| preferred().find(|(_, state)| state.is_known()))
        .map(|(index, _)| index)
}

/// Returns a vector's length as an index; a catalog that does not fit 32 bits does not fit memory either.
fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
