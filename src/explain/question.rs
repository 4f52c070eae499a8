//! What is asked, and the head of the request that it describes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::forwarding::{Trust, certificate};
use crate::head::{self, Head, Scheme, ShownCertificate};
use crate::model::security::CredentialFields;

/// A request that is asked about. Its `Debug` shows no field, no query and no token.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The method.
    pub method: String,
    /// The URL, or its path alone.
    pub url: String,
    /// The header fields.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// A token, to be shown in the field that the version takes tokens from.
    #[serde(default)]
    pub token: Option<String>,
    /// The address that the request comes from; loopback where none is named.
    #[serde(default)]
    pub client_ip: Option<IpAddr>,
}

impl Question {
    /// Tells whether a request can be made of it.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with it.
    pub fn check(&self) -> Result<(), Unclear> {
        Asked::believe(self, &Trust::default(), &CredentialFields::default()).map(drop)
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a question; nothing that was shown is repeated.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Unclear {
    /// A field is none.
    #[error("header field {0} is malformed: write `Name: value`")]
    Header(usize),
    /// The method is none.
    #[error("the method is malformed")]
    Method,
    /// The token cannot stand in a field.
    #[error("the token holds characters that cannot be sent")]
    Token,
    /// The token stands beside the field that it would be shown in.
    #[error("a token and the field `{0}` are both given: leave one out")]
    TokenTwice(HeaderName),
    /// There are more fields than can be taken.
    #[error("there are too many header fields")]
    TooMany,
    /// The URL is none.
    #[error("the URL is malformed: write `http://host/path`, `https://host/path` or `/path`")]
    Url,
    /// Something would have to be waited for.
    #[error("it cannot be told at once: somebody would have to be asked first")]
    Waits,
}

/// The request that a question describes.
pub(super) struct Asked {
    pub(super) method: Method,
    path: Vec<u8>,
    query: String,
    target_bytes: usize,
    headers: HeaderMap,
    scheme: Scheme,
    client: IpAddr,
    certificate: Option<ShownCertificate>,
    nowhere: Uri,
}

impl Asked {
    /// Returns its fields.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Reads a question as the gateway would read the request.
    pub(super) fn believe(question: &Question, trust: &Trust, fields: &CredentialFields) -> Result<Self, Unclear> {
        let method = Method::from_bytes(question.method.as_bytes()).map_err(|_| Unclear::Method)?;
        let (scheme, authority, target) = split(&question.url)?;
        let mut headers = HeaderMap::new();
        for (number, (name, value)) in (1..).zip(&question.headers) {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| Unclear::Header(number))?;
            let value = HeaderValue::from_str(value.trim()).map_err(|_| Unclear::Header(number))?;
            headers.try_append(name, value).map_err(|_| Unclear::TooMany)?;
        }
        if !headers.contains_key(HOST) {
            headers.insert(HOST, HeaderValue::from_str(authority).map_err(|_| Unclear::Url)?);
        }
        let peer = question.client_ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let origin = trust.origin(peer, scheme, &headers);
        let vouches = fields.certificate.as_ref().filter(|_| origin.is_trusted);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Ok(Self {
            method,
            path: path.as_bytes().to_vec(),
            query: query.to_owned(),
            target_bytes: target.len(),
            scheme: origin.scheme,
            client: origin.client,
            certificate: vouches.and_then(|name| certificate(&headers, name)),
            headers,
            nowhere: Uri::default(),
        })
    }

    /// Shows a token in a field.
    pub(super) fn show(&mut self, token: &str, field: HeaderName) -> Result<(), Unclear> {
        self.put(field, &format!("Bearer {}", token.trim()))
    }

    /// Puts a credential into a field that nothing is in.
    pub(super) fn put(&mut self, field: HeaderName, credential: &str) -> Result<(), Unclear> {
        if self.headers.contains_key(&field) {
            return Err(Unclear::TokenTwice(field));
        }
        let value = HeaderValue::from_str(credential).map_err(|_| Unclear::Token)?;
        self.headers
            .try_append(field, value)
            .map(|_| ())
            .map_err(|_| Unclear::TooMany)
    }

    /// Returns what admission looks at.
    pub(super) fn head(&self) -> Head<'_> {
        Head {
            method: &self.method,
            path: &self.path,
            target_bytes: self.target_bytes,
            query: &self.query,
            certificate: self.certificate.as_ref(),
            host: head::host(&self.headers, &self.nowhere, Version::HTTP_11),
            headers: &self.headers,
            raw: b"",
            scheme: self.scheme,
            client: self.client,
        }
    }

    /// Returns the path as it was written.
    pub(super) fn path(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }
}

/// Takes a URL apart: its scheme, its authority, and its path with the query.
fn split(url: &str) -> Result<(Scheme, &str, &str), Unclear> {
    let url = url.split('#').next().unwrap_or_default();
    if url.starts_with('/') {
        return Ok((Scheme::Http, "localhost", url));
    }
    let (scheme, rest) = url.split_once("://").ok_or(Unclear::Url)?;
    let scheme = match scheme {
        scheme if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
        scheme if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
        _ => return Err(Unclear::Url),
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end).ok_or(Unclear::Url)?;
    match target.as_bytes().first() {
        _ if authority.is_empty() || authority.contains('@') => Err(Unclear::Url),
        Some(b'/') => Ok((scheme, authority, target)),
        None => Ok((scheme, authority, "/")),
        // Clients put a slash before a query that follows the authority; whoever means that writes it.
        Some(_) => Err(Unclear::Url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(url: &str) -> Question {
        Question {
            method: "GET".to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            token: None,
            client_ip: None,
        }
    }

    fn believed(question: &Question) -> Result<Asked, Unclear> {
        let trust = Trust::new(vec!["10.0.0.0/8".parse().unwrap()]);
        Asked::believe(question, &trust, &CredentialFields::default())
    }

    #[test]
    fn a_url_becomes_the_head_that_the_gateway_would_read() {
        for (url, host, path, query, scheme) in [
            (
                "http://a.example:8280/x/y?z=1",
                "a.example",
                "/x/y",
                "z=1",
                Scheme::Http,
            ),
            ("HTTPS://[::1]:8243/x#part", "::1", "/x", "", Scheme::Https),
            ("https://a.example", "a.example", "/", "", Scheme::Https),
            ("/x?y", "localhost", "/x", "y", Scheme::Http),
        ] {
            let asked = believed(&question(url)).unwrap();
            let head = asked.head();
            assert_eq!((head.host, head.path, head.query), (Some(host), path.as_bytes(), query));
            assert_eq!(head.scheme, scheme);
        }
        for bad in ["", "x", "ftp://a/", "http:///x", "http://a:b@c/", "http://a?b", "a/b"] {
            assert_eq!(believed(&question(bad)).err(), Some(Unclear::Url), "{bad}");
        }
    }

    #[test]
    fn fields_count_as_they_would_on_the_wire() {
        let mut asked = question("http://a.example/");
        asked.headers.push(("Host".to_owned(), "b.example".to_owned()));
        assert_eq!(believed(&asked).unwrap().head().host, Some("b.example"));
        asked.headers.push(("host".to_owned(), "c.example".to_owned()));
        assert_eq!(believed(&asked).unwrap().head().host, None, "named twice");
        asked.headers = vec![("a b".to_owned(), "c".to_owned())];
        assert_eq!(believed(&asked).err(), Some(Unclear::Header(1)));
    }

    #[test]
    fn forwarding_fields_are_believed_of_the_same_peers() {
        let mut asked = question("http://a.example/");
        asked
            .headers
            .push(("X-Forwarded-For".to_owned(), "192.0.2.9".to_owned()));
        asked.client_ip = Some("203.0.113.5".parse().unwrap());
        assert_eq!(believed(&asked).unwrap().client.to_string(), "203.0.113.5");
        asked.client_ip = Some("10.1.1.1".parse().unwrap());
        assert_eq!(believed(&asked).unwrap().client.to_string(), "192.0.2.9");
    }

    #[test]
    fn nothing_that_is_shown_gets_into_a_log() {
        let mut asked = question("http://a.example/x?apikey=tgk_secret");
        asked
            .headers
            .push(("Authorization".to_owned(), "Basic c2VjcmV0".to_owned()));
        asked.token = Some("secret-token".to_owned());
        assert_eq!(format!("{asked:?}"), "Question { method: \"GET\", .. }");
    }

    #[test]
    fn a_token_is_shown_once() {
        let mut asked = believed(&question("/x")).unwrap();
        let field = http::header::AUTHORIZATION;
        assert_eq!(asked.show("a\nb", field.clone()), Err(Unclear::Token));
        assert_eq!(asked.show("abc", field.clone()), Ok(()));
        assert_eq!(asked.show("abc", field.clone()), Err(Unclear::TokenTwice(field)));
    }
}
