//! The request as the backend gets it, and the response as the caller gets it.
//!
//! The path is the permit's, joined to the endpoint's base path; the query goes as it came. Hop-by-hop fields are
//! removed by Pingora's request policy (0.9.1), ours are added here.

use http::header::{FORWARDED, HOST, SERVER, VIA};
use http::{HeaderName, HeaderValue, Version};
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
    let via = HeaderValue::from_static(via(out.version));
    // A field that is there once is inserted: appending costs twice as much, and most requests bring none.
    if out.headers.contains_key(&VIA) {
        out.append_header("Via", via)?;
    } else {
        out.insert_header("Via", via)?;
    }
    out.remove_header(&X_JWT_ASSERTION);
    let keeps_host = exchange.served.snapshot.version(permit.version()).keeps_host;
    if let Some(host) = host.filter(|_| keeps_host) {
        out.insert_header("Host", host)?;
    } else {
        out.insert_header("Host", endpoint.host.clone())?;
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
    if !origin.is_trusted {
        drop_claims(out);
    }
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let (peer, scheme) = (origin.peer.to_string(), origin.scheme.as_str());
    let named = if origin.peer.is_ipv6() {
        ["\"[", "]\""]
    } else {
        ["", ""]
    };
    let element = ["for=", named[0], &peer, named[1], ";host=\"", host, "\";proto=", scheme].concat();
    let stated = |name: &HeaderName| origin.is_trusted && out.headers.contains_key(name);
    let (states_scheme, states_host) = (stated(&X_FORWARDED_PROTO), stated(&X_FORWARDED_HOST));
    join(out, "X-Forwarded-For", &X_FORWARDED_FOR, peer)?;
    join(out, "Forwarded", &FORWARDED, element)?;
    if !states_scheme {
        out.insert_header("X-Forwarded-Proto", HeaderValue::from_static(scheme))?;
    }
    if !states_host && !host.is_empty() {
        out.insert_header("X-Forwarded-Host", host)?;
    }
    Ok(())
}

/// Appends to a list field, keeping one line.
fn join(out: &mut RequestHeader, name: &'static str, key: &HeaderName, element: String) -> Result<()> {
    if !out.headers.contains_key(key) {
        out.insert_header(name, element)?;
        return Ok(());
    }
    let mut line = Vec::new();
    for value in out.headers.get_all(key) {
        line.extend_from_slice(value.as_bytes());
        line.extend_from_slice(b", ");
    }
    line.extend_from_slice(element.as_bytes());
    out.insert_header(name, line)?;
    Ok(())
}

/// Removes what only a trusted peer may state; most callers state none of it, so the names are looked at first.
fn drop_claims(out: &mut RequestHeader) {
    let is_claim = |name: &&HeaderName| {
        let name = name.as_str();
        name.starts_with("x-forwarded-") || name == "forwarded" || name == "x-real-ip"
    };
    let claims: Vec<HeaderName> = out.headers.keys().filter(is_claim).cloned().collect();
    for name in &claims {
        out.remove_header(name);
    }
}

/// What a gateway says of a caller to backends; from a caller it is a forgery (W 9).
const X_JWT_ASSERTION: HeaderName = HeaderName::from_static("x-jwt-assertion");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Names us and the version of HTTP that the message came by (RFC 9110, 7.6.3).
fn via(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2.0 tollgate",
        Version::HTTP_10 => "1.0 tollgate",
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
    let via = HeaderValue::from_static(via(out.version));
    if out.headers.contains_key(&VIA) {
        out.append_header("Via", via)?;
    } else {
        out.insert_header("Via", via)?;
    }
    Ok(())
}
