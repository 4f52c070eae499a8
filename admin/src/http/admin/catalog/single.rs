//! An edit of one thing, as one of several: what is done, to what, and what it becomes.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::things::deny_rule;
use crate::control::edit::{Edit, OnlyIf};
use crate::control::object::{ApiId, Object, ResourceId};
use crate::http::admin::principal::Principal;
use crate::http::admin::{Answer, query};
use crate::http::problem::Problem;
use crate::model::name::{ApiName, KeyManagerName, NameError, RuleName, ScopeName, TenantName, TierName, VersionName};
use crate::model::tier::TierLevel;

/// An edit: what would be done by the method at the path.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Single {
    /// What is done.
    method: Method,
    /// What is edited.
    target: Target,
    /// What it becomes; with `DELETE`, nothing.
    #[serde(default)]
    body: Option<Value>,
    /// The entity tag that it has to have.
    #[serde(default)]
    if_match: Option<String>,
}

/// What is done to a thing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    /// It goes.
    Delete,
    /// It is made, and must not be there.
    Post,
    /// It is made or replaced.
    Put,
}

/// A thing, by its kind and its names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Target {
    /// An API.
    Api {
        /// Its tenant; the caller's own by default.
        tenant: Option<String>,
        /// Its name.
        api: String,
    },
    /// A version.
    Version {
        /// The tenant of its API; the caller's own by default.
        tenant: Option<String>,
        /// The name of its API.
        api: String,
        /// The version.
        version: String,
    },
    /// A resource.
    Resource {
        /// The tenant of its API; the caller's own by default.
        tenant: Option<String>,
        /// The name of its API.
        api: String,
        /// Its version.
        version: String,
        /// Its methods and its path, such as `GET,POST /videos/{id}`.
        resource: String,
    },
    /// A scope.
    Scope {
        /// Its tenant; the caller's own by default.
        tenant: Option<String>,
        /// Its key.
        key: String,
        /// The API that a new one belongs to; shared without one.
        api: Option<String>,
    },
    /// A tenant.
    Tenant {
        /// Its domain.
        domain: String,
    },
    /// A tier.
    Tier {
        /// Its tenant; the caller's own by default.
        tenant: Option<String>,
        /// What it counts.
        level: TierLevel,
        /// Its name.
        name: String,
    },
    /// A counting rule.
    CountingRule {
        /// Its tenant; the caller's own by default.
        tenant: Option<String>,
        /// Its name.
        name: String,
    },
    /// A deny rule.
    DenyRule {
        /// Its tenant; the caller's own by default.
        tenant: Option<String>,
        /// Its id; that of what it becomes where it is left out.
        id: Option<String>,
    },
    /// A key manager.
    KeyManager {
        /// Its tenant; the caller's own by default.
        tenant: Option<String>,
        /// Its name.
        name: String,
    },
}

impl Single {
    /// Says it to the writer of the catalog.
    pub(super) fn edit(self, who: &Principal) -> Answer<Edit> {
        let (object, within) = self.target.object(who, self.body.as_ref())?;
        let marks = self
            .if_match
            .map(|tag| OnlyIf::Is(vec![tag.trim_matches('"').to_owned()]));
        let (to, only_if) = match (self.method, self.body) {
            (Method::Delete, None) => (None, marks.unwrap_or_default()),
            (Method::Post, Some(body)) => (Some(body), OnlyIf::Absent),
            // What a deny rule says is its name: another one is another rule.
            (Method::Put, Some(body)) if matches!(object, Object::DenyRule(..)) => {
                (Some(body), marks.unwrap_or(OnlyIf::Present))
            }
            (Method::Put, Some(body)) => (Some(body), marks.unwrap_or_default()),
            (Method::Delete, Some(_)) => return Err(Problem::flawed("/changes", "`DELETE` takes no `body`")),
            (Method::Post | Method::Put, None) => return Err(Problem::flawed("/changes", "`body` is missing")),
        };
        Ok(Edit {
            object,
            to,
            only_if,
            within,
        })
    }
}

impl Target {
    /// Names the thing, and the API that a new one belongs to.
    fn object(self, who: &Principal, body: Option<&Value>) -> Answer<(Object, Option<ApiId>)> {
        let of = |tenant: Option<String>| who.tenant(query::tenant(tenant.as_deref())?.as_ref());
        let nameless = |error: NameError| Problem::flawed("/changes", error.to_string());
        let api = |tenant: Option<String>, name: &str| {
            let (tenant, name) = (of(tenant)?, ApiName::parse(name).map_err(nameless)?);
            Ok::<_, Problem>(ApiId { tenant, name })
        };
        let label = |version: &str| VersionName::parse(version).map_err(nameless);
        Ok((
            match self {
                Self::Api { tenant, api: name } => Object::Api(api(tenant, &name)?),
                Self::Version {
                    tenant,
                    api: name,
                    version,
                } => Object::Version(api(tenant, &name)?, label(&version)?),
                Self::Resource {
                    tenant,
                    api: name,
                    version,
                    resource,
                } => {
                    let id = ResourceId::parse(&resource);
                    let id = id.ok_or_else(|| Problem::flawed("/changes", "a resource is named `GET,POST /path`"))?;
                    Object::Resource(api(tenant, &name)?, label(&version)?, id)
                }
                Self::Scope {
                    tenant,
                    key,
                    api: within,
                } => {
                    let within = within.map(|name| api(tenant.clone(), &name)).transpose()?;
                    let key = ScopeName::parse(&key).map_err(nameless)?;
                    return Ok((Object::Scope(of(tenant)?, key), within));
                }
                Self::Tenant { domain } => Object::Tenant(TenantName::parse(&domain).map_err(nameless)?),
                Self::Tier { tenant, level, name } => {
                    Object::Tier(of(tenant)?, level, TierName::parse(&name).map_err(nameless)?)
                }
                Self::CountingRule { tenant, name } => {
                    Object::CountingRule(of(tenant)?, RuleName::parse(&name).map_err(nameless)?)
                }
                Self::DenyRule { tenant, id } => {
                    let tenant = of(tenant)?;
                    match (id, body) {
                        (Some(id), _) => Object::DenyRule(tenant, id),
                        (None, Some(body)) => deny_rule(body, tenant),
                        (None, None) => return Err(Problem::flawed("/changes", "`id` is missing")),
                    }
                }
                Self::KeyManager { tenant, name } => {
                    Object::KeyManager(of(tenant)?, KeyManagerName::parse(&name).map_err(nameless)?)
                }
            },
            None,
        ))
    }
}
