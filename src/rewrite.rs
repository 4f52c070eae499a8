//! The request as the backend gets it, and the response as the caller gets it.
//!
//! The path is the permit's, joined to the endpoint's base path; the query goes as it came. Hop-by-hop fields are
//! removed by Pingora's request policy (0.9.1), ours are added here.

use bytes::BytesMut;
use http::HeaderValue;
use http::header::{FORWARDED, HOST, SERVER, VIA};
use pingora_error::Result;
use pingora_http::{RequestHeader, ResponseHeader};

use crate::exchange::{Exchange, REQUEST_ID};
use crate::forwarding::Origin;
use crate::stages::Permit;
use crate::upstream::Endpoint;

/// Makes the request that goes out.
///
/// # Errors
///
/// Returns an error where a field that was made here is not a valid one, which no input should achieve.
pub fn request(out: &mut RequestHeader, exchange: &Exchange, permit: &Permit, endpoint: &Endpoint) -> Result<()> {
    let host = out.headers.get(HOST).cloned().or_else(|| authority(out));
    set_target(out, endpoint, permit)?;
    forward(out, &exchange.origin, host.as_ref())?;
    out.insert_header(REQUEST_ID, exchange.id.clone())?;
    out.append_header(VIA, via(out))?;
    out.remove_header("x-jwt-assertion");
    let keeps_host = exchange.served.snapshot.version(permit.version()).keeps_host;
    if let Some(host) = host.filter(|_| keeps_host) {
        out.insert_header(HOST, host)?;
    } else {
        out.insert_header(HOST, endpoint.host.clone())?;
    }
    Ok(())
}

fn authority(out: &RequestHeader) -> Option<HeaderValue> {
    HeaderValue::from_str(out.uri.authority()?.as_str()).ok()
}

/// Joins base path, permitted path and query. What was matched is what is sent.
fn set_target(out: &mut RequestHeader, endpoint: &Endpoint, permit: &Permit) -> Result<()> {
    let raw = out.raw_path();
    let query = raw
        .iter()
        .position(|&byte| byte == b'?')
        .and_then(|at| raw.get(at..))
        .unwrap_or_default();
    let mut target = Vec::with_capacity(endpoint.base.len() + permit.path().len() + query.len());
    target.extend_from_slice(endpoint.base.as_bytes());
    target.extend_from_slice(permit.path().as_bytes());
    target.extend_from_slice(query);
    out.set_raw_path(&target)
}

/// Says where the request came from, after what a trusted peer said and instead of what anyone else did.
fn forward(out: &mut RequestHeader, origin: &Origin, host: Option<&HeaderValue>) -> Result<()> {
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let peer = origin.peer;
    let element = match peer {
        std::net::IpAddr::V4(_) => format!("for={peer};host=\"{host}\";proto={}", origin.scheme.as_str()),
        std::net::IpAddr::V6(_) => format!("for=\"[{peer}]\";host=\"{host}\";proto={}", origin.scheme.as_str()),
    };
    if !origin.is_trusted {
        for name in FORWARDING_FIELDS {
            out.remove_header(name);
        }
    }
    join(out, "x-forwarded-for", &peer.to_string())?;
    join(out, FORWARDED.as_str(), &element)?;
    if !out.headers.contains_key("x-forwarded-proto") {
        out.insert_header("x-forwarded-proto", origin.scheme.as_str())?;
    }
    if !out.headers.contains_key("x-forwarded-host") && !host.is_empty() {
        out.insert_header("x-forwarded-host", host)?;
    }
    Ok(())
}

/// Appends to a list field, keeping one line.
fn join(out: &mut RequestHeader, name: &'static str, element: &str) -> Result<()> {
    if !out.headers.contains_key(name) {
        out.insert_header(name, element)?;
        return Ok(());
    }
    let mut line = BytesMut::new();
    for value in out.headers.get_all(name) {
        line.extend_from_slice(value.as_bytes());
        line.extend_from_slice(b", ");
    }
    line.extend_from_slice(element.as_bytes());
    out.insert_header(name, line.as_ref())?;
    Ok(())
}

/// Every field that only a trusted peer may set.
const FORWARDING_FIELDS: [&str; 7] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-prefix",
    "x-real-ip",
];

/// Names us and the version of HTTP that the message came by (RFC 9110, 7.6.3).
fn via(message: &RequestHeader) -> HeaderValue {
    HeaderValue::from_static(via_of(message.version))
}

fn via_of(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_2 => "2.0 tollgate",
        http::Version::HTTP_10 => "1.0 tollgate",
        _ => "1.1 tollgate",
    }
}

/// Makes the response that the caller gets from a backend's.
///
/// # Errors
///
/// Returns an error where a field that was made here is not a valid one, which no input should achieve.
pub fn response(out: &mut ResponseHeader, exchange: &Exchange) -> Result<()> {
    out.remove_header(&SERVER);
    out.insert_header(REQUEST_ID, exchange.id.clone())?;
    out.append_header(VIA, HeaderValue::from_static(via_of(out.version)))?;
    Ok(())
}
