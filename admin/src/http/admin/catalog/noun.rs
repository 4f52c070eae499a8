//! What all kinds of things have in common: they are shown, made, put and deleted alike.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{ApiMethodRouter, get_with, post_with};
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::said::{Said, find};
use super::writing::{Wanted, Written, place, write_one};
use crate::control::edit::{Edit, OnlyIf};
use crate::control::object::Object;
use crate::control::stated::Stated;
use crate::http::admin::body::Sent;
use crate::http::admin::etag::Condition;
use crate::http::admin::openapi::told;
use crate::http::admin::principal::Principal;
use crate::http::admin::query::{Asked, At, OfTenant};
use crate::http::admin::reply::{Gone, Made, One, Put};
use crate::http::admin::{Answer, Means};
use crate::http::problem::Problem;
use crate::model::name::TenantName;

/// A kind of thing.
pub(super) trait Noun: Send + Sync + 'static {
    /// What is said of one.
    type Document: JsonSchema + 'static;
    /// What of the path of all of them names what they belong to.
    type Within: DeserializeOwned + JsonSchema + Send;
    /// What of the path names one.
    type Name: DeserializeOwned + JsonSchema + Send;
    /// What the query of a write says.
    type Query: DeserializeOwned + JsonSchema + Wanted + Send;
    /// The path of one.
    const PATH: &str;
    /// How the operations are known: its tag, and for making, showing, putting and deleting a name and a sentence.
    const TOLD: (&str, [(&str, &str); 4]);
    /// Names the thing that a path means; what is no such name names none.
    fn named(name: Self::Name, tenant: TenantName) -> Option<Object>;

    /// Says which thing a document takes the place of; by default the one that the path means, there or not.
    ///
    /// # Errors
    ///
    /// Returns 404 where the path means none, and a document of the kind makes none.
    fn replaced(meant: Object, _said: &Value, _tenant: TenantName, _now: &Stated) -> Answer<Object> {
        Ok(meant)
    }

    /// Names the thing that a document states.
    fn stated(said: &Value, tenant: TenantName, within: Self::Within) -> Option<Object>;
}

/// What things belong to that belong to a tenant alone.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Nothing {}

/// Routes what makes a thing.
pub(super) fn making<N: Noun>() -> ApiMethodRouter<Arc<Means>> {
    let (tag, [made, ..]) = N::TOLD;
    post_with(make::<N>, told(tag, made.0, made.1))
}

/// Routes what is done with one thing.
pub(super) fn one<N: Noun>() -> ApiRouter<Arc<Means>> {
    let (tag, [_, shown, replaced, deleted]) = N::TOLD;
    let methods = get_with(show::<N>, told(tag, shown.0, shown.1))
        .put_with(put::<N>, told(tag, replaced.0, replaced.1))
        .delete_with(delete::<N>, told(tag, deleted.0, deleted.1));
    ApiRouter::new().api_route(N::PATH, methods)
}

async fn show<N: Noun>(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(name): At<N::Name>,
    Asked(asked): Asked<OfTenant>,
) -> Answer<One<Said<N::Document>>> {
    let object = named::<N>(name, who.tenant(asked.tenant()?.as_ref())?)?;
    let (said, revision) = find(&means, &who, &object)?;
    Ok(One::of(&said).at(revision.0))
}

async fn make<N: Noun>(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(within): At<N::Within>,
    Asked(asked): Asked<N::Query>,
    Sent(said): Sent<Said<N::Document>>,
) -> Answer<Made<Said<N::Document>>> {
    let tenant = stated_tenant(&said.0, asked.tenant()?)?;
    let tenant = who.tenant(tenant.as_ref())?;
    let object = N::stated(&said.0, tenant.clone(), within);
    let object = object.ok_or_else(|| Problem::flawed("", "what names it is missing, or no such name"))?;
    let edit = Edit {
        within: asked.within(&tenant)?,
        only_if: OnlyIf::Absent,
        object,
        to: Some(said.0),
    };
    let (edited, revision) = write_one(&means, &who, edit, asked.is_dry_run()).await?;
    let said = Said::<N::Document>::of(edited.after.unwrap_or_default());
    Ok(Made::made(place(&edited.object), &said)
        .at(revision)
        .tried(asked.is_dry_run()))
}

async fn put<N: Noun>(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(name): At<N::Name>,
    Asked(asked): Asked<N::Query>,
    (meant, Sent(said)): (Condition, Sent<Said<N::Document>>),
) -> Answer<Put<Said<N::Document>>> {
    let tenant = who.tenant(asked.tenant()?.as_ref())?;
    let object = named::<N>(name, tenant.clone())?;
    let object = N::replaced(object, &said.0, tenant.clone(), &means.control.stated())?;
    let edit = Edit {
        within: asked.within(&tenant)?,
        only_if: meant.only_if()?,
        object,
        to: Some(said.0),
    };
    let (edited, revision) = write_one(&means, &who, edit, asked.is_dry_run()).await?;
    let said = Said::<N::Document>::of(edited.after.unwrap_or_default());
    let reply = match edited.before {
        None => Put::put(place(&edited.object), &said),
        Some(_) => Put::replaced(&said),
    };
    Ok(reply.at(revision).tried(asked.is_dry_run()))
}

async fn delete<N: Noun>(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(name): At<N::Name>,
    Asked(asked): Asked<Written>,
    meant: Condition,
) -> Answer<Gone> {
    let object = named::<N>(name, who.tenant(asked.tenant()?.as_ref())?)?;
    let edit = Edit {
        object,
        to: None,
        only_if: meant.only_if()?,
        within: None,
    };
    let (_, revision) = write_one(&means, &who, edit, asked.dry_run).await?;
    Ok(Gone::done().at(revision).tried(asked.dry_run))
}

/// Names what a path means.
///
/// # Errors
///
/// Returns 404 where it is no name.
pub(super) fn named<N: Noun>(name: N::Name, tenant: TenantName) -> Answer<Object> {
    N::named(name, tenant).ok_or_else(|| Problem::missing("there is no such thing"))
}

/// Returns the tenant that a document states, which must be that of the query where both say one.
pub(super) fn stated_tenant(said: &Value, asked: Option<TenantName>) -> Answer<Option<TenantName>> {
    let stated = said.get("tenant").and_then(Value::as_str);
    let stated = stated.map(TenantName::parse).transpose();
    let stated = stated.map_err(|error| Problem::flawed("/tenant", error.to_string()))?;
    match (stated, asked) {
        (Some(stated), Some(asked)) if stated != asked => Err(Problem::flawed(
            "/tenant",
            "`tenant` is another one than that of the query",
        )),
        (stated, asked) => Ok(asked.or(stated)),
    }
}
