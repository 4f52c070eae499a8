//! The raw shape of a version's endpoints.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Several;
use crate::model::backend::{HostHeader, Protocol};
use crate::model::unit::Period;

/// Where a version's traffic goes, and how an endpoint is talked to.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Endpoints {
    /// The URLs of the production endpoints: `http://` or `https://`, a host, perhaps a port and a base path.
    pub production: Several,
    /// The URLs of the sandbox endpoints.
    pub sandbox: Several,
    /// How long a call may take altogether; `"60s"` by default. Event streams, gRPC and WebSocket are exempt.
    pub timeout: Option<Period>,
    /// How long TCP and TLS set-up may take; `"3s"` by default.
    pub connect_timeout: Option<Period>,
    /// The longest silence of an endpoint; `"30s"` by default.
    pub read_timeout: Option<Period>,
    /// How an endpoint is chosen; `round_robin` by default.
    pub balance: BalanceName,
    /// What `consistent_hash` looks at: `client_ip` (the default) or `header:X-Name`.
    pub hash_on: Option<String>,
    /// Which `Host` the endpoint sees: its own (`rewrite`, the default) or the caller's (`keep`).
    pub host: HostHeader,
    /// Which HTTP version is spoken; `auto` by default. gRPC needs `http2`.
    pub protocol: Protocol,
    /// How TLS identities are checked and shown, where an endpoint is `https`.
    pub tls: Option<EndpointTls>,
    /// When an endpoint counts as broken.
    pub health: HealthChecks,
}

/// How an endpoint is chosen.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum BalanceName {
    /// By a hash of what `hash_on` names, so that a caller stays on one endpoint.
    ConsistentHash,
    /// The endpoint with the fewest requests under way.
    LeastConnections,
    /// One after the other.
    #[default]
    RoundRobin,
}

/// How the TLS identity of endpoints is checked and the gateway's own shown. Each PEM is stated itself, or as
/// `file:PATH` relative to this file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EndpointTls {
    /// The certificates to trust instead of the system's.
    pub ca: Option<String>,
    /// The certificate chain to show; needs `key`.
    pub certificate: Option<String>,
    /// The private key of `certificate`.
    pub key: Option<String>,
    /// The name to ask for and to verify; the endpoint's host by default.
    pub server_name: Option<String>,
}

/// When an endpoint counts as broken, and when as mended.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HealthChecks {
    /// Failed calls in a row that set an endpoint aside; 5 by default, 0 never does.
    pub max_failures: Option<u32>,
    /// How long it is set aside; `"10s"` by default.
    pub suspend: Option<Period>,
    /// A path to ask for in the background; an answer of 2xx or 3xx is good. Without it nothing is asked.
    pub path: Option<String>,
    /// The time between two questions; `"10s"` by default.
    pub interval: Option<Period>,
    /// How long an answer may take; `"2s"` by default.
    pub timeout: Option<Period>,
    /// Good answers in a row that mend an endpoint; 1 by default.
    pub healthy_after: Option<u32>,
    /// Bad answers in a row that break it; 3 by default.
    pub unhealthy_after: Option<u32>,
}
