//! What makes a text the URL of an endpoint.

use http::Uri;
use thiserror::Error;

/// Why a text is not the URL of an endpoint. A URL with a password is not repeated.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(super) enum EndpointError {
    #[error("`{0}` is not an absolute URL")]
    Relative(String),
    #[error("`{0}` holds `{1}`, and a URL is ASCII")]
    Letter(String, char),
    #[error("`{0}` is neither `http://` nor `https://`")]
    Scheme(String),
    #[error("an endpoint's URL holds no user and no password")]
    User,
    #[error("an endpoint's URL holds no query and no fragment: `{0}`")]
    Query(String),
    #[error("`{0}` has no port from 1 to 65535 after its `:`")]
    Port(String),
    #[error("the path of `{0}` has `.` or `..` segments")]
    Dots(String),
}

impl EndpointError {
    pub(super) fn fix(&self) -> &'static str {
        match self {
            Self::Relative(_) | Self::Scheme(_) => "write it as `http://host:port/path` or `https://host:port/path`",
            Self::Letter(..) => "write the host in its `xn--` form, and the path percent-encoded",
            Self::User => "remove what stands before the `@`",
            Self::Query(_) => "remove what follows the path",
            Self::Port(_) => "write a port, or remove the `:` for the scheme's own",
            Self::Dots(_) => "write the path that is meant",
        }
    }
}

/// Makes a text the URL of an endpoint.
pub(super) fn parse(text: &str) -> Result<Uri, EndpointError> {
    let said = || text.to_owned();
    let authority = text
        .split_once("://")
        .map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err(EndpointError::User);
    }
    if let Some(letter) = text.chars().find(|letter| !letter.is_ascii()) {
        return Err(EndpointError::Letter(said(), letter));
    }
    if text.contains(['?', '#']) {
        return Err(EndpointError::Query(said()));
    }
    if authority.is_some_and(|authority| port(authority).is_some_and(|port| !is_port(port))) {
        return Err(EndpointError::Port(said()));
    }
    let uri: Uri = text.parse().map_err(|_| EndpointError::Relative(said()))?;
    if uri.host().is_none_or(str::is_empty) {
        return Err(EndpointError::Relative(said()));
    }
    match uri.scheme_str() {
        Some("http" | "https") => {}
        Some(_) => return Err(EndpointError::Scheme(said())),
        None => return Err(EndpointError::Relative(said())),
    }
    if uri.path().split('/').any(is_dots) {
        return Err(EndpointError::Dots(said()));
    }
    Ok(uri)
}

fn is_dots(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// Returns what follows the `:` of a host, if there is one; the colons of an IPv6 address are its own.
fn port(authority: &str) -> Option<&str> {
    let after_host = authority
        .rfind(']')
        .map_or(authority, |end| authority.get(end..).unwrap_or_default());
    after_host.split_once(':').map(|(_, port)| port)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|digit| digit.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_with_a_scheme_and_a_host_is_an_endpoint() {
        for good in [
            "http://127.0.0.1:9001",
            "https://api.example",
            "http://[::1]:80/base/",
            "http://a_b/c%20d",
            "HTTP://A:1",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_named() {
        for (text, error) in [
            ("", EndpointError::Relative(String::new())),
            ("127.0.0.1:9001", EndpointError::Relative("127.0.0.1:9001".into())),
            ("/path", EndpointError::Relative("/path".into())),
            ("http://", EndpointError::Relative("http://".into())),
            ("http:///path", EndpointError::Relative("http:///path".into())),
            ("http://a b", EndpointError::Relative("http://a b".into())),
            ("ftp://a", EndpointError::Scheme("ftp://a".into())),
            ("http://me:secret@a", EndpointError::User),
            ("http://a?b=c", EndpointError::Query("http://a?b=c".into())),
            ("http://a/#b", EndpointError::Query("http://a/#b".into())),
            ("http://a:0", EndpointError::Port("http://a:0".into())),
            ("http://a:", EndpointError::Port("http://a:".into())),
            ("http://a:65536/b", EndpointError::Port("http://a:65536/b".into())),
            ("http://[::1]:x", EndpointError::Port("http://[::1]:x".into())),
            ("http://a/b/../c", EndpointError::Dots("http://a/b/../c".into())),
            (
                "http://münchen.example",
                EndpointError::Letter("http://münchen.example".into(), 'ü'),
            ),
            ("http://a/é?b", EndpointError::Letter("http://a/é?b".into(), 'é')),
            ("http://mé:secret@a", EndpointError::User),
            ("http://a/%2E%2e", EndpointError::Dots("http://a/%2E%2e".into())),
        ] {
            assert_eq!(parse(text).unwrap_err(), error, "{text}");
        }
    }
}
