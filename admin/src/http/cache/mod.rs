//! `/admin/v1/cache/purge`: forgets what is kept of responses, at once.
//!
//! | request | answer |
//! |---|---|
//! | `POST {"everything": true}` | 204: all of it is forgotten |
//! | `POST {"url": "/orders/1.0/items/7"}` | 204: what callers get there |
//! | `POST {"tag": "product-7"}` | 204: what its origin gave this tag |
//! | `POST {"api": "Orders", "version": "1.0", "prefix": "/items"}` | 204: that part; a `tenant` alone is one, too |
//!
//! With `"soft": true`, entries become stale instead. 422 says what makes no sense, 503 why what is on the disk may come
//! back with the next start.

mod port;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use tokio::task::spawn_blocking;

use super::guard::examined;
use super::problem;
use crate::oauth::Authority;

pub use port::{Purge, Refused};

/// Routes the requests.
pub fn router(authority: Arc<Authority>, purge: Arc<dyn Purge>) -> Router {
    Router::new()
        .route(PURGE, post(answer).fallback(not_allowed))
        .with_state(Means { authority, purge })
}

#[derive(Clone)]
struct Means {
    authority: Arc<Authority>,
    purge: Arc<dyn Purge>,
}

async fn answer(State(means): State<Means>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let operator = match examined(&means.authority, &parts).await {
        Ok(operator) => operator,
        Err(refusal) => return refusal,
    };
    let Ok(named) = to_bytes(body, LONGEST).await else {
        return problem::problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long");
    };
    // What there is on a disk is waited for.
    let (purge, who) = (Arc::clone(&means.purge), operator.to_string());
    match spawn_blocking(move || purge.purge(&named, &who)).await {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(Refused::Senseless(reason))) => problem::problem(StatusCode::UNPROCESSABLE_ENTITY, &reason),
        Ok(Err(Refused::Failed(reason))) => problem::problem(StatusCode::SERVICE_UNAVAILABLE, &reason),
        Err(_) => problem::problem(StatusCode::INTERNAL_SERVER_ERROR, "the purge broke; see the log"),
    }
}

async fn not_allowed() -> Response {
    let mut response = problem::problem(StatusCode::METHOD_NOT_ALLOWED, "ask with POST");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

const PURGE: &str = "/admin/v1/cache/purge";

/// Nothing that names a part of the cache is longer.
const LONGEST: usize = 64 << 10;
