//! The raw shape of what counts and what denies: tiers, counting rules, deny rules.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Several;
use crate::model::tier::{CalendarSpan, TierLevel};
use crate::model::unit::{Period, Size};

/// A tier: a named set of quotas.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Its name; unique in its tenant and level. `Unlimited` is always there; the subscription tier `Unauthenticated` is
    /// for callers without an application.
    pub name: String,
    /// What it counts: the calls of a subscription, of a user of an application, or of a resource.
    pub level: TierLevel,
    /// The tenant that may use it; `carbon.super` by default.
    pub tenant: Option<String>,
    /// The quotas, all of which must hold; empty where `unlimited` says so.
    pub limits: Vec<Limit>,
    /// Whether nothing is counted of whoever no group takes; not by default.
    #[serde(default)]
    pub unlimited: bool,
    /// Requests that have quotas of their own; the first group that takes a request decides.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Whether what is beyond a quota is refused, as it is by default; else it passes, and is said to be over.
    #[serde(default = "yes")]
    pub stop_on_quota: bool,
    /// Whether each user has a count of its own; only at level `resource`, and not by default.
    #[serde(default)]
    pub per_user: bool,
    /// The roles of which an owner of an application needs one to use it; everybody may by default.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The roles whose owners of applications may not use it.
    #[serde(default)]
    pub denied_roles: Vec<String>,
}

/// A quota: so many requests or bytes in a window, or so many requests at the same time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How many requests; one of `requests`, `bytes` and `concurrent`.
    pub requests: Option<u64>,
    /// How many bytes of requests and responses together, such as `"10MiB"`.
    pub bytes: Option<Size>,
    /// How many requests at the same time.
    pub concurrent: Option<u64>,
    /// The length of a window that slides, such as `"1m"`; either this or `calendar`.
    pub per: Option<Period>,
    /// A window of the calendar.
    pub calendar: Option<CalendarSpan>,
    /// The time zone of the calendar, such as `"Europe/Zurich"`; `UTC` by default.
    pub zone: Option<String>,
    /// How many requests may come at once, where `requests` and `per` say how fast they come back.
    pub burst: Option<u64>,
}

/// Requests that have quotas of their own in a tier.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name, unique in its tier.
    pub name: String,
    /// What must all be true of a request.
    pub conditions: Vec<Condition>,
    /// Their quotas; empty where `unlimited` says so.
    pub limits: Vec<Limit>,
    /// Whether nothing is counted of them; not by default.
    #[serde(default)]
    pub unlimited: bool,
}

/// What must be true of a request: of its address, of a header field, of a query parameter or of a claim.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The caller's address is one of these: `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1-10.0.0.9`.
    #[serde(default)]
    pub ip: Several,
    /// A header field.
    pub header: Option<String>,
    /// A parameter of the query.
    pub query: Option<String>,
    /// A claim of the caller's token.
    pub claim: Option<String>,
    /// The values of which it is one.
    #[serde(default)]
    pub is: Several,
    /// The regular expression that it matches somewhere; without `is` and this, it must only be there.
    pub matches: Option<String>,
    /// Whether the opposite must be true; not by default.
    #[serde(default)]
    pub not: bool,
}

/// A counting rule: quotas for whatever its key tells apart, beside all tiers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountingRule {
    /// Its name, unique in its tenant.
    pub name: String,
    /// The tenant that states it; `carbon.super` by default.
    pub tenant: Option<String>,
    /// Whether it counts the calls of every tenant's APIs, which only one of `carbon.super` can; not by default.
    #[serde(default)]
    pub everywhere: bool,
    /// What has a count of its own, of `{api}`, `{application}`, `{application_tenant}`, `{claim:NAME}`, `{client_ip}`,
    /// `{context}`, `{header:NAME}`, `{query:NAME}`, `{resource}`, `{tenant}`, `{user}` and `{version}`.
    pub key: String,
    /// What must all be true of a request that it counts; every one is counted by default.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// The quotas, all of which must hold.
    pub limits: Vec<Limit>,
    /// Whether what is beyond a quota is refused, as it is by default; else it passes, and is said to be over.
    #[serde(default = "yes")]
    pub stop_on_quota: bool,
}

/// A deny rule: requests of which all that it states is true are refused.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DenyRule {
    /// The tenant whose APIs it is for; `carbon.super` by default.
    pub tenant: Option<String>,
    /// Whether it is for every tenant's APIs, which only a rule of `carbon.super` can be; not by default.
    #[serde(default)]
    pub everywhere: bool,
    /// The API that is called; with `application`, a subscription.
    pub api: Option<String>,
    /// The version of the API.
    pub version: Option<String>,
    /// The name of the application that calls.
    pub application: Option<String>,
    /// Who owns the application, `name` or `name@tenant`.
    pub owner: Option<String>,
    /// Who calls, or on whose behalf, `name` or `name@tenant`.
    pub user: Option<String>,
    /// Where the caller is: `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1-10.0.0.9`.
    #[serde(default)]
    pub ip: Several,
    /// Where the caller is not.
    #[serde(default)]
    pub not_ip: Several,
    /// Whether the rule is in force, as it is by default.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// The largest numbers of requests that the endpoints take in any second.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MaxTps {
    /// Of production endpoints together.
    pub production: Option<u64>,
    /// Of sandbox endpoints together.
    pub sandbox: Option<u64>,
}

fn yes() -> bool {
    true
}
