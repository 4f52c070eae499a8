//! The status page: `/livez`, `/readyz`, `/metrics` and `/version`, in plain HTTP for probes and scrapers.

use std::sync::Arc;

use async_trait::async_trait;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use pingora_core::apps::http_app::ServeHttp;
use pingora_core::protocols::http::ServerSession;
use serde_json::json;

use super::Telemetry;
use super::readiness::Readiness;
use crate::accept::deadline;

/// The status page as an application for a listener of its own.
#[derive(Debug)]
pub struct Status {
    telemetry: Arc<Telemetry>,
    readiness: Arc<Readiness>,
}

impl Status {
    /// Shows these.
    pub fn new(telemetry: Arc<Telemetry>, readiness: Arc<Readiness>) -> Self {
        Self { telemetry, readiness }
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Vec<u8>> {
        let page = match path {
            "/livez" => page(StatusCode::OK, TEXT, b"ok\n".to_vec()),
            "/readyz" => self.readyz(),
            "/metrics" => page(StatusCode::OK, METRICS, self.telemetry.metrics().into_bytes()),
            "/version" => page(StatusCode::OK, JSON, version()),
            _ => page(StatusCode::NOT_FOUND, TEXT, b"not found\n".to_vec()),
        };
        if page.status() != StatusCode::NOT_FOUND && method != Method::GET && method != Method::HEAD {
            return not_allowed();
        }
        page
    }

    fn readyz(&self) -> Response<Vec<u8>> {
        let report = self.readiness.report();
        let status = if report.ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        page(status, JSON, serde_json::to_vec(&report).unwrap_or_default())
    }
}

#[async_trait]
impl ServeHttp for Status {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        deadline::header_read(session);
        let request = session.req_header();
        let mut answer = self.answer(&request.method, request.uri.path());
        if request.method == Method::HEAD {
            answer.body_mut().clear();
        }
        deadline::between_requests(session);
        answer
    }
}

fn version() -> Vec<u8> {
    json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") })
        .to_string()
        .into_bytes()
}

fn page(status: StatusCode, kind: HeaderValue, body: Vec<u8>) -> Response<Vec<u8>> {
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn not_allowed() -> Response<Vec<u8>> {
    let mut response = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, b"method not allowed\n".to_vec());
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const METRICS: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
