//! `/admin/v1/applications/{uuid}/quotas`: how the quotas of an application stand, and beginning them anew.
//!
//! | request | answer |
//! |---|---|
//! | `GET /admin/v1/applications/{uuid}/quotas` | its application tier, and the tier of each subscription, as they stand |
//! | `POST /admin/v1/applications/{uuid}/quotas/reset` | the same, after what was counted was forgotten |
//!
//! The application tier counts each user apart: `?user=NAME` or `?user=NAME@TENANT` says which one is meant; without it,
//! the owner, who is whoever the application's own tokens speak for. Asking spends nothing.

mod port;

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::{ALLOW, CACHE_CONTROL};
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use super::guard::examined;
use super::problem;
use crate::oauth::Authority;
use crate::oauth::form::Form;

pub use port::Quotas;

/// Routes the questions.
pub fn router(authority: Arc<Authority>, quotas: Arc<dyn Quotas>) -> Router {
    let means = Means { authority, quotas };
    Router::new()
        .route(QUOTAS, get(show).fallback(|| not_allowed("GET, HEAD")))
        .route(RESET, post(reset).fallback(|| not_allowed("POST")))
        .with_state(means)
}

#[derive(Clone)]
struct Means {
    authority: Arc<Authority>,
    quotas: Arc<dyn Quotas>,
}

async fn show(State(means): State<Means>, Path(application): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if let Err(refusal) = examined(&means.authority, &parts).await {
        return refusal;
    }
    match user(parts.uri.query()) {
        Ok(user) => told(means.quotas.show(&application, user.as_deref())),
        Err(reason) => problem::problem(StatusCode::BAD_REQUEST, reason),
    }
}

async fn reset(State(means): State<Means>, Path(application): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let operator = match examined(&means.authority, &parts).await {
        Ok(operator) => operator,
        Err(refusal) => return refusal,
    };
    match user(parts.uri.query()) {
        Ok(user) => {
            let found = means.quotas.reset(&application, user.as_deref());
            if found.is_some() {
                tracing::info!(%operator, application, user, "quotas begin anew");
            }
            told(found)
        }
        Err(reason) => problem::problem(StatusCode::BAD_REQUEST, reason),
    }
}

fn told(found: Option<Value>) -> Response {
    let Some(found) = found else {
        return problem::problem(StatusCode::NOT_FOUND, "no application has this uuid");
    };
    let mut response = Json(found).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Reads whose count of the application tier is meant.
fn user(query: Option<&str>) -> Result<Option<String>, &'static str> {
    const WANTED: &str = "the query takes `user` alone, once, such as `user=joe` or `user=joe@acme.example`";
    let query = query.unwrap_or_default();
    let form = Form::parse(query.as_bytes()).map_err(|_| WANTED)?;
    let is_user = |parameter: &str| parameter.strip_prefix("user=").is_some_and(|name| !name.is_empty());
    if query.is_empty() || query.split('&').all(is_user) {
        Ok(form.find("user").map(str::to_owned))
    } else {
        Err(WANTED)
    }
}

async fn not_allowed(methods: &'static str) -> Response {
    let mut response = problem::problem(StatusCode::METHOD_NOT_ALLOWED, "ask with one of the methods in `Allow`");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

const QUOTAS: &str = "/admin/v1/applications/{uuid}/quotas";
const RESET: &str = "/admin/v1/applications/{uuid}/quotas/reset";
