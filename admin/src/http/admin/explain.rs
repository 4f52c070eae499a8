//! `/explain` and `/admin/v1/explain`: why a request is let through or refused, for those who see every tenant.
//!
//! What a request shows is taken from a body and never from the query: queries end up in logs and histories.

use std::net::IpAddr;
use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Loose;
use super::openapi::told;
use super::ports::Question;
use super::principal::Principal;
use super::query::Asked;
use super::reply::{One, Open};
use super::{Answer, Means};
use crate::http::problem::Problem;

/// A request that shows nothing, or the id of one that was refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Bare {
    /// The method; `GET` where it is left out.
    method: Option<String>,
    /// The URL, or its path alone.
    url: Option<String>,
    /// The address that the request comes from.
    client_ip: Option<IpAddr>,
    /// The id of a request that was refused; then nothing else is asked.
    request: Option<String>,
}

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    ApiRouter::new()
        .api_route("/admin/v1/explain", methods())
        .route("/explain", methods())
}

fn methods() -> ApiMethodRouter<Arc<Means>> {
    get_with(
        recall,
        told(
            "explain",
            "explainBare",
            "Tells what would come of a request that shows nothing, or why one was refused",
        ),
    )
    .post_with(
        explain,
        told("explain", "explain", "Tells what would come of a request"),
    )
}

async fn recall(State(means): State<Arc<Means>>, who: Principal, Asked(bare): Asked<Bare>) -> Answer<One<Open>> {
    allowed(&who)?;
    if let Some(id) = bare.request {
        let found = means.ports.explain.recall(&id);
        if found.is_empty() {
            return Err(Problem::missing("no refusal of this request id is remembered"));
        }
        return Ok(One::of(&Open(json!({ "refused": found }))));
    }
    let url = bare
        .url
        .ok_or_else(|| Problem::malformed("`url` or `request` is wanted"))?;
    let question = Question {
        method: bare.method.unwrap_or_else(|| "GET".to_owned()),
        url,
        client_ip: bare.client_ip,
        ..Question::default()
    };
    told_of(&means, question).await
}

async fn explain(State(means): State<Arc<Means>>, who: Principal, sent: Loose<Question>) -> Answer<One<Open>> {
    allowed(&who)?;
    let question = sent.read().map_err(|reason| {
        let wanted = "{\"method\", \"url\", \"headers\": [\"Name: value\"], \"token\", \"client_ip\"}";
        Problem::malformed(format!("the body is no question {reason}: write {wanted}"))
    })?;
    told_of(&means, question).await
}

async fn told_of(means: &Means, question: Question) -> Answer<One<Open>> {
    let explained = means.ports.explain.explain(question).await;
    explained
        .map(|explained: Value| One::of(&Open(explained)))
        .map_err(Problem::malformed)
}

fn allowed(who: &Principal) -> Answer<()> {
    if who.covers.is_some() {
        return Err(Problem::forbidden("explanations are for those who see every tenant"));
    }
    tracing::info!(user = %who.user, "asks for an explanation");
    Ok(())
}
