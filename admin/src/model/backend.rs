//! Where an ApiVersion's traffic goes, as believed.

use std::fmt;
use std::time::Duration;

use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The endpoints of one environment and how to talk to them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Backend {
    /// Absolute `http` or `https` addresses; at least one.
    pub endpoints: Vec<Uri>,
    /// How an endpoint is chosen.
    pub balance: Balance,
    /// Which `Host` the endpoint sees.
    pub host: HostHeader,
    /// Which HTTP version is spoken to it.
    pub protocol: Protocol,
    /// How long each part of a call may take.
    pub timeouts: Timeouts,
    /// How its TLS identity is checked and ours shown.
    pub tls: TlsProfile,
    /// When an endpoint counts as broken.
    pub health: Health,
}

/// How an endpoint is chosen among the healthy ones.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Balance {
    /// By a hash of something in the request, so that it stays on one endpoint while the set is unchanged.
    ConsistentHash(HashOn),
    /// The endpoint with the fewest requests under way.
    LeastConnections,
    /// One after the other.
    RoundRobin,
}

/// What consistent hashing looks at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HashOn {
    /// The caller's address, after the trust list.
    ClientIp,
    /// A request header's value; requests without it hash alike.
    Header(http::HeaderName),
}

/// Which `Host` an endpoint sees.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HostHeader {
    /// The one that the caller sent.
    Keep,
    /// The endpoint's own.
    #[default]
    Rewrite,
}

/// Which HTTP version is spoken to an endpoint.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// What ALPN settles on over TLS; HTTP/1.1 without TLS.
    #[default]
    Auto,
    /// HTTP/1.1 always.
    Http1,
    /// HTTP/2 always; with prior knowledge where there is no TLS. gRPC needs this.
    Http2,
}

/// How long each part of a call may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// TCP and TLS set-up together.
    pub connect: Duration,
    /// The longest silence of the endpoint.
    pub read: Duration,
    /// The whole call; event streams, gRPC and WebSocket are bounded by `read` alone.
    pub total: Duration,
}

/// How an endpoint's TLS identity is checked and ours shown.
#[derive(Clone, Default, Eq, Hash, PartialEq)]
pub struct TlsProfile {
    /// PEM certificates to trust instead of the system's.
    pub ca: Option<String>,
    /// PEM certificate chain and PEM key that we show.
    pub identity: Option<(String, String)>,
    /// The name to ask for and to verify, where it is not the endpoint's host.
    pub server_name: Option<String>,
}

impl fmt::Debug for TlsProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsProfile")
            .field("own_ca", &self.ca.is_some())
            .field("identity", &self.identity.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}

/// When an endpoint counts as broken, and when as mended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Health {
    /// Failed calls in a row that set an endpoint aside; zero never does.
    pub max_failures: u32,
    /// How long it is set aside after failed calls.
    pub suspend: Duration,
    /// A question asked of it in the background, if any.
    pub probe: Option<Probe>,
}

/// A question asked of an endpoint in the background: `GET path`, healthy when the answer is 2xx or 3xx.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Probe {
    /// The path, joined to nothing.
    pub path: String,
    /// The time between two questions.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Good answers in a row that mend it.
    pub healthy_after: u32,
    /// Bad answers in a row that break it.
    pub unhealthy_after: u32,
}
