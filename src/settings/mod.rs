//! What the process was told at start, as believed. Changing any of it needs a restart.
//!
//! `raw.rs` mirrors `conf/tollgate.toml`; nothing outside this folder sees the raw shape. `reading.rs` finds the file
//! and lets variables override it, `believe.rs` checks what both state.

mod believe;
pub mod environment;
pub mod identity;
mod keys;
mod raw;
mod reading;
mod value;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::environment::Environment;
pub use self::identity::{Credentials, OAuth, RegistryUrl, TokenAlgorithm};
use self::keys::KEYS;
use self::raw::Raw;
use crate::cache::storage::Bounds;
use crate::model::violation::Violation;
use crate::quota_fields::QuotaFields;

/// What the process was told at start.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The listeners that carry traffic.
    pub gateway: Gateway,
    /// Where `/livez`, `/readyz`, `/metrics` and `/version` answer.
    pub status: Vec<SocketAddr>,
    /// Where the token endpoint answers beside the gateway.
    pub admin: Admin,
    /// Where users, applications and subscriptions live.
    pub registry: RegistryUrl,
    /// What fills an empty registry; need not be there.
    pub bootstrap: PathBuf,
    /// How tokens are issued.
    pub oauth: OAuth,
    /// How credentials are taken and remembered.
    pub credentials: Credentials,
    /// How many refused requests are remembered, to be explained.
    pub refusals: usize,
    /// How quotas are counted.
    pub quota: Quota,
    /// How much is stored of responses, where the catalog asks for it.
    pub cache: Bounds,
    /// The directory of the catalog.
    pub catalog: PathBuf,
    /// How many catalogs that were served are kept.
    pub revisions: usize,
    /// Whether a change of the catalog is refused while one of its policy tests fails.
    pub require_tests: bool,
    /// The directory that the process writes to.
    pub data: PathBuf,
    /// How TLS is accepted.
    pub tls: Tls,
    /// How much of anything a caller may use.
    pub limits: Limits,
    /// How long a caller may take.
    pub timeouts: Timeouts,
    /// How endpoints are called, whatever the catalog says.
    pub upstream: Upstream,
    /// What the process writes about itself.
    pub log: Log,
    /// What the process writes about each request.
    pub access_log: AccessLog,
    /// How long requests under way may go on after SIGTERM.
    pub drain: Duration,
}

impl Settings {
    /// Loads what a configuration directory, or a settings file, states, and what the environment overrides.
    ///
    /// A directory without a `tollgate.toml` states nothing: every setting has a default.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with the file and with the variables that override it.
    pub fn load(conf: &Path, environment: &Environment) -> Result<Self, Vec<Violation>> {
        Self::recover(conf, environment).whole()
    }

    /// Loads as much as can be believed, so that what the settings lead to can be judged in the same round.
    pub fn recover(conf: &Path, environment: &Environment) -> Recovered {
        match reading::read(conf, environment) {
            Ok(reading) => believe::recover(reading),
            Err(violations) => Recovered {
                settings: None,
                violations,
            },
        }
    }
}

/// What could be believed of a configuration, and what could not.
#[derive(Debug)]
pub struct Recovered {
    /// The settings, with defaults in the place of what was refused; `None` where they would lead nowhere.
    pub settings: Option<Settings>,
    /// Everything that is wrong; where there is anything, the settings are not to be served with.
    pub violations: Vec<Violation>,
}

impl Recovered {
    /// Returns settings that nothing is wrong with.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong.
    pub fn whole(self) -> Result<Settings, Vec<Violation>> {
        match self.settings {
            Some(settings) if self.violations.is_empty() => Ok(settings),
            _ => Err(self.violations),
        }
    }
}

/// The settings as stated, kept so that a later reading can be compared with what runs.
#[derive(Clone, Debug)]
pub struct Stated {
    file: PathBuf,
    raw: Raw,
}

impl Stated {
    /// Reads what a configuration directory, or a settings file, states now.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with it, as [`Settings::load`] would.
    pub fn read(conf: &Path, environment: &Environment) -> Result<Self, Vec<Violation>> {
        let reading = reading::read(conf, environment)?;
        let stated = Self {
            file: reading.file.clone(),
            raw: reading.raw.clone(),
        };
        believe::recover(reading).whole().map(|_| stated)
    }

    /// Returns the settings file, whether it exists or not.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Names the keys in which another reading differs from this one, such as `gateway.http`.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        KEYS.iter()
            .filter(|key| (key.differs)(&self.raw, &other.raw))
            .map(keys::Key::path)
            .collect()
    }
}

/// Returns the JSON Schema of a settings file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Raw).to_value()
}

/// The listeners that carry traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// Plain HTTP/1.1, and HTTP/2 with prior knowledge.
    pub http: Vec<SocketAddr>,
    /// HTTP/1.1 and HTTP/2 over TLS.
    pub https: Vec<SocketAddr>,
    /// Worker threads; at least one.
    pub threads: usize,
    /// Peers whose `X-Forwarded-*` and `Forwarded` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// When callers are asked for a certificate, over TLS.
    pub client_certificates: ClientCertificates,
    /// What responses say of quotas.
    pub rate_limit_fields: QuotaFields,
}

/// When callers are asked for a certificate, over TLS. None has to show one, but browsers ask people which.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificates {
    /// At every handshake.
    Always,
    /// While a version that is served takes one, or a client has registered one.
    WhenNeeded,
}

/// The listeners of those who run the gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Admin {
    /// Plain HTTP.
    pub http: Vec<SocketAddr>,
    /// HTTP over TLS.
    pub https: Vec<SocketAddr>,
}

impl Settings {
    /// Tells whether anything is served over TLS, so that certificates are needed.
    pub fn has_tls(&self) -> bool {
        !self.gateway.https.is_empty() || !self.admin.https.is_empty()
    }
}

/// How quotas are counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Quota {
    /// Counters kept at most.
    pub counters: usize,
    /// The store by way of which several gateways count together; `None`: this one counts alone.
    pub store: Option<StoreUrl>,
    /// How far they agree before a request passes.
    pub mode: QuotaMode,
}

/// How far several gateways agree before a request passes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum QuotaMode {
    /// The store is asked for each request.
    Exact,
    /// Requests pass, and the store is told.
    Shared,
}

/// Where counts are shared; kept out of `Debug`, since it may hold a password.
#[derive(Clone, PartialEq)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// Returns it as the store's client takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreUrl").finish_non_exhaustive()
    }
}

/// How TLS is accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Tls {
    /// PEM files; the first serves names that no certificate holds. Empty: a self-signed one is made.
    pub certificates: Vec<CertificateFiles>,
}

/// A certificate chain and its key, as files.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateFiles {
    /// The PEM chain, leaf first.
    pub certificate: PathBuf,
    /// The PEM key.
    pub key: PathBuf,
}

/// How much of anything a caller may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Connections open at once, over all gateway listeners.
    pub connections: usize,
    /// Header fields of a request.
    pub header_count: usize,
    /// Bytes of a request's header names and values together.
    pub header_bytes: usize,
    /// Bytes of a request target.
    pub uri_bytes: usize,
    /// Bytes of a request body, where the version states none.
    pub request_body: u64,
    /// Requests on one connection, after which it is closed.
    pub requests_per_connection: u32,
    /// Streams at once on one HTTP/2 connection.
    pub http2_streams: u32,
}

/// How long a caller may take.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeouts {
    /// From a request's first byte to the end of its header.
    pub header: Duration,
    /// A TLS handshake.
    pub handshake: Duration,
    /// A kept-alive connection without a request; whole seconds.
    pub idle: Duration,
    /// The longest silence while a request body is read.
    pub read: Duration,
    /// The longest time without the caller taking any of the response.
    pub write: Duration,
}

/// How endpoints are called, whatever the catalog says.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// Idle connections kept for each thread, over all endpoints, as `raw` has it.
    pub idle_connections: usize,
    /// How long one is kept.
    pub idle_timeout: Duration,
}

/// What the process writes about itself, on standard error.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// A `tracing` filter such as `info` or `tollgate=debug,warn`.
    pub filter: String,
    /// As text or JSON.
    pub format: LogFormat,
}

/// The shape of the process's own log lines.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Text,
}

/// What the process writes about each request.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessLog {
    /// The shape of a line.
    pub format: AccessFormat,
    /// The file to append to; standard output where there is none.
    pub path: Option<PathBuf>,
    /// Lines that may wait for a slow disk; further ones are dropped and counted.
    pub queue: usize,
}

/// The shape of an access log line.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum AccessFormat {
    /// The combined log format of Apache and nginx.
    Combined,
    /// One JSON object a line.
    Json,
    /// No access log.
    Off,
}

#[cfg(test)]
mod tests;
