//! Everything that one request leaves behind, for the access log and the metrics.
//!
//! The query of a request is not here: it may carry credentials. Bytes from callers are as they were sent; whoever
//! writes them makes them harmless.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use http::Version;

use crate::cache::cached::Outcome;

/// Everything that one request leaves behind.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// When its header had been read.
    pub at: SystemTime,
    /// What callers, backends and logs know it by.
    pub id: &'a str,
    /// Who answered it.
    pub by: By,
    /// What the caller asked.
    pub asked: Asked<'a>,
    /// Which resource of which version that was, where it got so far.
    pub route: Option<Routed<'a>>,
    /// Who called, where the resource asked.
    pub identity: Option<Identity<'a>>,
    /// The endpoints that were tried, where any was.
    pub upstream: Option<Called>,
    /// What the caller was told.
    pub answer: Answer,
}

/// Who answered a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum By {
    /// The admin listener.
    Admin,
    /// The gateway, from the catalog of this revision.
    Gateway(u64),
}

/// What a caller asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The caller's address, after the trust list.
    pub client: IpAddr,
    /// `http` or `https`, after the trust list.
    pub scheme: &'static str,
    /// The version of HTTP that it spoke.
    pub protocol: Version,
    /// The method.
    pub method: &'a str,
    /// The host, as it was sent.
    pub host: &'a [u8],
    /// The path, as it was sent, without the query.
    pub path: &'a [u8],
    /// The `User-Agent`, as it was sent.
    pub user_agent: &'a [u8],
    /// The trace id of its `traceparent`.
    pub trace: Option<&'a str>,
    /// The bytes of its body that were read.
    pub bytes: u64,
}

/// Which resource of which version a request met.
#[derive(Clone, Copy, Debug)]
pub struct Routed<'a> {
    /// Its tenant, Api and version, as the line writes them.
    pub names: &'a str,
    /// The template of the resource.
    pub template: &'a str,
    /// Whether the version was chosen by default and not by name.
    pub by_default: bool,
}

/// Who called, without what proved it.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The name of the application, where one called.
    pub application: Option<&'a str>,
    /// The consumer key, or what a foreign token has in its place; empty where there is none.
    pub client: &'a str,
    /// The user, the owner of the certificate, or the client once more.
    pub subject: &'a str,
}

/// The endpoints that a request was tried on.
#[derive(Clone, Copy, Debug)]
pub struct Called {
    /// The last one's address.
    pub endpoint: Option<SocketAddr>,
    /// How many attempts were made.
    pub attempts: u8,
    /// From the choice of the first endpoint to the response header of the last; `None` where none answered.
    pub duration: Option<Duration>,
}

/// What a caller was told.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The status; 0 where the caller got none.
    pub status: u16,
    /// The stable code of the refusal or failure, where it was one.
    pub code: Option<&'static str>,
    /// The name of that reason, which tells apart what shares a code.
    pub reason: Option<&'static str>,
    /// What was wrong with the credential of a caller who was refused for it.
    pub flaw: Option<&'static str>,
    /// What the cache did, where anything is kept of the resource.
    pub cache: Option<Outcome>,
    /// The bytes of the body that were sent.
    pub bytes: u64,
    /// From the request header to the end of the response.
    pub duration: Duration,
}

impl Record<'_> {
    /// Returns the HTTP version as a request line writes it.
    pub(super) fn protocol(&self) -> &'static str {
        match self.asked.protocol {
            Version::HTTP_09 => "HTTP/0.9",
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2.0",
            Version::HTTP_3 => "HTTP/3.0",
            _ => "HTTP/1.1",
        }
    }
}
