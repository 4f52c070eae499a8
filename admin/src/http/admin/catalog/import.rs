//! `/admin/v1/import`: APIs made of other people's formats (W 18), as `tollgate import` makes them.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::post_with;
use axum::extract::State;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::bulk::{Outcome, Trying};
use super::writing::write;
use crate::control::edit::{Edit, OnlyIf};
use crate::control::object::{ApiId, Object};
use crate::control::stated::parse;
use crate::http::admin::body::Sent;
use crate::http::admin::openapi::told;
use crate::http::admin::principal::{Permission, Principal};
use crate::http::admin::query::{self, Asked};
use crate::http::admin::reply::One;
use crate::http::admin::{Answer, Means};
use crate::http::problem::{Flaw, Problem};
use crate::import::{self, Imported, Note, Stated};
use crate::model::name::{ApiName, ScopeName, TenantName, VersionName};
use crate::model::violation::Violation;

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    let openapi = told(
        "apis",
        "importOpenApi",
        "Makes a version, and its API, of an OpenAPI document",
    );
    let apictl = told(
        "apis",
        "importApictl",
        "Makes a version, and its API, of an apictl project",
    );
    ApiRouter::new()
        .api_route("/admin/v1/import/openapi", post_with(of_openapi, openapi))
        .api_route("/admin/v1/import/apictl", post_with(of_apictl, apictl))
}

/// An OpenAPI document, and what is stated instead of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OpenApi {
    /// The text, JSON or YAML: OpenAPI 3, or Swagger 2.
    document: String,
    /// The name of the API.
    name: Option<String>,
    /// The context.
    context: Option<String>,
    /// The version.
    version: Option<String>,
    /// The tenant; the caller's own by default.
    tenant: Option<String>,
    /// The URLs of the production endpoints.
    #[serde(default)]
    endpoints: Vec<String>,
}

/// An apictl project, and what is stated instead of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Apictl {
    /// The zip file, in base64.
    archive: String,
    /// The name of the API.
    name: Option<String>,
    /// The context.
    context: Option<String>,
    /// The version.
    version: Option<String>,
    /// The tenant; the caller's own by default.
    tenant: Option<String>,
    /// The URLs of the production endpoints.
    #[serde(default)]
    endpoints: Vec<String>,
}

/// What was made, and what was not taken over.
#[derive(Debug, JsonSchema, Serialize)]
struct Made {
    /// What the change led to.
    #[serde(flatten)]
    outcome: Outcome,
    /// What the source says and the API does not.
    notes: Vec<Told>,
}

/// Something that the source says and the API does not.
#[derive(Debug, JsonSchema, Serialize)]
struct Told {
    /// The file of the project; empty for a document.
    file: String,
    /// Where in the source, as pointers (RFC 6901); some of them.
    pointers: Vec<String>,
    /// What is different, and why.
    message: String,
}

impl From<Note> for Told {
    fn from(
        Note {
            file,
            pointers,
            message,
            ..
        }: Note,
    ) -> Self {
        Self {
            file,
            pointers,
            message,
        }
    }
}

async fn of_openapi(
    State(means): State<Arc<Means>>,
    who: Principal,
    Asked(asked): Asked<Trying>,
    Sent(sent): Sent<OpenApi>,
) -> Answer<One<Made>> {
    let OpenApi {
        document,
        name,
        context,
        version,
        tenant,
        endpoints,
    } = sent;
    let stated = Stated {
        name,
        context,
        version,
        tenant: owner(&who, tenant.as_deref())?,
        endpoints,
    };
    take(
        &means,
        &who,
        move || import::openapi("", &document, &stated),
        asked.dry_run,
    )
    .await
}

async fn of_apictl(
    State(means): State<Arc<Means>>,
    who: Principal,
    Asked(asked): Asked<Trying>,
    Sent(sent): Sent<Apictl>,
) -> Answer<One<Made>> {
    let Apictl {
        archive,
        name,
        context,
        version,
        tenant,
        endpoints,
    } = sent;
    let archive = BASE64_STANDARD
        .decode(archive)
        .map_err(|_| Problem::flawed("/archive", "it is no base64"))?;
    let stated = Stated {
        name,
        context,
        version,
        tenant: owner(&who, tenant.as_deref())?,
        endpoints,
    };
    let read = move || import::apictl(&import::unpack("", &archive)?, &stated);
    take(&means, &who, read, asked.dry_run).await
}

/// Returns the tenant that is to own what is imported, whatever the source says: one that the caller publishes in.
fn owner(who: &Principal, stated: Option<&str>) -> Answer<Option<String>> {
    let tenant = who.tenant(query::tenant(stated)?.as_ref())?;
    who.may(Permission::Publish, &tenant)?;
    Ok(Some(tenant.to_string()))
}

async fn take(
    means: &Arc<Means>,
    who: &Principal,
    read: impl FnOnce() -> Result<Imported, Violation> + Send + 'static,
    is_dry_run: bool,
) -> Answer<One<Made>> {
    let read = spawn_blocking(read)
        .await
        .map_err(|_| Problem::broken("the import broke; see the log"))?;
    let mut imported = read.map_err(|violation| {
        let flaw = Flaw {
            pointer: None,
            ..Flaw::from(&violation)
        };
        Problem::refused("it cannot be an API", vec![flaw])
    })?;
    imported.fit(&means.control.catalog());
    let stated = parse(&import::write(&imported.document, ""));
    let edits = edits(means, &stated).ok_or_else(|| Problem::refused("it names no API or version", Vec::new()))?;
    for edit in &edits {
        who.may(Permission::Publish, edit.object.tenant())?;
    }
    let changed = write(means, who, edits, is_dry_run).await?;
    let revision = changed.applied.revision.0;
    let notes = imported.notes.into_iter().map(Told::from).collect();
    Ok(One::of(&Made {
        outcome: Outcome::of(changed),
        notes,
    })
    .at(revision))
}

/// Makes a new API of what is stated, or adds the version to the one that is there, with the scopes that it lacks.
fn edits(means: &Means, stated: &Value) -> Option<Vec<Edit>> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let tenant =
        text(stated, "tenant").map_or_else(|| Some(TenantName::root()), |tenant| TenantName::parse(&tenant).ok())?;
    let api = ApiId {
        name: ApiName::parse(&text(stated, "name")?).ok()?,
        tenant,
    };
    let (object, now) = (Object::Api(api.clone()), means.control.stated());
    let made = |object: Object, to: &Value, within: Option<ApiId>| Edit {
        object,
        to: Some(to.clone()),
        only_if: OnlyIf::Absent,
        within,
    };
    if now.find(&object).is_none() {
        return Some(vec![made(object, stated, None)]);
    }
    let version = stated.get("versions")?.get(0)?;
    let label = VersionName::parse(&text(version, "version")?).ok()?;
    let mut edits = Vec::new();
    for scope in stated.get("scopes").and_then(Value::as_array).into_iter().flatten() {
        let key = ScopeName::parse(&text(scope, "key")?).ok()?;
        let object = Object::Scope(api.tenant.clone(), key);
        if now.find(&object).is_none() {
            edits.push(made(object, scope, Some(api.clone())));
        }
    }
    edits.push(made(Object::Version(api, label), version, None));
    Some(edits)
}
