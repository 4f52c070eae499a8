//! Tenants, tiers, scopes, counting rules, deny rules and key managers: collections whose things are tables of a list.

use std::sync::Arc;

use aide::axum::ApiRouter;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::noun::{Nothing, Noun, making, one};
use super::said::{Said, seen};
use super::writing::{Written, WrittenScope};
use crate::control::object::{Object, deny_id};
use crate::control::stated::Stated;
use crate::http::admin::openapi::told;
use crate::http::admin::principal::Principal;
use crate::http::admin::query::{List, Page};
use crate::http::admin::{Answer, Means};
use crate::http::problem::Problem;
use crate::model::document;
use crate::model::name::{KeyManagerName, RuleName, ScopeName, TenantName, TierName};
use crate::model::tier::TierLevel;

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    ApiRouter::new()
        .merge(routed::<CountingRules>())
        .merge(routed::<DenyRules>())
        .merge(routed::<KeyManagers>())
        .merge(routed::<Scopes>())
        .merge(routed::<Tenants>())
        .merge(routed::<Tiers>())
}

/// A kind of thing that is listed as it is.
trait Listed: Noun {
    /// What a list says of each.
    type Item: JsonSchema;
    /// The path of all.
    const ALL: &str;
    /// A name and a sentence for listing them.
    const LISTS: (&str, &str);

    /// Returns the name of a thing of this kind.
    fn name(object: &Object) -> Option<String>;
}

fn routed<N: Listed>() -> ApiRouter<Arc<Means>> {
    let (name, sentence) = N::LISTS;
    let all = making::<N>().get_with(list::<N>, told(N::TOLD.0, name, sentence));
    one::<N>().api_route(N::ALL, all)
}

async fn list<N: Listed>(State(means): State<Arc<Means>>, who: Principal, asked: List) -> Answer<Page<Said<N::Item>>> {
    let tenant = who.narrow(asked.tenant.as_ref())?;
    let stated = means.control.stated();
    let is_wanted = |object: &&Object| {
        N::name(object).is_some_and(|name| asked.is_wanted(&name))
            && tenant.as_ref().is_none_or(|tenant| tenant == object.tenant())
    };
    let mut wanted: Vec<_> = stated.objects().filter(is_wanted).collect();
    wanted.sort_unstable();
    let page = asked.page(wanted);
    let mut finder = stated.finder();
    Ok(page.map(|object| {
        let value = finder.find(object).unwrap_or_default();
        let mut said = seen(&who, object, value);
        if let (Some(table), false) = (said.0.as_object_mut(), matches!(object, Object::Tenant(_))) {
            table.insert("tenant".to_owned(), object.tenant().as_str().into());
            if let Object::DenyRule(_, id) = object {
                table.insert("id".to_owned(), id.as_str().into());
            }
        }
        said
    }))
}

/// A name in a path.
#[derive(Deserialize, JsonSchema)]
struct Name {
    /// The name.
    name: String,
}

fn text<'v>(said: &'v Value, key: &str) -> Option<&'v str> {
    said.get(key)?.as_str()
}

struct CountingRules;

impl Noun for CountingRules {
    type Document = document::CountingRule;
    type Within = Nothing;
    type Name = Name;
    type Query = Written;
    const PATH: &str = "/admin/v1/counting-rules/{name}";
    const TOLD: (&str, [(&str, &str); 4]) = (
        "tiers",
        [
            ("makeCountingRule", "Makes a counting rule"),
            ("getCountingRule", "Tells a counting rule"),
            ("putCountingRule", "Makes or replaces a counting rule"),
            ("deleteCountingRule", "Deletes a counting rule"),
        ],
    );
    fn named(Name { name }: Name, tenant: TenantName) -> Option<Object> {
        Some(Object::CountingRule(tenant, RuleName::parse(&name).ok()?))
    }

    fn stated(said: &Value, tenant: TenantName, _: Nothing) -> Option<Object> {
        Some(Object::CountingRule(tenant, RuleName::parse(text(said, "name")?).ok()?))
    }
}

impl Listed for CountingRules {
    type Item = document::CountingRule;
    const ALL: &str = "/admin/v1/counting-rules";
    const LISTS: (&str, &str) = ("listCountingRules", "Lists counting rules");

    fn name(object: &Object) -> Option<String> {
        if let Object::CountingRule(_, name) = object {
            Some(name.to_string())
        } else {
            None
        }
    }
}

struct DenyRules;

/// The name of a deny rule.
#[derive(Deserialize, JsonSchema)]
struct DenyName {
    /// What tells the rule from others: a digest of what it says, as `Location` had it when it was made.
    id: String,
}

/// A deny rule among others.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it is the shape of what is said")]
struct DenyRuleListed {
    /// What tells the rule from others, a digest of what it says: it is at `/admin/v1/deny-rules/{id}`.
    id: String,
    #[serde(flatten)]
    rule: document::DenyRule,
}

impl Noun for DenyRules {
    type Document = document::DenyRule;
    type Within = Nothing;
    type Name = DenyName;
    type Query = Written;
    const PATH: &str = "/admin/v1/deny-rules/{id}";
    const TOLD: (&str, [(&str, &str); 4]) = (
        "deny rules",
        [
            ("makeDenyRule", "Makes a deny rule, in force for the next request"),
            ("getDenyRule", "Tells a deny rule"),
            ("putDenyRule", "Replaces a deny rule, which has another id then"),
            ("deleteDenyRule", "Deletes a deny rule"),
        ],
    );
    fn named(DenyName { id }: DenyName, tenant: TenantName) -> Option<Object> {
        Some(Object::DenyRule(tenant, id))
    }

    /// What a rule says is its name: a rule that is there already is put again, and one that is gone stays gone.
    fn replaced(meant: Object, said: &Value, tenant: TenantName, now: &Stated) -> Answer<Object> {
        let own = deny_rule(said, tenant);
        let found = [meant, own].into_iter().find(|object| now.find(object).is_some());
        found.ok_or_else(|| Problem::missing("there is no such rule; make one by POST"))
    }

    fn stated(said: &Value, tenant: TenantName, _: Nothing) -> Option<Object> {
        said.is_object().then(|| deny_rule(said, tenant))
    }
}

/// Names the deny rule that a document states, as the file will have it.
pub(super) fn deny_rule(said: &Value, tenant: TenantName) -> Object {
    let mut said = said.clone();
    if let Some(table) = said.as_object_mut() {
        if tenant == TenantName::root() {
            table.remove("tenant");
        } else {
            table.insert("tenant".to_owned(), tenant.as_str().into());
        }
    }
    let id = deny_id(&said);
    Object::DenyRule(tenant, id)
}

impl Listed for DenyRules {
    type Item = DenyRuleListed;
    const ALL: &str = "/admin/v1/deny-rules";
    const LISTS: (&str, &str) = ("listDenyRules", "Lists deny rules");

    fn name(object: &Object) -> Option<String> {
        if let Object::DenyRule(_, id) = object {
            Some(id.clone())
        } else {
            None
        }
    }
}

struct KeyManagers;

impl Noun for KeyManagers {
    type Document = document::KeyManager;
    type Within = Nothing;
    type Name = Name;
    type Query = Written;
    const PATH: &str = "/admin/v1/key-managers/{name}";
    const TOLD: (&str, [(&str, &str); 4]) = (
        "key managers",
        [
            ("makeKeyManager", "Makes a key manager"),
            ("getKeyManager", "Tells a key manager"),
            ("putKeyManager", "Makes or replaces a key manager"),
            ("deleteKeyManager", "Deletes a key manager"),
        ],
    );
    fn named(Name { name }: Name, tenant: TenantName) -> Option<Object> {
        Some(Object::KeyManager(tenant, KeyManagerName::parse(&name).ok()?))
    }

    fn stated(said: &Value, tenant: TenantName, _: Nothing) -> Option<Object> {
        Some(Object::KeyManager(
            tenant,
            KeyManagerName::parse(text(said, "name")?).ok()?,
        ))
    }
}

impl Listed for KeyManagers {
    type Item = document::KeyManager;
    const ALL: &str = "/admin/v1/key-managers";
    const LISTS: (&str, &str) = ("listKeyManagers", "Lists key managers");

    fn name(object: &Object) -> Option<String> {
        if let Object::KeyManager(_, name) = object {
            Some(name.to_string())
        } else {
            None
        }
    }
}

struct Scopes;

/// The key of a scope.
#[derive(Deserialize, JsonSchema)]
struct ScopeKey {
    /// The key.
    key: String,
}

impl Noun for Scopes {
    type Document = document::Scope;
    type Within = Nothing;
    type Name = ScopeKey;
    type Query = WrittenScope;
    const PATH: &str = "/admin/v1/scopes/{key}";
    const TOLD: (&str, [(&str, &str); 4]) = (
        "scopes",
        [
            ("makeScope", "Makes a scope, shared or of an API"),
            ("getScope", "Tells a scope"),
            ("putScope", "Makes or replaces a scope"),
            ("deleteScope", "Deletes a scope"),
        ],
    );
    fn named(ScopeKey { key }: ScopeKey, tenant: TenantName) -> Option<Object> {
        Some(Object::Scope(tenant, ScopeName::parse(&key).ok()?))
    }

    fn stated(said: &Value, tenant: TenantName, _: Nothing) -> Option<Object> {
        Some(Object::Scope(tenant, ScopeName::parse(text(said, "key")?).ok()?))
    }
}

impl Listed for Scopes {
    type Item = document::Scope;
    const ALL: &str = "/admin/v1/scopes";
    const LISTS: (&str, &str) = ("listScopes", "Lists scopes, of APIs and shared");

    fn name(object: &Object) -> Option<String> {
        if let Object::Scope(_, key) = object {
            Some(key.to_string())
        } else {
            None
        }
    }
}

struct Tenants;

/// The domain of a tenant.
#[derive(Deserialize, JsonSchema)]
struct Domain {
    /// The domain.
    domain: String,
}

impl Noun for Tenants {
    type Document = document::Tenant;
    type Within = Nothing;
    type Name = Domain;
    type Query = Written;
    const PATH: &str = "/admin/v1/tenants/{domain}";
    const TOLD: (&str, [(&str, &str); 4]) = (
        "tenants",
        [
            ("makeTenant", "Makes a tenant"),
            ("getTenant", "Tells a tenant"),
            ("putTenant", "Makes or replaces a tenant"),
            ("deleteTenant", "Deletes a tenant that nothing belongs to"),
        ],
    );
    fn named(Domain { domain }: Domain, _: TenantName) -> Option<Object> {
        Some(Object::Tenant(TenantName::parse(&domain).ok()?))
    }

    fn stated(said: &Value, _: TenantName, _: Nothing) -> Option<Object> {
        Some(Object::Tenant(TenantName::parse(text(said, "domain")?).ok()?))
    }
}

impl Listed for Tenants {
    type Item = document::Tenant;
    const ALL: &str = "/admin/v1/tenants";
    const LISTS: (&str, &str) = ("listTenants", "Lists the tenants that the catalog states");

    fn name(object: &Object) -> Option<String> {
        if let Object::Tenant(domain) = object {
            Some(domain.to_string())
        } else {
            None
        }
    }
}

struct Tiers;

/// The name of a tier.
#[derive(Deserialize, JsonSchema)]
struct TierOf {
    /// What it counts.
    level: TierLevel,
    /// The name.
    name: String,
}

impl Noun for Tiers {
    type Document = document::Tier;
    type Within = Nothing;
    type Name = TierOf;
    type Query = Written;
    const PATH: &str = "/admin/v1/tiers/{level}/{name}";
    const TOLD: (&str, [(&str, &str); 4]) = (
        "tiers",
        [
            ("makeTier", "Makes a tier"),
            ("getTier", "Tells a tier"),
            (
                "putTier",
                "Makes or replaces a tier; figures apply to what is counted already",
            ),
            ("deleteTier", "Deletes a tier that nothing names"),
        ],
    );
    fn named(TierOf { level, name }: TierOf, tenant: TenantName) -> Option<Object> {
        Some(Object::Tier(tenant, level, TierName::parse(&name).ok()?))
    }

    fn stated(said: &Value, tenant: TenantName, _: Nothing) -> Option<Object> {
        let level = serde_json::from_value(said.get("level")?.clone()).ok()?;
        Some(Object::Tier(tenant, level, TierName::parse(text(said, "name")?).ok()?))
    }
}

impl Listed for Tiers {
    type Item = document::Tier;
    const ALL: &str = "/admin/v1/tiers";
    const LISTS: (&str, &str) = ("listTiers", "Lists tiers");

    fn name(object: &Object) -> Option<String> {
        if let Object::Tier(_, _, name) = object {
            Some(name.to_string())
        } else {
            None
        }
    }
}
