//! What a catalog states, thing by thing: how each is named, and where in a file it stands.
//!
//! A file is looked at as JSON, as the admin API shows it. Names that do not parse are not listed: such a file is
//! refused as a whole anyway.

use std::fmt;

use serde_json::{Map, Value};

use crate::model::name::{ApiName, KeyManagerName, RuleName, ScopeName, TenantName, TierName, VersionName};
use crate::model::tier::TierLevel;

/// A thing that a catalog states, by its name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Object {
    /// An API with all its versions.
    Api(ApiId),
    /// A counting rule.
    CountingRule(TenantName, RuleName),
    /// A deny rule, which has no name: what it says tells it from others.
    DenyRule(TenantName, String),
    /// A key manager.
    KeyManager(TenantName, KeyManagerName),
    /// A resource of a version.
    Resource(ApiId, VersionName, ResourceId),
    /// A scope, of an API or shared.
    Scope(TenantName, ScopeName),
    /// A tenant.
    Tenant(TenantName),
    /// A tier.
    Tier(TenantName, TierLevel, TierName),
    /// A version of an API, with its resources.
    Version(ApiId, VersionName),
}

/// An API's name, and its tenant's.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ApiId {
    /// The tenant that owns it.
    pub tenant: TenantName,
    /// Its name in the tenant.
    pub name: ApiName,
}

/// What tells a resource from the others of its version: its methods, sorted, and its path, as `GET,POST /videos/{id}`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ResourceId(String);

impl ResourceId {
    /// Names a resource by its methods and its path.
    pub fn new<'m>(methods: impl IntoIterator<Item = &'m str>, path: &str) -> Self {
        let mut methods: Vec<_> = methods.into_iter().collect();
        methods.sort_unstable();
        methods.dedup();
        Self(format!("{} {path}", methods.join(",")))
    }

    /// Reads a name, with the methods in any order; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (methods, path) = text.split_once(' ')?;
        let is_whole = !methods.is_empty() && path.starts_with('/');
        is_whole.then(|| Self::new(methods.split(','), path))
    }

    /// Returns it as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Names the resource that a table states; `None` where it states none.
    pub fn of(stated: &Value) -> Option<Self> {
        let methods = stated.get("methods")?.as_array()?.iter().filter_map(Value::as_str);
        Some(Self::new(methods, text(stated, "path")?))
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ApiId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        of_tenant(f, &self.tenant)
    }
}

/// Writes what it is and its name, such as `version 3.0 of YouTube`; the tenant where it is not the root tenant.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, name, tenant) = match self {
            Self::Api(api) => return write!(f, "API {api}"),
            Self::Version(api, version) => return write!(f, "version {version} of {api}"),
            Self::Resource(api, version, resource) => {
                return write!(f, "resource {resource} of version {version} of {api}");
            }
            Self::Tenant(tenant) => return write!(f, "tenant {tenant}"),
            Self::CountingRule(tenant, name) => ("counting rule", name.as_str(), tenant),
            Self::DenyRule(tenant, id) => ("deny rule", id.as_str(), tenant),
            Self::KeyManager(tenant, name) => ("key manager", name.as_str(), tenant),
            Self::Scope(tenant, key) => ("scope", key.as_str(), tenant),
            Self::Tier(tenant, level, name) => {
                write!(f, "{level} ")?;
                ("tier", name.as_str(), tenant)
            }
        };
        write!(f, "{what} {name}")?;
        of_tenant(f, tenant)
    }
}

fn of_tenant(f: &mut fmt::Formatter<'_>, tenant: &TenantName) -> fmt::Result {
    if *tenant == TenantName::root() {
        Ok(())
    } else {
        write!(f, " ({tenant})")
    }
}

impl Object {
    /// Returns the tenant that it belongs to; a tenant belongs to itself.
    pub fn tenant(&self) -> &TenantName {
        match self {
            Self::Api(api) | Self::Version(api, _) | Self::Resource(api, _, _) => &api.tenant,
            Self::CountingRule(tenant, _)
            | Self::DenyRule(tenant, _)
            | Self::KeyManager(tenant, _)
            | Self::Scope(tenant, _)
            | Self::Tenant(tenant)
            | Self::Tier(tenant, _, _) => tenant,
        }
    }

    /// Returns the list of a file that it stands in; `None` for an API, which is a file.
    pub(super) fn list(&self) -> Option<&'static str> {
        match self {
            Self::Api(_) => None,
            Self::CountingRule(..) => Some("counting_rules"),
            Self::DenyRule(..) => Some("deny"),
            Self::KeyManager(..) => Some("key_managers"),
            Self::Resource(..) => Some("resources"),
            Self::Scope(..) => Some("scopes"),
            Self::Tenant(_) => Some("tenants"),
            Self::Tier(..) => Some("tiers"),
            Self::Version(..) => Some("versions"),
        }
    }

    /// Returns the keys and values by which it is named where it stands.
    pub(super) fn identity(&self) -> Vec<(&'static str, Value)> {
        let tenant = |tenant: &TenantName| ("tenant", Value::from(tenant.as_str()));
        match self {
            Self::Api(api) => vec![("name", api.name.as_str().into()), tenant(&api.tenant)],
            Self::CountingRule(of, name) => vec![("name", name.as_str().into()), tenant(of)],
            Self::DenyRule(of, _) => vec![tenant(of)],
            Self::KeyManager(of, name) => vec![("name", name.as_str().into()), tenant(of)],
            Self::Resource(..) => Vec::new(),
            Self::Scope(of, key) => vec![("key", key.as_str().into()), tenant(of)],
            Self::Tenant(domain) => vec![("domain", domain.as_str().into())],
            Self::Tier(of, level, name) => vec![
                ("name", name.as_str().into()),
                ("level", level.to_string().into()),
                tenant(of),
            ],
            Self::Version(_, version) => vec![("version", version.as_str().into())],
        }
    }
}

/// A step from a file to a thing that it states.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Key(&'static str),
    Index(usize),
}

/// A thing that a file states, and the way to it.
#[derive(Clone, Debug)]
pub(super) struct Stated {
    pub(super) object: Object,
    pub(super) steps: Vec<Step>,
}

impl Stated {
    /// Returns what a file says of it.
    pub(super) fn value(&self, file: &Value) -> Value {
        let found = self.steps.iter().try_fold(file, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        });
        match (&self.object, found) {
            (_, None) => Value::Null,
            (Object::Api(_), Some(Value::Object(file))) => {
                let own = file.iter().filter(|(key, _)| API_KEYS.contains(&key.as_str()));
                Value::Object(own.map(|(key, value)| (key.clone(), value.clone())).collect())
            }
            (_, Some(value)) => value.clone(),
        }
    }
}

/// Lists what a file states, resources included where they are wanted.
pub(super) fn stated_in(file: &Value, with_resources: bool) -> Vec<Stated> {
    let mut found = Vec::new();
    let api = api_of(file);
    if let Some(api) = &api {
        let object = Object::Api(api.clone());
        found.push(Stated {
            object,
            steps: Vec::new(),
        });
        versions(file, api, with_resources, &mut found);
    }
    let owner = api.map(|api| api.tenant);
    for (list, named) in LISTS {
        let elements = file.get(list).and_then(Value::as_array);
        for (index, element) in elements.into_iter().flatten().enumerate() {
            // Scopes in the file of an API are its own; what else stands there says whose it is itself.
            let inherited = owner.clone().filter(|_| list == "scopes");
            let tenant = inherited.or_else(|| tenant_of(element));
            if let Some(object) = tenant.and_then(|tenant| named(element, tenant)) {
                let steps = vec![Step::Key(list), Step::Index(index)];
                found.push(Stated { object, steps });
            }
        }
    }
    found
}

fn versions(file: &Value, api: &ApiId, with_resources: bool, found: &mut Vec<Stated>) {
    let versions = file.get("versions").and_then(Value::as_array);
    for (index, version) in versions.into_iter().flatten().enumerate() {
        let Some(name) = text(version, "version").and_then(|name| VersionName::parse(name).ok()) else {
            continue;
        };
        let steps = vec![Step::Key("versions"), Step::Index(index)];
        let resources = version.get("resources").and_then(Value::as_array);
        let resources = resources.into_iter().flatten().enumerate();
        let object = Object::Version(api.clone(), name.clone());
        let inner = steps.clone();
        found.push(Stated { object, steps });
        for (index, resource) in resources.filter(|_| with_resources) {
            if let Some(id) = ResourceId::of(resource) {
                let object = Object::Resource(api.clone(), name.clone(), id);
                let steps = [inner.as_slice(), &[Step::Key("resources"), Step::Index(index)]].concat();
                found.push(Stated { object, steps });
            }
        }
    }
}

fn api_of(file: &Value) -> Option<ApiId> {
    let name = ApiName::parse(text(file, "name")?).ok()?;
    Some(ApiId {
        tenant: tenant_of(file)?,
        name,
    })
}

fn tenant_of(stated: &Value) -> Option<TenantName> {
    match text(stated, "tenant") {
        Some(tenant) => TenantName::parse(tenant).ok(),
        None => Some(TenantName::root()),
    }
}

type Named = fn(&Value, TenantName) -> Option<Object>;

const LISTS: [(&str, Named); 6] = [
    ("scopes", |stated, tenant| {
        let key = ScopeName::parse(text(stated, "key")?).ok()?;
        Some(Object::Scope(tenant, key))
    }),
    ("tenants", |stated, _| {
        let domain = TenantName::parse(text(stated, "domain")?).ok()?;
        Some(Object::Tenant(domain))
    }),
    ("tiers", |stated, tenant| {
        let name = TierName::parse(text(stated, "name")?).ok()?;
        let level = serde_json::from_value(stated.get("level")?.clone()).ok()?;
        Some(Object::Tier(tenant, level, name))
    }),
    ("counting_rules", |stated, tenant| {
        let name = RuleName::parse(text(stated, "name")?).ok()?;
        Some(Object::CountingRule(tenant, name))
    }),
    ("deny", |stated, tenant| Some(Object::DenyRule(tenant, deny_id(stated)))),
    ("key_managers", |stated, tenant| {
        let name = KeyManagerName::parse(text(stated, "name")?).ok()?;
        Some(Object::KeyManager(tenant, name))
    }),
];

/// Names a deny rule by what it says.
pub fn deny_id(stated: &Value) -> String {
    let mut id = super::etag::digest(stated);
    id.truncate(16);
    id
}

/// The keys of a file that are its API's.
pub const API_KEYS: [&str; 6] = ["name", "context", "tenant", "default_version", "scopes", "versions"];

fn text<'v>(stated: &'v Value, key: &str) -> Option<&'v str> {
    stated.get(key)?.as_str()
}

/// Takes away what is `null`, which is to say nothing.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().map(without_nulls).collect(),
        Value::Object(table) => {
            let said = table.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                said.map(|(key, value)| (key, without_nulls(value)))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => value,
    }
}
