//! `/admin/v1/apis/{api}/versions/{version}/resources`: what may be called of a version.
//!
//! A resource is named by its methods, sorted, and its path: `GET,POST /videos/{id}`, percent-encoded.

use std::sync::Arc;

use aide::axum::ApiRouter;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::noun::{Noun, making, one};
use super::said::{Said, find};
use super::versions::{Named as OfVersion, api_of};
use super::writing::{Wanted, Written, write_one};
use crate::control::edit::{Edit, OnlyIf};
use crate::control::etag;
use crate::control::object::{Object, ResourceId};
use crate::http::admin::body::Sent;
use crate::http::admin::etag::Condition;
use crate::http::admin::openapi::told;
use crate::http::admin::principal::{Permission, Principal};
use crate::http::admin::query::{Asked, At, List, Page};
use crate::http::admin::reply::One;
use crate::http::admin::{Answer, Means};
use crate::http::problem::Problem;
use crate::model::document;
use crate::model::name::{TenantName, VersionName};

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    let all = making::<Resources>()
        .get_with(list, told("apis", "listResources", "Lists the resources of a version"))
        .put_with(
            put_all,
            told(
                "apis",
                "putResources",
                "Replaces all resources of a version in one change",
            ),
        );
    one::<Resources>().api_route("/admin/v1/apis/{api}/versions/{version}/resources", all)
}

/// A resource in a path.
#[derive(Debug, Deserialize, JsonSchema)]
struct Named {
    /// The name of the API.
    api: String,
    /// The version.
    version: String,
    /// The methods and the path, such as `GET,POST /videos/{id}`.
    resource: String,
}

struct Resources;

impl Noun for Resources {
    type Document = document::Resource;
    type Within = OfVersion;
    type Name = Named;
    type Query = Written;
    const PATH: &str = "/admin/v1/apis/{api}/versions/{version}/resources/{resource}";
    const TOLD: (&str, [(&str, &str); 4]) = (
        "apis",
        [
            ("makeResource", "Makes a resource"),
            ("getResource", "Tells a resource"),
            (
                "putResource",
                "Makes or replaces a resource; other methods or another path give it another name",
            ),
            ("deleteResource", "Deletes a resource"),
        ],
    );
    fn named(Named { api, version, resource }: Named, tenant: TenantName) -> Option<Object> {
        let (api, version) = OfVersion { api, version }.ids(tenant)?;
        Some(Object::Resource(api, version, ResourceId::parse(&resource)?))
    }

    fn stated(said: &Value, tenant: TenantName, within: OfVersion) -> Option<Object> {
        let (api, version) = within.ids(tenant)?;
        Some(Object::Resource(api, version, ResourceId::of(said)?))
    }
}

fn version_of(of: &OfVersion, tenant: TenantName) -> Answer<Object> {
    let api = api_of(&of.api, tenant)?;
    let missing = || Problem::missing(format!("there is no version `{}` of {api}", of.version));
    let version = VersionName::parse(&of.version).map_err(|_| missing())?;
    Ok(Object::Version(api, version))
}

async fn list(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<OfVersion>,
    asked: List,
) -> Answer<Page<Said<document::Resource>>> {
    let version = version_of(&of, who.tenant(asked.tenant.as_ref())?)?;
    let (said, _) = find::<document::Version>(&means, &who, &version)?;
    let resources = said
        .0
        .get("resources")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let is_wanted = |said: &Value| {
        said.get("path")
            .and_then(Value::as_str)
            .is_some_and(|path| asked.is_wanted(path))
    };
    Ok(asked.page(resources.into_iter().filter(is_wanted)).map(Said::of))
}

/// All resources of a version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct All {
    /// The resources.
    resources: Vec<Said<document::Resource>>,
}

async fn put_all(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<OfVersion>,
    Asked(asked): Asked<Written>,
    (meant, Sent(all)): (Condition, Sent<All>),
) -> Answer<One<Said<document::Version>>> {
    let object = version_of(&of, who.tenant(asked.tenant()?.as_ref())?)?;
    who.may(Permission::Publish, object.tenant())?;
    let (said, _) = find::<document::Version>(&means, &who, &object)?;
    meant.check_of(Some(&said))?;
    let mark = etag::digest(&said.0);
    let mut to = said.0;
    let resources: Value = all.resources.into_iter().map(|resource| resource.0).collect();
    if let Some(table) = to.as_object_mut() {
        table.insert("resources".to_owned(), resources);
    }
    let edit = Edit {
        object,
        to: Some(to),
        only_if: OnlyIf::Is(vec![mark]),
        within: None,
    };
    let (edited, revision) = write_one(&means, &who, edit, asked.is_dry_run()).await?;
    let said = Said::<document::Version>::of(edited.after.unwrap_or_default());
    Ok(One::of(&said).at(revision).tried(asked.is_dry_run()))
}
