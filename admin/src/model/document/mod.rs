//! The raw serde shape of a catalog file: what was written, not yet believed.
//!
//! These types mirror the file and nothing else; their comments are the descriptions of the JSON Schema, written for
//! whoever edits a file. What makes a document true is `catalog`'s business.

mod cache;
mod endpoints;
mod key_manager;
mod several;
mod throttling;
mod version;

use schemars::JsonSchema;
use serde::Deserialize;

use super::tenant::TenantState;

pub use cache::Cache;
pub use endpoints::{BalanceName, EndpointTls, Endpoints, HealthChecks};
pub use key_manager::{Claims, Introspection, KeyManager};
pub use several::Several;
pub use throttling::{Condition, CountingRule, DenyRule, Group, Limit, MaxTps, Tier};
pub use version::{PathAllowance, Resource, SecurityName, Subscribers, TransportName, Version};

/// A file of the catalog: one API with all its versions, or tenants, tiers and shared scopes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Document {
    /// The API's name; unique in its tenant.
    pub name: Option<String>,
    /// The path prefix of the API, such as `/youtube`. The version follows it, or stands where it holds `{version}`.
    pub context: Option<String>,
    /// The tenant that owns the API; `carbon.super` by default.
    pub tenant: Option<String>,
    /// The versions that answer where the path names none, in order of preference: the first one that is published does.
    pub default_version: Several,
    /// The API's own scopes; in a file without an API, scopes that the APIs of a tenant share.
    pub scopes: Vec<Scope>,
    /// The versions of the API.
    pub versions: Vec<Version>,
    /// Tenants, each the owner of APIs, tiers and scopes.
    pub tenants: Vec<Tenant>,
    /// Tiers: named sets of quotas.
    pub tiers: Vec<Tier>,
    /// Counting rules: quotas for whatever a key tells apart, beside all tiers.
    pub counting_rules: Vec<CountingRule>,
    /// Deny rules: whose requests are refused.
    pub deny: Vec<DenyRule>,
    /// Key managers: issuers of tokens other than the gateway itself.
    pub key_managers: Vec<KeyManager>,
}

/// A tenant: reached by `/t/<domain>/` or by a hostname of its own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// Its name, a domain in lower case. `carbon.super` is always there and needs no `/t/`.
    pub domain: String,
    /// Hostnames that lead to this tenant alone, in lower case and without a port.
    #[serde(default)]
    pub hostnames: Vec<String>,
    /// Whether its APIs are served; `active` by default.
    #[serde(default)]
    pub state: TenantState,
    /// The header field that holds a token or a password, where a version names none; the server's by default.
    pub authorization_header: Option<String>,
    /// The header field that holds an API key, where a version names none; the server's by default.
    pub api_key_header: Option<String>,
    /// The subscription tier of callers without an application, where a version names none; `Unauthenticated` where the
    /// tenant states it, by default.
    pub anonymous_tier: Option<String>,
}

/// A scope: a permission that roles grant.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Its key, as tokens carry it; unique in its tenant.
    pub key: String,
    /// What people call it; its key by default.
    pub name: Option<String>,
    /// The roles that grant it.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The tenant whose APIs share it, in a file without an API; `carbon.super` by default.
    pub tenant: Option<String>,
}
