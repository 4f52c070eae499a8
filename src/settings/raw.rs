//! The serde shape of `conf/tollgate.toml`, and the defaults.
//!
//! It mirrors the file and nothing else; the sentences here are also what editors show. What the values mean together
//! is decided in `believe.rs`.

mod identity;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::value::{Listen, Network, Threads};
use super::{AccessFormat, ClientCertificates, LogFormat, QuotaMode};
use crate::model::unit::{Period, Size};
use crate::quota_fields::QuotaFields;

pub(super) use self::identity::{Credentials, Explain, OAuth, Registry};

/// The settings of a Tollgate process. They are read at start; a change needs a restart.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "tollgate.toml")]
pub(super) struct Raw {
    pub(super) gateway: Gateway,
    pub(super) admin: Admin,
    pub(super) status: Status,
    pub(super) catalog: Catalog,
    pub(super) data: Data,
    pub(super) registry: Registry,
    pub(super) oauth: OAuth,
    pub(super) credentials: Credentials,
    pub(super) explain: Explain,
    pub(super) quota: Quota,
    pub(super) cache: Cache,
    pub(super) tls: Tls,
    pub(super) limits: Limits,
    pub(super) timeouts: Timeouts,
    pub(super) upstream: Upstream,
    pub(super) log: Log,
    pub(super) access_log: AccessLog,
    pub(super) shutdown: Shutdown,
}

/// The listeners that carry traffic.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Gateway {
    /// Addresses for HTTP/1.1, and for HTTP/2 with prior knowledge.
    pub(super) http: Vec<Listen>,
    /// Addresses for HTTP/1.1 and HTTP/2 over TLS.
    pub(super) https: Vec<Listen>,
    /// Worker threads: "auto" is one for each processor, or a number.
    pub(super) threads: Threads,
    /// Addresses or networks whose X-Forwarded-* and Forwarded are believed.
    pub(super) trusted_proxies: Vec<Network>,
    /// When callers are asked for a certificate: "when_needed" is while a version takes one, or a client of the token
    /// endpoint has registered one; "always" is for tokens of other issuers that are bound to certificates.
    pub(super) client_certificates: ClientCertificates,
    /// What responses say of quotas: "standard" is RateLimit and RateLimit-Policy, "legacy" is X-RateLimit-*; "both";
    /// "none".
    pub(super) rate_limit_fields: QuotaFields,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            http: vec![Listen(([0, 0, 0, 0], 8280).into())],
            https: vec![Listen(([0, 0, 0, 0], 8243).into())],
            threads: Threads::Auto,
            trusted_proxies: Vec::new(),
            client_certificates: ClientCertificates::WhenNeeded,
            rate_limit_fields: QuotaFields::Standard,
        }
    }
}

/// The listener of the token endpoint for those who do not come through the gateway, and later of the admin API.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Admin {
    /// Addresses for plain HTTP; loopback unless there is a good reason.
    pub(super) http: Vec<Listen>,
    /// Addresses for HTTP over TLS, with the gateway's certificates; where it is reached from elsewhere.
    pub(super) https: Vec<Listen>,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            http: vec![Listen(([127, 0, 0, 1], 9080).into())],
            https: Vec::new(),
        }
    }
}

/// The listener of /livez, /readyz, /metrics and /version.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Status {
    /// Addresses for plain HTTP; none turns it off.
    pub(super) http: Vec<Listen>,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            http: vec![Listen(([127, 0, 0, 1], 8290).into())],
        }
    }
}

/// The catalog: tenants, tiers, scopes and APIs; reloaded while traffic flows.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Catalog {
    /// Its directory, relative to this file.
    pub(super) dir: String,
    /// How many catalogs that were served are kept, to be looked at and gone back to; 1 to 100000.
    pub(super) revisions: u64,
    /// Whether a change is refused while one of the policy tests in the folder `tests` of that directory fails.
    pub(super) require_tests: bool,
}

impl Default for Catalog {
    fn default() -> Self {
        Self {
            dir: "catalog".to_owned(),
            revisions: 500,
            require_tests: false,
        }
    }
}

/// What the process writes: the registry, signing keys, certificates, the control socket.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Data {
    /// Its directory, relative to this file; made when it is missing.
    pub(super) dir: String,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            dir: "../data".to_owned(),
        }
    }
}

/// Where and how quotas are counted.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Quota {
    /// Counters kept at most, one for each subject of each limit in force; newcomers of a limit share one beyond that.
    pub(super) counters: u64,
    /// "local" counts in this process; or the redis:// or rediss:// address of a Redis or Valkey server, by way of which
    /// several gateways count together.
    pub(super) store: String,
    /// How, with such a server: "shared" lets requests pass and tells it, "exact" asks it for each request.
    pub(super) mode: QuotaMode,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            counters: 1_000_000,
            store: "local".to_owned(),
            mode: QuotaMode::Shared,
        }
    }
}

/// How much is stored of responses, where the catalog asks for it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Cache {
    /// Memory for stored responses: keys, heads and bodies, those on their way, and the index of the disk.
    pub(super) memory: Size,
    /// Responses in memory.
    pub(super) entries: u64,
    /// The body of one response; larger ones are passed on without being stored. At most a sixteenth of the memory.
    pub(super) max_body: Size,
    /// A directory of the cache's own, relative to this file, in which what is asked for again is kept across restarts;
    /// "" for none.
    pub(super) disk: String,
    /// All files in that directory.
    pub(super) disk_bytes: Size,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            memory: Size(256 << 20),
            entries: 1_000_000,
            max_body: Size(4 << 20),
            disk: String::new(),
            disk_bytes: Size(10 << 30),
        }
    }
}

/// How TLS is accepted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tls {
    /// Chains and keys, chosen by the name that the caller asks for; the first serves names that none holds.
    /// Without any, a self-signed one is made.
    pub(super) certificates: Vec<Certificate>,
}

/// A certificate chain and its key.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Certificate {
    /// The PEM file of the chain, leaf first, relative to this file.
    pub(super) certificate: String,
    /// The PEM file of the key, relative to this file.
    pub(super) key: String,
}

/// How much of anything a caller may use.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    /// Connections open at once, over all gateway listeners; further ones are closed.
    pub(super) connections: u64,
    /// Header fields of a request.
    pub(super) header_count: u64,
    /// Names and values of a request's header fields together.
    pub(super) header_bytes: Size,
    /// A request target.
    pub(super) uri_length: Size,
    /// A request body, where the API version states no limit of its own.
    pub(super) request_body: Size,
    /// Requests on one connection, after which it is closed.
    pub(super) requests_per_connection: u64,
    /// Requests at once on one HTTP/2 connection.
    pub(super) http2_streams: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            header_count: 100,
            header_bytes: Size(32 << 10),
            uri_length: Size(8 << 10),
            request_body: Size(16 << 20),
            requests_per_connection: 10_000,
            http2_streams: 100,
        }
    }
}

/// How long a caller may take.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Timeouts {
    /// From a request's first byte to the end of its header.
    pub(super) header: Period,
    /// A TLS handshake.
    pub(super) handshake: Period,
    /// A connection without a request; whole seconds.
    pub(super) idle: Period,
    /// The longest silence while a request body is read.
    pub(super) read: Period,
    /// The longest time without the caller taking any of the response.
    pub(super) write: Period,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            header: seconds(10),
            handshake: seconds(5),
            idle: seconds(60),
            read: seconds(30),
            write: seconds(30),
        }
    }
}

/// How endpoints are called, whatever the catalog says.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Upstream {
    /// Idle connections kept for each thread, over all endpoints: so many by requests of HTTP/1 without a body to endpoints
    /// of HTTP/1, and as many by all others.
    pub(super) idle_connections: u64,
    /// How long one is kept; best a little less than the endpoints keep it.
    pub(super) idle_timeout: Period,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            idle_connections: 256,
            idle_timeout: seconds(50),
        }
    }
}

/// What the process writes about itself, on standard error.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Log {
    /// What is written: "info", or by module such as "warn,tollgate=debug".
    pub(super) filter: String,
    /// "text" for people or "json" for programs.
    pub(super) format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::Text,
        }
    }
}

/// What the process writes about each request.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AccessLog {
    /// "json", "combined" as Apache and nginx write it, or "off".
    pub(super) format: AccessFormat,
    /// "stdout", or a file to append to, relative to this file.
    pub(super) path: String,
    /// Lines that may wait for a slow disk; further ones are dropped and counted.
    pub(super) queue: u64,
}

impl Default for AccessLog {
    fn default() -> Self {
        Self {
            format: AccessFormat::Json,
            path: "stdout".to_owned(),
            queue: 8192,
        }
    }
}

/// How the process ends.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Shutdown {
    /// How long requests under way may go on after SIGTERM.
    pub(super) drain: Period,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { drain: seconds(30) }
    }
}

fn seconds(seconds: u64) -> Period {
    Period(Duration::from_secs(seconds))
}
