//! A borrowed view of a request's head: everything admission may look at, and nothing else.

use std::net::IpAddr;

use http::header::HOST;
use http::{HeaderMap, Method, Uri, Version};

use crate::registry::token::Digest;

/// What a request says before its body.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path as it arrived, without the query.
    pub path: &'a [u8],
    /// The length of the whole request target, the query included.
    pub target_bytes: usize,
    /// The query as it arrived, without its question mark; empty where there is none or it is not text.
    pub query: &'a str,
    /// The certificate that the caller proved to hold, or that a trusted proxy vouches for.
    pub certificate: Option<&'a ShownCertificate>,
    /// The host that was asked for, without its port; `None` where the request names none or names it twice.
    pub host: Option<&'a str>,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// The header as HTTP/1 wrote it; empty for HTTP/2.
    pub raw: &'a [u8],
    /// Whether the caller used plain HTTP or TLS, after the trust list.
    pub scheme: Scheme,
    /// The caller's address, after the trust list.
    pub client: IpAddr,
}

/// What a request said before its body, kept for as long as the request lasts: what is asked again later is asked alike.
#[derive(Clone, Debug)]
pub struct Kept {
    method: Method,
    path: Box<[u8]>,
    target_bytes: usize,
    query: Box<str>,
    certificate: Option<ShownCertificate>,
    host: Option<Box<str>>,
    headers: HeaderMap,
    scheme: Scheme,
    client: IpAddr,
}

impl From<Head<'_>> for Kept {
    /// Keeps all but what HTTP/1 wrote, which was looked at and does not change.
    fn from(head: Head<'_>) -> Self {
        Self {
            method: head.method.clone(),
            path: head.path.into(),
            target_bytes: head.target_bytes,
            query: head.query.into(),
            certificate: head.certificate.cloned(),
            host: head.host.map(Into::into),
            headers: head.headers.clone(),
            scheme: head.scheme,
            client: head.client,
        }
    }
}

impl Kept {
    /// Returns the head again.
    pub fn head(&self) -> Head<'_> {
        Head {
            method: &self.method,
            path: &self.path,
            target_bytes: self.target_bytes,
            query: &self.query,
            certificate: self.certificate.as_ref(),
            host: self.host.as_deref(),
            headers: &self.headers,
            raw: &[],
            scheme: self.scheme,
            client: self.client,
        }
    }
}

/// A certificate whose key the caller holds. Nothing else of it was judged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ShownCertificate {
    der: Box<[u8]>,
    digest: Digest,
    intermediates: Vec<Box<[u8]>>,
}

impl ShownCertificate {
    /// Takes the DER of a certificate, and of what the caller sent to chain it to an authority.
    pub fn new(der: &[u8], intermediates: Vec<Box<[u8]>>) -> Self {
        Self {
            der: der.into(),
            digest: Digest::of_bytes(der),
            intermediates,
        }
    }

    /// Returns its DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the SHA-256 of its DER, by which tokens are bound to it (RFC 8705, 3.1).
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Returns the DER of what may chain it to an authority.
    pub fn intermediates(&self) -> &[Box<[u8]>] {
        &self.intermediates
    }
}

/// The transport that a caller used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// Returns it as a URL writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Returns the host that a request names, without its port: the authority of HTTP/2, else the one `Host` field.
///
/// `None` where there is none or more than one, or it is not a host (RFC 9112, 3.2); HTTP/1.0 need not name any.
pub fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri, version: Version) -> Option<&'a str> {
    let mut fields = headers.get_all(HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return None;
    }
    let named = match (uri.authority(), field) {
        (Some(authority), _) => authority.as_str(),
        (None, Some(field)) => field.to_str().ok()?,
        (None, None) => return (version == Version::HTTP_10).then_some(""),
    };
    without_port(named)
}

/// Cuts the port off; refuses what is not a name or an address.
fn without_port(named: &str) -> Option<&str> {
    let (host, port) = if named.starts_with('[') {
        let end = named.find(']')? + 1;
        (named.get(..end)?, named.get(end..)?)
    } else {
        named.split_at(memchr::memchr(b':', named.as_bytes()).unwrap_or(named.len()))
    };
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_host = literal.map_or_else(|| is_name(host), |inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
    let digits = port.strip_prefix(':').unwrap_or(port);
    let is_port = port.is_empty() || digits.parse::<u16>().is_ok() || port == ":";
    // A literal is known without its brackets, as the catalog writes it.
    // A dot at the end only says that the name is whole (RFC 1034, 3.1).
    (is_host && is_port).then(|| literal.unwrap_or_else(|| host.strip_suffix('.').unwrap_or(host)))
}

fn is_name(host: &str) -> bool {
    let is_part = |byte: u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_');
    !host.is_empty() && host.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(fields: &[&str], uri: &str, version: Version) -> Option<String> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(HOST, field.parse().unwrap());
        }
        host(&headers, &uri.parse().unwrap(), version).map(str::to_owned)
    }

    #[test]
    fn the_port_is_not_part_of_the_host() {
        for (field, expected) in [
            ("example.org", Some("example.org")),
            ("example.org:8280", Some("example.org")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("example.org.:80", Some("example.org")),
            ("[::1]:8280", Some("::1")),
            ("[::1]", Some("::1")),
            ("", None),
            ("a b", None),
            ("a/b", None),
            ("user@example.org", None),
            ("example.org:http", None),
            ("[::1", None),
            ("[::1]x", None),
        ] {
            assert_eq!(named(&[field], "/", Version::HTTP_11).as_deref(), expected, "{field:?}");
        }
    }

    #[test]
    fn a_request_names_exactly_one_host() {
        assert_eq!(named(&[], "/", Version::HTTP_11), None);
        assert_eq!(named(&["a", "a"], "/", Version::HTTP_11), None);
        assert_eq!(named(&[], "/", Version::HTTP_10).as_deref(), Some(""));
        assert_eq!(
            named(&[], "http://a.example/x", Version::HTTP_2).as_deref(),
            Some("a.example")
        );
    }
}
