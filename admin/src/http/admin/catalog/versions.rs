//! `/admin/v1/apis/{api}/versions`: the versions of an API, and which one answers where a path names none.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::apis::{Named as OfApi, VersionGlance, api_id, versions_of};
use super::noun::{Noun, one};
use super::said::{Said, find};
use super::writing::{Wanted, Written, place, write_one};
use crate::control::edit::{Edit, OnlyIf};
use crate::control::etag;
use crate::control::object::{ApiId, Object};
use crate::http::admin::body::Sent;
use crate::http::admin::etag::Condition;
use crate::http::admin::openapi::told;
use crate::http::admin::principal::{Permission, Principal};
use crate::http::admin::query::{self, Asked, At, List, OfTenant, Page};
use crate::http::admin::reply::{Made, One};
use crate::http::admin::{Answer, Means};
use crate::http::problem::Problem;
use crate::model::api::Api;
use crate::model::document;
use crate::model::name::{TenantName, VersionName};

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    let all = get_with(list, told("apis", "listVersions", "Lists the versions of an API")).post_with(
        make,
        told("apis", "makeVersion", "Makes a version, new or as a copy of another"),
    );
    let default = get_with(
        show_default,
        told("apis", "getDefaultVersion", "Tells which version answers by default"),
    )
    .put_with(
        put_default,
        told(
            "apis",
            "putDefaultVersion",
            "Says which versions answer by default, in order",
        ),
    );
    one::<Versions>()
        .api_route("/admin/v1/apis/{api}/versions", all)
        .api_route("/admin/v1/apis/{api}/default-version", default)
}

/// A version in a path.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Named {
    /// The name of the API.
    pub(super) api: String,
    /// The version.
    pub(super) version: String,
}

impl Named {
    /// Names the version; what is no such name names none.
    pub(super) fn ids(&self, tenant: TenantName) -> Option<(ApiId, VersionName)> {
        Some((api_id(&self.api, tenant)?, VersionName::parse(&self.version).ok()?))
    }
}

/// Versions, each with its resources.
pub(super) struct Versions;

impl Noun for Versions {
    type Document = document::Version;
    type Within = OfApi;
    type Name = Named;
    type Query = Written;
    const PATH: &str = "/admin/v1/apis/{api}/versions/{version}";
    const TOLD: (&str, [(&str, &str); 4]) = (
        "apis",
        [
            ("makeVersion", "Makes a version"),
            ("getVersion", "Tells a version with its resources"),
            ("putVersion", "Makes or replaces a version with its resources"),
            ("deleteVersion", "Deletes a version"),
        ],
    );
    fn named(name: Named, tenant: TenantName) -> Option<Object> {
        let (api, version) = name.ids(tenant)?;
        Some(Object::Version(api, version))
    }

    fn stated(said: &Value, tenant: TenantName, within: OfApi) -> Option<Object> {
        let version = VersionName::parse(said.get("version")?.as_str()?).ok()?;
        Some(Object::Version(api_id(&within.api, tenant)?, version))
    }
}

/// How a version is made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Making {
    /// The domain of the tenant; the caller's own where it is left out.
    tenant: Option<String>,
    /// Whether nothing is written, and only told what would come of it.
    #[serde(default)]
    dry_run: bool,
    /// The version that it is a copy of, but for what is sent; it begins in the state `created`.
    copy_of: Option<String>,
}

async fn list(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<OfApi>,
    asked: List,
) -> Answer<Page<VersionGlance>> {
    let api = api_of(&of.api, who.tenant(asked.tenant.as_ref())?)?;
    let catalog = means.control.catalog();
    let found = catalog
        .apis()
        .iter()
        .find(|known| known.name == api.name && known.tenant == api.tenant);
    let versions = versions_of(found.ok_or_else(|| Problem::missing(format!("there is no API {api}")))?);
    Ok(asked.page(versions.into_iter().filter(|glance| asked.is_wanted(&glance.version))))
}

async fn make(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<OfApi>,
    Asked(asked): Asked<Making>,
    Sent(said): Sent<Said<document::Version>>,
) -> Answer<Made<Said<document::Version>>> {
    let tenant = who.tenant(query::tenant(asked.tenant.as_deref())?.as_ref())?;
    let api = api_of(&of.api, tenant.clone())?;
    let Some(object @ Object::Version(..)) = Versions::stated(&said.0, tenant, of) else {
        return Err(Problem::flawed("/version", "`version` is missing, or no version"));
    };
    let to = match asked.copy_of {
        None => said.0,
        Some(original) => copied(&means, &who, (api, &original), said.0)?,
    };
    let edit = Edit {
        object,
        to: Some(to),
        only_if: OnlyIf::Absent,
        within: None,
    };
    let (edited, revision) = write_one(&means, &who, edit, asked.dry_run).await?;
    let said = Said::<document::Version>::of(edited.after.unwrap_or_default());
    Ok(Made::made(place(&edited.object), &said)
        .at(revision)
        .tried(asked.dry_run))
}

/// Takes what is said of a version, and says other things of it.
fn copied(means: &Means, who: &Principal, (api, original): (ApiId, &str), said: Value) -> Answer<Value> {
    let missing = || Problem::missing(format!("there is no version `{original}` of {api}"));
    let version = VersionName::parse(original).map_err(|_| missing())?;
    let (copy, _) = find::<document::Version>(means, who, &Object::Version(api.clone(), version))?;
    let (Value::Object(mut copy), Value::Object(said)) = (copy.0, said) else {
        return Err(missing());
    };
    copy.remove("state");
    copy.extend(said);
    Ok(Value::Object(copy))
}

/// Which versions answer where a path names none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Preference {
    /// The versions, in order of preference: the first one that is published answers.
    default_version: Vec<String>,
}

/// Which version answers where a path names none.
#[derive(Debug, JsonSchema, Serialize)]
struct Answering {
    /// The versions, in order of preference: the first one that is published answers.
    default_version: Vec<String>,
    /// The one that answers now.
    answers: Option<String>,
}

impl Answering {
    /// Tells it of an API, as it is or with another preference.
    fn of(means: &Means, api: &ApiId, wanted: Option<&[String]>) -> Answer<Self> {
        let catalog = means.control.catalog();
        let found = catalog
            .apis()
            .iter()
            .find(|known| known.name == api.name && known.tenant == api.tenant);
        let found = found.ok_or_else(|| Problem::missing(format!("there is no API {api}")))?;
        let mut found = Api::clone(found);
        if let Some(wanted) = wanted {
            let parsed = wanted.iter().filter_map(|version| VersionName::parse(version).ok());
            found.default_version = parsed.collect();
        }
        Ok(Self {
            default_version: found.default_version.iter().map(ToString::to_string).collect(),
            answers: found.answering().map(|(_, version)| version.version.to_string()),
        })
    }
}

async fn show_default(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<OfApi>,
    Asked(asked): Asked<OfTenant>,
) -> Answer<One<Answering>> {
    let api = api_of(&of.api, who.tenant(asked.tenant()?.as_ref())?)?;
    let told = Answering::of(&means, &api, None)?;
    Ok(One::of(&told).at(means.control.stated().revision().0))
}

async fn put_default(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<OfApi>,
    Asked(asked): Asked<Written>,
    (meant, Sent(wanted)): (Condition, Sent<Preference>),
) -> Answer<One<Answering>> {
    let api = api_of(&of.api, who.tenant(asked.tenant()?.as_ref())?)?;
    let object = Object::Api(api.clone());
    who.may(Permission::Publish, object.tenant())?;
    let before = Answering::of(&means, &api, None)?;
    meant.check_of(Some(&before))?;
    let (said, _) = find::<document::Version>(&means, &who, &object)?;
    let mark = etag::digest(&said.0);
    let mut to = said.0;
    if meant.is_given() && listed(&to) != before.default_version {
        return Err(Problem::conflict(format!("{object} was changed meanwhile")));
    }
    if let Some(table) = to.as_object_mut() {
        table.insert("default_version".to_owned(), wanted.default_version.clone().into());
    }
    let edit = Edit {
        object,
        to: Some(to),
        only_if: OnlyIf::Is(vec![mark]),
        within: None,
    };
    let (_, revision) = write_one(&means, &who, edit, asked.is_dry_run()).await?;
    let told = Answering::of(&means, &api, Some(&wanted.default_version))?;
    Ok(One::of(&told).at(revision).tried(asked.is_dry_run()))
}

/// Returns the versions that an API states to answer by default.
fn listed(said: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match said.get("default_version") {
        Some(Value::Array(list)) => list.iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Names an API.
///
/// # Errors
///
/// Returns 404: what is no such name is no API.
pub(super) fn api_of(name: &str, tenant: TenantName) -> Answer<ApiId> {
    api_id(name, tenant).ok_or_else(|| Problem::missing(format!("there is no API `{name}`")))
}
