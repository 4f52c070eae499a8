//! The request as the backend gets it, and the response as the caller gets it.
//!
//! The path is the permit's, joined to the endpoint's base path; the query goes as it came, but for an API key. Fields
//! of one hop are removed here both ways; Pingora's request policy (0.9.1), which would search for each of them by
//! name, is off.

mod consumed;

use std::borrow::Cow;
use std::mem;

use bytes::Bytes;
use http::header::{Entry, FORWARDED, HOST, PROXY_AUTHORIZATION, SERVER, TRANSFER_ENCODING, UPGRADE, VIA};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version, response};
use pingora_error::{ErrorType, OrErr, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use crate::exchange::{Exchange, REQUEST_ID};
use crate::forwarding::{Origin, write_address};
use crate::hop;
use crate::model::security::{CredentialFields, Security};
use crate::stages::Permit;
use crate::upstream::Endpoint;

/// Makes the request that goes out.
///
/// Pingora keeps the caller's spelling of field names beside the fields, which doubles what every field costs
/// (0.9.1). Names do not differ by case (RFC 9110, 5.1), so the backend gets them without. `came_by` is the version
/// that the caller speaks.
///
/// # Errors
///
/// Returns an error where a field that was made here is not a valid one, which no input should achieve.
pub fn request(
    out: &mut RequestHeader,
    came_by: Version,
    exchange: &Exchange,
    permit: &Permit,
    endpoint: &Endpoint,
) -> Result<()> {
    let snapshot = &exchange.served.snapshot;
    let version = snapshot.version(permit.version());
    let target = match &exchange.cached {
        // What is in the key is what is sent.
        Some(cached) => Bytes::from([&endpoint.base, cached.target.as_str()].concat()),
        None => target(out, endpoint, permit, &version.security),
    };
    let (mut target, ends_stream) = (target, out.send_end_stream());
    let (blank, ()) = Request::new(()).into_parts();
    let mut parts: Parts = mem::replace(out, blank.into()).into();
    let authority = parts
        .uri
        .authority()
        .and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    let headers = &mut parts.headers;
    // From HTTP/2 to HTTP/2 there is nothing of a hop but the `TE` that gRPC is known by (RFC 9113, 8.2.2).
    let has_hops = (came_by, parts.version) != (Version::HTTP_2, Version::HTTP_2);
    drop_unsent(headers, has_hops, exchange.origin.is_trusted, snapshot.fields());
    if !has_hops {
        // A credential for a proxy, which is one that stands before us.
        headers.remove(PROXY_AUTHORIZATION);
    }
    headers.reserve(ADDED_FIELDS);
    if let Some(caller) = permit.caller() {
        consumed::strip(headers, caller, &version.security);
    }
    // Whoever was routed by the authority is told of it, whatever `Host` says beside it (RFC 9113, 8.3.1).
    let stated = headers.insert(HOST, endpoint.host.clone());
    let host = authority.or(stated);
    forward(headers, &exchange.origin, host.as_ref())?;
    headers.insert(REQUEST_ID, exchange.id.clone());
    headers.append(VIA, HeaderValue::from_static(via(came_by)));
    if let Some(host) = host.filter(|_| version.keeps_host) {
        headers.insert(HOST, host);
    }
    let is_text = str::from_utf8(&target).is_ok();
    // Pingora keeps a target that is no text beside the URI.
    let uri = if is_text {
        let target = PathAndQuery::from_maybe_shared(mem::take(&mut target));
        Uri::from(target.or_err(ErrorType::InvalidHTTPHeader, "target")?)
    } else {
        Uri::default()
    };
    parts.uri = uri;
    *out = RequestHeader::from(parts);
    out.set_send_end_stream(ends_stream.unwrap_or(true));
    if is_text { Ok(()) } else { out.set_raw_path(&target) }
}

/// Joins base path, permitted path and query. What was matched is what is sent.
fn target(out: &RequestHeader, endpoint: &Endpoint, permit: &Permit, security: &Security) -> Bytes {
    let (base, path) = (endpoint.base.as_bytes(), permit.path().as_bytes());
    let query = query_sent(out.raw_path(), permit, security);
    let mut target = Vec::with_capacity(base.len() + path.len() + query.len());
    target.extend_from_slice(base);
    target.extend_from_slice(path);
    target.extend_from_slice(&query);
    Bytes::from(target)
}

/// Returns the query that the backend gets, with its question mark: as it came, but for an API key.
pub fn query_sent<'q>(raw: &'q [u8], permit: &Permit, security: &Security) -> Cow<'q, [u8]> {
    let query = memchr::memchr(b'?', raw)
        .and_then(|at| raw.get(at..))
        .unwrap_or_default();
    if permit.caller().is_some() && security.accepts.api_key {
        return Cow::Owned(consumed::strip_parameter(query, security.api_key.as_str()));
    }
    Cow::Borrowed(query)
}

/// Says where the request came from, after what a trusted peer said and instead of what anyone else did.
fn forward(headers: &mut HeaderMap, origin: &Origin, host: Option<&HeaderValue>) -> Result<()> {
    let named = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let scheme = origin.scheme.as_str();
    let (open, close) = if origin.peer.is_ipv6() {
        ("\"[", "]\"")
    } else {
        ("", "")
    };
    let mut element = Vec::with_capacity(TYPICAL_ELEMENT);
    element.extend_from_slice(b"for=");
    element.extend_from_slice(open.as_bytes());
    let begin = element.len();
    write_address(&mut element, origin.peer);
    let peer = begin..element.len();
    for part in [close, ";host=\"", named, "\";proto=", scheme] {
        element.extend_from_slice(part.as_bytes());
    }
    let peer = element.get(peer).unwrap_or_default();
    if origin.is_trusted {
        join(headers, FORWARDED, &element)?;
        join(headers, X_FORWARDED_FOR, peer)?;
        headers
            .entry(X_FORWARDED_PROTO)
            .or_insert_with(|| HeaderValue::from_static(scheme));
        if let Some(host) = host {
            headers.entry(X_FORWARDED_HOST).or_insert_with(|| host.clone());
        }
    } else {
        // What it stated of these is gone, so there is nothing to look for.
        headers.append(FORWARDED, value(&element)?);
        headers.append(X_FORWARDED_FOR, value(peer)?);
        headers.append(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
        if let Some(host) = host {
            headers.append(X_FORWARDED_HOST, host.clone());
        }
    }
    Ok(())
}

/// Appends to a list field, keeping one line.
fn join(headers: &mut HeaderMap, name: HeaderName, element: &[u8]) -> Result<()> {
    match headers.entry(name) {
        Entry::Vacant(vacant) => {
            vacant.insert(value(element)?);
        }
        Entry::Occupied(mut stated) => {
            let lines = stated.iter().filter(|value| value.to_str().is_ok());
            let lines: Vec<&[u8]> = lines.map(HeaderValue::as_bytes).chain([element]).collect();
            let line = value(&lines.join(&b", "[..]))?;
            stated.insert(line);
        }
    }
    Ok(())
}

fn value(line: &[u8]) -> Result<HeaderValue> {
    HeaderValue::from_bytes(line).or_err(ErrorType::InvalidHTTPHeader, "forwarding field")
}

/// Removes what goes no further: fields of one hop, what this peer may not state, and what is between the gateway and
/// those around it. Most requests have none of it, so the names are looked at once, rather than looked up.
fn drop_unsent(headers: &mut HeaderMap, has_hops: bool, is_trusted: bool, fields: &CredentialFields) {
    let is_unsent = |name: &str| has_hops && hop::is_of_request(name) || is_ours(name, is_trusted, fields);
    let unsent = headers.keys().filter(|name| is_unsent(name.as_str()));
    let mut unsent: Vec<HeaderName> = unsent.cloned().collect();
    if has_hops {
        hop::add_nominated(headers, &mut unsent);
    }
    for name in &unsent {
        headers.remove(name);
    }
}

/// Tells whether a field is one that this peer may not state, or is between the gateway and those around it.
fn is_ours(name: &str, is_trusted: bool, fields: &CredentialFields) -> bool {
    let certificate = fields.certificate.as_ref();
    is_claim(name, is_trusted)
        || is_alike(name, fields.assertion.as_str())
        || certificate.is_some_and(|field| is_alike(name, field.as_str()))
}

/// Tells whether a field of a request goes no further than the gateway, beside those of one hop.
pub fn is_kept_back(name: &HeaderName, headers: &HeaderMap, exchange: &Exchange) -> bool {
    let is_consumed = || {
        let (caller, version) = exchange.caller().zip(exchange.version())?;
        Some(consumed::is_whole(name, headers, caller, &version.security))
    };
    is_ours(
        name.as_str(),
        exchange.origin.is_trusted,
        exchange.served.snapshot.fields(),
    ) || is_consumed().unwrap_or_default()
}

/// Returns the host that an endpoint is told was called: whoever was routed by the authority is told of it, whatever
/// `Host` says beside it (RFC 9113, 8.3.1).
pub fn host_called(request: &RequestHeader) -> &[u8] {
    let stated = || request.headers.get(HOST).map(HeaderValue::as_bytes);
    let authority = request.uri.authority().map(|authority| authority.as_str().as_bytes());
    authority.or_else(stated).unwrap_or_default()
}

/// Tells whether a name is another one, however its hyphens are written: an underscore is one to many a backend.
fn is_alike(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one
            .bytes()
            .zip(other.bytes())
            .all(|(one, other)| plain(one) == plain(other))
}

fn plain(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte }
}

/// Tells whether a field is one that this peer may not state: an identity never, a forwarding field only where it is
/// trusted. An underscore is a hyphen to many a backend (RFC 3875, 4.1.18), so no proxy of ours would write one.
fn is_claim(name: &str, is_trusted: bool) -> bool {
    // Every such name begins with one of these, and hardly any other one does.
    if !matches!(name.as_bytes().first(), Some(b'c' | b'f' | b'x')) {
        return false;
    }
    let begins = |wanted: &str| {
        let mut pairs = name.bytes().zip(wanted.bytes());
        name.len() >= wanted.len() && pairs.all(|(byte, wanted)| byte == wanted || byte == b'_' && wanted == b'-')
    };
    let is = |wanted: &str| name.len() == wanted.len() && begins(wanted);
    let forwards = || begins("x-forwarded-") || name == "forwarded" || is("x-real-ip");
    let is_certificate = || is(CLIENT_CERT) || is(CLIENT_CERT_CHAIN);
    is(X_JWT_ASSERTION) || is_certificate() || ((!is_trusted || name.contains('_')) && forwards())
}

/// Room for what is added to most requests.
const ADDED_FIELDS: usize = 8;

/// Room for most elements of `Forwarded`.
const TYPICAL_ELEMENT: usize = 128;

/// What a gateway says of a caller to backends; from a caller it is a forgery (W 9).
const X_JWT_ASSERTION: &str = "x-jwt-assertion";
/// What a proxy says of the certificate that a caller proved to hold (RFC 9440): meant for us, whoever wrote it.
const CLIENT_CERT: &str = "client-cert";
const CLIENT_CERT_CHAIN: &str = "client-cert-chain";
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

/// Makes the response that the caller gets from a backend's. It does not name us: a gateway need not (RFC 9110,
/// 7.6.3), and strangers learn nothing of what stands between.
///
/// As with requests, the backend's spelling of field names goes no further than the names that Pingora knows.
///
/// # Errors
///
/// Returns an error where Pingora does not take back the reason phrase that it read.
pub fn response(out: &mut ResponseHeader, exchange: &Exchange) -> Result<()> {
    let phrase = out.get_reason_phrase();
    let phrase = phrase.filter(|phrase| out.status.canonical_reason() != Some(phrase));
    let phrase = phrase.map(str::to_owned);
    let (blank, ()) = Response::new(()).into_parts();
    let mut parts: response::Parts = mem::replace(out, blank.into()).into();
    let headers = &mut parts.headers;
    // An upgrade says so in fields of one hop; the tunnel has put them right.
    if parts.status != StatusCode::SWITCHING_PROTOCOLS {
        for name in hop::of_response(headers) {
            headers.remove(name);
        }
        if parts.status != StatusCode::UPGRADE_REQUIRED {
            headers.remove(UPGRADE);
        }
    }
    headers.remove(SERVER);
    headers.reserve(ADDED_TO_RESPONSES);
    headers.insert(REQUEST_ID, exchange.id.clone());
    for (name, value) in exchange.quota_fields() {
        headers.insert(name, value);
    }
    *out = ResponseHeader::from(parts);
    match phrase {
        Some(phrase) => out.set_reason_phrase(Some(&phrase)),
        None => Ok(()),
    }
}

/// Room for our own fields and for those that Pingora adds: `Date`, and `Connection` or a framing.
const ADDED_TO_RESPONSES: usize = 6;

/// Suits a response to a caller of HTTP/1.0, who knows no chunks: its body ends with the connection (RFC 9112, 6.1).
pub fn suit(out: &mut ResponseHeader, session: &mut Session) {
    if session.req_header().version == Version::HTTP_10 && out.headers.contains_key(TRANSFER_ENCODING) {
        out.remove_header(&TRANSFER_ENCODING);
        session.set_keepalive(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::Scheme;

    fn forwarded(is_trusted: bool, peer: &str, fields: &[(&'static str, &str)]) -> HeaderMap {
        let peer = peer.parse().unwrap();
        let origin = Origin {
            peer,
            client: peer,
            scheme: Scheme::Https,
            is_trusted,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        drop_unsent(&mut headers, true, is_trusted, &CredentialFields::default());
        forward(&mut headers, &origin, Some(&HeaderValue::from_static("api.test"))).unwrap();
        headers
    }

    #[test]
    fn what_a_stranger_claims_is_replaced() {
        let claims = [
            ("forwarded", "for=1.1.1.1"),
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-host", "evil.test"),
        ];
        let more = [
            ("x-real-ip", "1.1.1.1"),
            ("x-forwarded-port", "1"),
            ("x-forwarded-proto", "http"),
        ];
        let headers = forwarded(false, "192.0.2.9", &[claims, more].concat());
        assert_eq!(headers["x-forwarded-for"], "192.0.2.9");
        assert_eq!(headers["forwarded"], "for=192.0.2.9;host=\"api.test\";proto=https");
        assert_eq!(headers["x-forwarded-host"], "api.test");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers.len(), 4);
    }

    #[test]
    fn what_a_trusted_proxy_says_is_continued() {
        let said = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "10.0.0.2"),
            ("forwarded", "for=1.1.1.1"),
        ];
        let headers = forwarded(true, "2001:db8::1", &said);
        assert_eq!(headers["x-forwarded-for"], "1.1.1.1, 10.0.0.2, 2001:db8::1");
        assert_eq!(
            headers["forwarded"],
            "for=1.1.1.1, for=\"[2001:db8::1]\";host=\"api.test\";proto=https"
        );
    }
}
