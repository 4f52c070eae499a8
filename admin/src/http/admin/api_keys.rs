//! `/admin/v1/applications/{uuid}/api-keys`: the API keys of an application. A key is shown once, when it is made.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::applications::{Numbered, find, managed};
use super::audit::{Deed, state};
use super::body::Sent;
use super::moment::Moment;
use super::openapi::told;
use super::principal::Principal;
use super::query::{At, List, Page, path};
use super::reply::{Gone, Made, One};
use super::{Answer, Means};
use crate::http::problem::Problem;
use crate::registry::api_key::{ApiKey, NewApiKey, Restrictions};
use crate::registry::application::Application;
use crate::registry::key_pair::KeyType;

/// An API key, without the key itself.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "ApiKey")]
struct Document {
    /// Its number.
    id: i64,
    /// Which endpoints it leads to.
    key_type: KeyType,
    /// The addresses and networks that it is taken from; none: all.
    networks: Vec<String>,
    /// The patterns of `Referer` that it is taken with; none: all.
    referers: Vec<String>,
    /// When it ends, if ever.
    expires: Option<Moment>,
}

/// An API key to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// Which endpoints it leads to.
    key_type: KeyType,
    /// The addresses and networks that it is taken from; none: all.
    #[serde(default)]
    networks: Vec<String>,
    /// The patterns of `Referer` that it is taken with; none: all.
    #[serde(default)]
    referers: Vec<String>,
    /// When it ends, if ever.
    #[serde(default)]
    expires: Option<Moment>,
}

/// An API key that was made, and the key itself, which is not shown again.
#[derive(Debug, JsonSchema, Serialize)]
struct IssuedApiKey {
    /// The key.
    api_key: String,
    /// What it is like.
    key: Document,
}

/// An API key in the path.
#[derive(Debug, Deserialize, JsonSchema)]
struct Keyed {
    /// The application's uuid.
    uuid: String,
    /// The key's number.
    id: i64,
}

impl Document {
    fn of(key: &ApiKey) -> Self {
        Self {
            id: key.id.0,
            key_type: key.key_type,
            networks: key.restrictions.networks.iter().map(ToString::to_string).collect(),
            referers: key.restrictions.referers.clone(),
            expires: key.expires.map(Moment),
        }
    }
}

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    let all = get_with(
        list,
        told("applications", "listApiKeys", "Lists the API keys of an application"),
    )
    .post_with(
        make,
        told("applications", "makeApiKey", "Makes an API key, which is shown once"),
    );
    let one = get_with(show, told("applications", "getApiKey", "Tells what an API key is like"))
        .delete_with(delete, told("applications", "deleteApiKey", "Ends an API key"));
    ApiRouter::new()
        .api_route("/admin/v1/applications/{uuid}/api-keys", all)
        .api_route("/admin/v1/applications/{uuid}/api-keys/{id}", one)
}

async fn list(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Numbered>,
    asked: List,
) -> Answer<Page<Document>> {
    let application = find(&means, &who, &of.uuid)?;
    who.narrow(asked.tenant.as_ref())?;
    let keys = means.registry().view().api_keys_of(application.id);
    let keys = keys.iter().filter(|key| asked.is_wanted(&key.id.0.to_string()));
    Ok(asked.page(keys.map(|key| Document::of(key))))
}

async fn show(State(means): State<Arc<Means>>, who: Principal, At(of): At<Keyed>) -> Answer<One<Document>> {
    let application = find(&means, &who, &of.uuid)?;
    Ok(One::of(&Document::of(&*key(&means, &application, of.id)?)))
}

async fn make(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Numbered>,
    Sent(sent): Sent<NewKey>,
) -> Answer<Made<IssuedApiKey>> {
    let application = managed(&means, &who, &of.uuid)?;
    let now = means.authority.now();
    if sent.expires.is_some_and(|expires| expires.0 <= now) {
        return Err(Problem::flawed("/expires", "it is over already"));
    }
    let new = NewApiKey {
        application: application.id,
        key_type: sent.key_type,
        restrictions: Restrictions {
            networks: networks(&sent.networks)?,
            referers: sent.referers,
        },
        expires: sent.expires.map(|expires| expires.0),
    };
    let (id, api_key) = means.registry().add_api_key(new, now).await?;
    let after = Document::of(&*key(&means, &application, id.0)?);
    note(&means, &who, (&application, "make"), (None, Some(&after))).await;
    let place = path(&["applications", &of.uuid, "api-keys", &id.0.to_string()], None);
    Ok(Made::made(place, &IssuedApiKey { api_key, key: after }))
}

async fn delete(State(means): State<Arc<Means>>, who: Principal, At(of): At<Keyed>) -> Answer<Gone> {
    let _turn = means.turn().await;
    let application = managed(&means, &who, &of.uuid)?;
    let before = key(&means, &application, of.id)?;
    means.registry().revoke_api_key(before.id).await?;
    note(
        &means,
        &who,
        (&application, "delete"),
        (Some(&Document::of(&before)), None),
    )
    .await;
    Ok(Gone::done())
}

fn networks(written: &[String]) -> Answer<Vec<ipnet::IpNet>> {
    let read = |(place, text): (usize, &String)| {
        let address = || text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
        let wrong = |_| {
            let pointer = format!("/networks/{place}");
            Problem::flawed(&pointer, "neither an address nor a network such as 10.0.0.0/8")
        };
        text.parse().or_else(|_| address()).map_err(wrong)
    };
    written.iter().enumerate().map(read).collect()
}

/// Finds an API key of an application.
fn key(means: &Means, application: &Application, id: i64) -> Answer<Arc<ApiKey>> {
    let keys = means.registry().view().api_keys_of(application.id);
    let found = keys.into_iter().find(|key| key.id.0 == id);
    found.ok_or_else(|| Problem::missing("the application has no such API key"))
}

async fn note(
    means: &Means,
    who: &Principal,
    (application, action): (&Application, &'static str),
    (before, after): (Option<&Document>, Option<&Document>),
) {
    let id = before.or(after).map_or(0, |key| key.id);
    let deed = Deed {
        action,
        object: format!("API key {id} of application {}", application.name),
        before: before.and_then(state),
        after: after.and_then(state),
        revision: None,
    };
    means.note(who, application.tenant(), deed).await;
}
