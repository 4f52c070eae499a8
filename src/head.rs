//! A borrowed view of a request's head: everything admission may look at, and nothing else.

use std::net::IpAddr;

use http::{HeaderMap, Method};

/// What a request says before its body.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path as it arrived, without the query.
    pub path: &'a [u8],
    /// The host that was asked for, without its port; `None` where the request names none or names it twice.
    pub host: Option<&'a str>,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// Whether the caller used plain HTTP or TLS, after the trust list.
    pub scheme: Scheme,
    /// The caller's address, after the trust list.
    pub client: IpAddr,
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
