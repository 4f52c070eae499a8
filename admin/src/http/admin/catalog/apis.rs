//! `/admin/v1/apis`: APIs at a glance, and each as its file has it.

use std::borrow::Cow;
use std::sync::Arc;

use aide::axum::ApiRouter;
use axum::extract::State;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::noun::{Nothing, Noun, making, one};
use super::writing::Written;
use crate::control::object::{API_KEYS, ApiId, Object};
use crate::http::admin::openapi::told;
use crate::http::admin::principal::Principal;
use crate::http::admin::query::{List, Page};
use crate::http::admin::{Answer, Means};
use crate::model::api::{Api, ApiVersion};
use crate::model::document;
use crate::model::lifecycle::LifecycleState;
use crate::model::name::{ApiName, TenantName};

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    let all = making::<Apis>().get_with(list, told("apis", "listApis", "Lists APIs with their versions"));
    one::<Apis>().api_route("/admin/v1/apis", all)
}

/// An API at a glance.
#[derive(Debug, JsonSchema, Serialize)]
struct Glance {
    /// The name.
    name: String,
    /// The tenant.
    tenant: String,
    /// The context.
    context: String,
    /// The versions that answer where the path names none, in order of preference.
    default_version: Vec<String>,
    /// The one that answers now.
    answers: Option<String>,
    /// The versions, in the order they are written.
    versions: Vec<VersionGlance>,
}

/// A version at a glance.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct VersionGlance {
    /// The version.
    pub(super) version: String,
    /// Where it stands in its life.
    state: LifecycleState,
    /// Whether it answers where the path names no version.
    is_default: bool,
    /// How many resources it has.
    resources: usize,
    /// The subscription tiers that it offers.
    tiers: Vec<String>,
}

/// Narrows APIs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ByState {
    /// Those with a version in this state.
    state: Option<LifecycleState>,
}

/// The name of an API in a path.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Named {
    /// The name of the API.
    pub(super) api: String,
}

/// Names an API; what is no such name names none.
pub(super) fn api_id(name: &str, tenant: TenantName) -> Option<ApiId> {
    let name = ApiName::parse(name).ok()?;
    Some(ApiId { tenant, name })
}

/// Shows the versions of an API at a glance.
pub(super) fn versions_of(api: &Api) -> Vec<VersionGlance> {
    let answers = api.answering().map(|(_, version)| &version.version);
    let glance = |version: &ApiVersion| VersionGlance {
        version: version.version.to_string(),
        state: version.state,
        is_default: answers == Some(&version.version),
        resources: version.resources.len(),
        tiers: version.tiers.iter().map(ToString::to_string).collect(),
    };
    api.versions.iter().map(glance).collect()
}

async fn list(State(means): State<Arc<Means>>, who: Principal, asked: List<ByState>) -> Answer<Page<Glance>> {
    let tenant = who.narrow(asked.tenant.as_ref())?;
    let catalog = means.control.catalog();
    let has_state = |api: &Api| {
        let state = asked.filter.state;
        state.is_none_or(|state| api.versions.iter().any(|version| version.state == state))
    };
    let is_wanted = |api: &&Arc<Api>| {
        tenant.as_ref().is_none_or(|tenant| *tenant == api.tenant)
            && asked.is_wanted(api.name.as_str())
            && has_state(api)
    };
    let mut apis: Vec<_> = catalog.apis().iter().filter(is_wanted).collect();
    apis.sort_unstable_by(|a, b| (&a.name, &a.tenant).cmp(&(&b.name, &b.tenant)));
    Ok(asked.page(apis).map(|api| Glance {
        name: api.name.to_string(),
        tenant: api.tenant.to_string(),
        context: api.context.to_string(),
        default_version: api.default_version.iter().map(ToString::to_string).collect(),
        answers: api.answering().map(|(_, version)| version.version.to_string()),
        versions: versions_of(api),
    }))
}

/// An API as its file has it, without what else a file may state.
pub(super) struct ApiDocument;

impl JsonSchema for ApiDocument {
    fn schema_name() -> Cow<'static, str> {
        "Api".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = document::Document::json_schema(generator);
        if let Some(keys) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            keys.retain(|key, _| API_KEYS.contains(&key.as_str()));
        }
        schema.insert("required".to_owned(), json!(["context"]));
        schema
    }
}

/// APIs, each with all its versions.
pub(super) struct Apis;

impl Noun for Apis {
    type Document = ApiDocument;
    type Within = Nothing;
    type Name = Named;
    type Query = Written;
    const PATH: &str = "/admin/v1/apis/{api}";
    const TOLD: (&str, [(&str, &str); 4]) = (
        "apis",
        [
            ("makeApi", "Makes an API, in a file of its own"),
            ("getApi", "Tells an API with all its versions"),
            ("putApi", "Makes or replaces an API with all its versions"),
            ("deleteApi", "Deletes an API with all its versions"),
        ],
    );
    fn named(Named { api }: Named, tenant: TenantName) -> Option<Object> {
        Some(Object::Api(api_id(&api, tenant)?))
    }

    fn stated(said: &Value, tenant: TenantName, _: Nothing) -> Option<Object> {
        Some(Object::Api(api_id(said.get("name")?.as_str()?, tenant)?))
    }
}
