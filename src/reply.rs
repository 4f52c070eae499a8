//! Writes the gateway's own answers: refusals, failures and `OPTIONS`.
//!
//! An answer is written with its length and returned as a success, so that a refused caller keeps its connection
//! (`respond_error` of Pingora 0.9.1 would close it). A body that nobody will read is drained within bounds, or the
//! connection is given up.

mod words;

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use pingora_error::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;
use serde_json::json;

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
    let description = called.describe(denial, &fault);
    let challenge = called.challenge(denial, fault.status, headers);
    if is_grpc(headers) {
        return refuse_grpc(session, id, (fault.status, &description), challenge).await;
    }
    let (content_type, body) = body(format(headers), id, fault, &description);
    let mut header = ResponseHeader::build(fault.status, Some(8))?;
    if let Some(challenge) = challenge {
        header.insert_header(WWW_AUTHENTICATE, challenge)?;
    }
    header.insert_header(CONTENT_TYPE, content_type)?;
    header.insert_header(CONTENT_LENGTH, body.len())?;
    header.insert_header(CACHE_CONTROL, "no-store")?;
    header.insert_header(REQUEST_ID, id.clone())?;
    if let Denial::MethodNotAllowed(methods) = denial {
        header.insert_header(ALLOW, methods.to_string())?;
    }
    // HEAD is told the length of a body that it does not get (RFC 9110, 9.3.2); HTTP/2 would send it all the same.
    let body = (session.req_header().method != Method::HEAD).then(|| Bytes::from(body));
    session.write_response_header(Box::new(header), body.is_none()).await?;
    session.write_response_body(body, true).await
}

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

/// The formats of a fault (DESIGN, 3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Json,
    Problem,
    Xml,
}

/// Picks the first format that the caller names; JSON where it names none that we speak.
fn format(headers: &HeaderMap) -> Format {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for media in accepted.flat_map(|line| line.split(',')) {
        match media.split(';').next().unwrap_or_default().trim() {
            "application/problem+json" => return Format::Problem,
            "application/json" | "*/*" => return Format::Json,
            "application/xml" | "text/xml" => return Format::Xml,
            _ => {}
        }
    }
    Format::Json
}

/// Returns what a fault says in the format that the caller asked for, and that format's media type.
pub fn told(headers: &HeaderMap, id: &HeaderValue, fault: Fault) -> (&'static str, String) {
    body(format(headers), id, fault, fault.description)
}

fn body(format: Format, id: &HeaderValue, fault: Fault, description: &str) -> (&'static str, String) {
    let id = id.to_str().unwrap_or_default();
    let Fault {
        status,
        code,
        kind,
        message,
        ..
    } = fault;
    match format {
        Format::Json => {
            let mut body = json!({ "code": code, "message": message, "description": description });
            if let (Some(kind), Some(fields)) = (kind, body.as_object_mut()) {
                fields.insert("type".into(), kind.into());
            }
            ("application/json", body.to_string())
        }
        Format::Problem => {
            let body = json!({
                "type": format!("urn:tollgate:fault:{code}"), "title": message, "status": status.as_u16(),
                "detail": description, "code": code, "request_id": id,
            });
            ("application/problem+json", body.to_string())
        }
        // Every word of a fault is free of markup: ours, or a name of a grammar without any.
        Format::Xml => {
            let (prefix, space) = if kind.is_some() {
                ("am", "http://wso2.org/apimanager")
            } else {
                ("ams", "http://wso2.org/apimanager/security")
            };
            let element = |name: &str, text: &str| format!("<{prefix}:{name}>{text}</{prefix}:{name}>");
            let inner = [
                element("code", code),
                kind.map(|kind| element("type", kind)).unwrap_or_default(),
                element("message", message),
                element("description", description),
            ];
            let body = format!(
                "<{prefix}:fault xmlns:{prefix}=\"{space}\">{}</{prefix}:fault>",
                inner.concat()
            );
            ("application/xml", body)
        }
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_for(accept: &str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        format(&headers)
    }

    #[test]
    fn a_fault_comes_in_the_format_that_was_asked_for() {
        assert_eq!(asked_for("*/*"), Format::Json);
        assert_eq!(asked_for("image/png"), Format::Json);
        assert_eq!(asked_for("text/html, application/problem+json;q=0.9"), Format::Problem);
        assert_eq!(asked_for("text/xml"), Format::Xml);
        assert_eq!(format(&HeaderMap::new()), Format::Json);
    }

    #[test]
    fn a_json_fault_has_the_fields_of_the_system_we_replace() {
        let fault = Denial::UnknownApi.fault();
        let (_, text) = body(Format::Json, &HeaderValue::from_static("r"), fault, fault.description);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            json!({
                "code": "404", "type": "Status report", "message": "Not Found",
                "description": "The requested resource is not available.",
            })
        );
    }

    #[test]
    fn a_security_fault_has_no_type_and_a_namespace_of_its_own() {
        let fault = Denial::MissingScope.fault();
        let id = HeaderValue::from_static("r");
        let (_, text) = body(Format::Json, &id, fault, "d");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            json!({
                "code": "900910", "description": "d",
                "message": "The access token does not allow you to access the requested resource",
            })
        );
        let (_, text) = body(Format::Xml, &id, fault, "d");
        assert_eq!(
            text,
            "<ams:fault xmlns:ams=\"http://wso2.org/apimanager/security\"><ams:code>900910</ams:code>\
             <ams:message>The access token does not allow you to access the requested resource</ams:message>\
             <ams:description>d</ams:description></ams:fault>"
        );
    }
}
