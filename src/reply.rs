//! Writes the gateway's own answers: refusals, failures and `OPTIONS`.
//!
//! An answer is written with its length and returned as a success, so that a refused caller keeps its connection
//! (`respond_error` of Pingora 0.9.1 would close it). A body that nobody will read is drained within bounds, or the
//! connection is given up.

mod body;
mod words;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use pingora_error::ErrorType::InternalError;
use pingora_error::{OrErr as _, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use self::body::{Said, body, format, next_access};
use self::words::Called;
use crate::denial::{Denial, Fault};
use crate::exchange::{Exchange, REQUEST_ID};
use crate::model::method::MethodSet;
use crate::routed;

/// Answers with a denial, in the format that the caller asked for.
///
/// # Errors
///
/// Returns an error where the caller cannot be written to.
pub async fn refuse(session: &mut Session, exchange: &Exchange, denial: Denial) -> Result<()> {
    settle_body(session).await;
    let (fault, id) = (denial.fault(), &exchange.id);
    let headers = &session.req_header().headers;
    let called = Called {
        version: exchange.version(),
        route: exchange.route(),
    };
    let next_access = next_access(denial, SystemTime::now());
    let description = called.describe(denial, &fault, next_access.as_deref());
    let challenge = called.challenge(denial, fault.status, headers);
    if is_grpc(headers) {
        return refuse_grpc(session, id, (fault.status, &description), challenge).await;
    }
    let said = Said {
        fault,
        description: &description,
        next_access: next_access.as_deref(),
    };
    let (content_type, body) = body(format(headers), id, said);
    let mut headers = HeaderMap::with_capacity(USUAL_FIELDS);
    for (name, value) in exchange.quota_fields() {
        headers.insert(name, value);
    }
    if let Some(wait) = denial.retry_after() {
        headers.append(RETRY_AFTER, wait.into());
    }
    if let Some(challenge) = challenge {
        headers.append(WWW_AUTHENTICATE, challenge);
    }
    headers.append(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.append(CONTENT_LENGTH, body.len().into());
    headers.append(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(REQUEST_ID, id.clone());
    if let Denial::MethodNotAllowed(methods) = denial {
        headers.append(ALLOW, methods.to_string().try_into().or_err(InternalError, "methods")?);
    }
    // HEAD is told the length of a body that it does not get (RFC 9110, 9.3.2); HTTP/2 would send it all the same.
    let body = (session.req_header().method != Method::HEAD).then(|| Bytes::from(body));
    let header = header_of(fault.status, headers);
    session.write_response_header(Box::new(header), body.is_none()).await?;
    session.write_response_body(body, true).await
}

/// Joins a head whose fields are all ours, so that nobody's spelling of their names is kept beside them.
fn header_of(status: StatusCode, headers: HeaderMap) -> ResponseHeader {
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.status = status;
    parts.headers = headers;
    parts.into()
}

/// Room for the fields of most refusals, and for what Pingora adds.
const USUAL_FIELDS: usize = 12;

/// Answers `OPTIONS` where the resource leaves it to the gateway (RFC 9110, 9.3.7).
///
/// # Errors
///
/// Returns an error where the caller cannot be written to.
pub async fn options(session: &mut Session, id: &HeaderValue, methods: MethodSet) -> Result<()> {
    settle_body(session).await;
    let mut header = ResponseHeader::build(StatusCode::NO_CONTENT, Some(4))?;
    header.insert_header(ALLOW, methods.to_string())?;
    header.insert_header(REQUEST_ID, id.clone())?;
    session.write_response_header(Box::new(header), true).await?;
    session.write_response_body(None, true).await
}

/// Sends an answer of the gateway's own, read to its end.
///
/// # Errors
///
/// Returns an error where the caller cannot be written to.
pub async fn send(session: &mut Session, id: &HeaderValue, answer: Response<Bytes>) -> Result<()> {
    settle_body(session).await;
    let (header, body) = routed::outgoing(answer, &session.req_header().method, id)?;
    session.write_response_header(Box::new(header), body.is_none()).await?;
    session.write_response_body(body, true).await
}

/// Refuses a gRPC call: HTTP 200 with a status of its own, and nothing else (gRPC over HTTP/2, "Trailers-Only").
async fn refuse_grpc(
    session: &mut Session,
    id: &HeaderValue,
    (status, description): (StatusCode, &str),
    challenge: Option<HeaderValue>,
) -> Result<()> {
    let mut header = ResponseHeader::build(StatusCode::OK, Some(5))?;
    if let Some(challenge) = challenge {
        header.insert_header(WWW_AUTHENTICATE, challenge)?;
    }
    header.insert_header(CONTENT_TYPE, "application/grpc")?;
    header.insert_header("grpc-status", grpc_status(status))?;
    header.insert_header("grpc-message", description)?;
    header.insert_header(REQUEST_ID, id.clone())?;
    session.write_response_header(Box::new(header), true).await?;
    session.write_response_body(None, true).await
}

/// Maps as gRPC's "HTTP to gRPC Status Code Mapping" does, and the rest as its codes read.
fn grpc_status(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 | 408 | 414 | 431 => "13",
        401 => "16",
        403 => "7",
        404 | 405 => "12",
        413 => "8",
        429 | 502 | 503 => "14",
        504 => "4",
        _ => "2",
    }
}

/// Reads what is left of a small body, so that the connection can be kept; gives the connection up otherwise.
async fn settle_body(session: &mut Session) {
    if session.as_downstream_mut().is_body_done() {
        return;
    }
    let headers = &session.req_header().headers;
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let is_small = length.is_some_and(|length| length <= DRAINED_BYTES) && !headers.contains_key(EXPECT);
    if is_small {
        session.set_total_drain_timeout(Some(DRAIN_TIME));
    }
    if !is_small || session.as_downstream_mut().drain_request_body().await.is_err() {
        session.set_keepalive(None);
    }
}

const DRAINED_BYTES: usize = 16 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// Returns what a fault says in the format that the caller asked for, and that format's media type.
pub fn told(headers: &HeaderMap, id: &HeaderValue, fault: Fault) -> (&'static str, String) {
    let said = Said {
        fault,
        description: fault.description,
        next_access: None,
    };
    body(format(headers), id, said)
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}
