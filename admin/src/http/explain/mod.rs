//! `/explain`: why a request is let through or refused, for those who run the gateway.
//!
//! | request | answer |
//! |---|---|
//! | `GET /explain?method=GET&url=/a/1.0/x` | what would come of a request that shows nothing |
//! | `POST /explain` with `{"method", "url", "headers", "token", "client_ip"}` | the same of one that shows something |
//! | `GET /explain?request=ID` | what was refused with this request id, the latest first |
//!
//! What a request shows is taken from a body and never from the query: queries end up in logs and histories. Whoever
//! asks shows an access token with the scope `tollgate:admin`; no question is read before that.

mod port;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;

use super::guard::examined;
use super::problem;
use crate::oauth::Authority;
use crate::oauth::form::Form;

pub use port::{Explain, Explaining, Question};

/// Routes the questions.
pub fn router(authority: Arc<Authority>, explain: Arc<dyn Explain>) -> Router {
    let means = Means { authority, explain };
    Router::new()
        .route("/explain", get(answer).post(answer).fallback(not_allowed))
        .with_state(means)
}

#[derive(Clone)]
struct Means {
    authority: Arc<Authority>,
    explain: Arc<dyn Explain>,
}

async fn answer(State(means): State<Means>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match examined(&means.authority, &parts).await {
        Ok(user) => tracing::info!(%user, "asks for an explanation"),
        Err(refusal) => return refusal,
    }
    let asked = if parts.method == Method::POST {
        match to_bytes(body, LARGEST).await {
            Ok(body) => in_body(&body),
            Err(_) => Err("the body is too large or broke off".to_owned()),
        }
    } else {
        in_query(parts.uri.query().unwrap_or_default())
    };
    let answered = match asked {
        Ok(Asked::Question(question)) => means.explain.explain(question).await,
        Ok(Asked::Request(id)) => {
            let found = means.explain.recall(&id);
            if found.is_empty() {
                return problem::problem(StatusCode::NOT_FOUND, "no refusal of this request id is remembered");
            }
            Ok(json!({ "refused": found }))
        }
        Err(reason) => Err(reason),
    };
    match answered {
        Ok(value) => {
            let mut response = Json(value).into_response();
            let headers = response.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(reason) => problem::problem(StatusCode::BAD_REQUEST, &reason),
    }
}

async fn not_allowed() -> Response {
    let mut response = problem::problem(StatusCode::METHOD_NOT_ALLOWED, "ask with GET or POST");
    let allow = HeaderValue::from_static("GET, HEAD, POST");
    response.headers_mut().insert(http::header::ALLOW, allow);
    response
}

enum Asked {
    Question(Question),
    Request(String),
}

fn in_body(body: &[u8]) -> Result<Asked, String> {
    // What is wrong is said by its place: the words may repeat what was shown.
    let question = serde_json::from_slice(body);
    question.map(Asked::Question).map_err(|reason| {
        format!(
            "the body is no question at line {}, column {}: write {{\"method\", \"url\", \"headers\": [\"Name: value\"], \"token\", \"client_ip\"}}",
            reason.line(),
            reason.column()
        )
    })
}

fn in_query(query: &str) -> Result<Asked, String> {
    const KNOWN: [&str; 4] = ["client_ip", "method", "request", "url"];
    let form = Form::parse(query.as_bytes()).map_err(|error| error.description.into_owned())?;
    let is_unknown = |parameter: &str| {
        let name = parameter.split('=').next().unwrap_or_default();
        !name.is_empty() && !KNOWN.contains(&name)
    };
    if query.split('&').any(is_unknown) {
        return Err(
            "the query takes `method`, `url`, `client_ip` and `request`; what a request shows goes into the \
                    body of a POST"
                .to_owned(),
        );
    }
    if let Some(id) = form.find("request") {
        return Ok(Asked::Request(id.to_owned()));
    }
    let client_ip = form.find("client_ip").map(str::parse).transpose();
    Ok(Asked::Question(Question {
        method: form.find("method").unwrap_or("GET").to_owned(),
        url: form.find("url").ok_or("`url` or `request` is wanted")?.to_owned(),
        client_ip: client_ip.map_err(|_| "`client_ip` is no address")?,
        ..Question::default()
    }))
}

/// No question is larger.
const LARGEST: usize = 64 * 1024;
