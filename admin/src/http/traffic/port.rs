//! What the router asks of whoever serves traffic, and what it is told.
//!
//! The comments are the descriptions of the JSON Schema, written for whoever reads the answers.

use schemars::JsonSchema;
use serde::Serialize;

/// Tells what traffic does, and how endpoints are. Both are looked up in memory: neither waits.
pub trait Traffic: Send + Sync {
    /// Tells the traffic of the last hour of this process, all tenants'.
    fn history(&self) -> TrafficHistory;

    /// Tells how the endpoints of a version are: tenant, Api, version. Nothing where no such version is served.
    fn endpoints(&self, version: (&str, &str, &str)) -> Option<Vec<EndpointHealth>>;
}

/// The traffic of the last hour, of one gateway process.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct TrafficHistory {
    /// The seconds between two samples.
    pub interval_seconds: u64,
    /// How many samples are kept at most.
    pub most: usize,
    /// The samples, the oldest first; none in the first seconds of a process.
    pub samples: Vec<TrafficSample>,
    /// The versions with the most requests over all samples, the busiest first; a few.
    pub versions: Vec<VersionTraffic>,
}

/// What happened since the sample before.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct TrafficSample {
    /// When it was taken, in seconds since 1970.
    pub at: u64,
    /// The seconds that it covers; about `interval_seconds`.
    pub seconds: f64,
    /// Requests that were answered.
    pub requests: u64,
    /// The same, by the class of their status.
    pub statuses: Statuses,
    /// Requests that a quota refused with 429; they are among those of 4xx.
    pub throttled: u64,
    /// What the response cache did with requests of resources whose responses are kept.
    pub cache: CacheFigures,
    /// From the request header to the end of the response.
    pub latency: Latencies,
    /// Requests that were being answered when the sample was taken.
    pub in_flight: u64,
    /// Connections of callers that were open then.
    pub connections: u64,
    /// Processor time that the process took, in processors: 1.0 is one of them all the time.
    pub cpu: f64,
    /// Bytes of the process that were in RAM then.
    pub resident_bytes: u64,
}

/// Requests by the class of their status.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct Statuses {
    /// The caller left, or the connection broke, before there was a status.
    pub none: u64,
    /// Switched protocols, such as WebSocket.
    #[serde(rename = "1xx")]
    pub informational: u64,
    /// Answered.
    #[serde(rename = "2xx")]
    pub success: u64,
    /// Sent elsewhere, or nothing had changed.
    #[serde(rename = "3xx")]
    pub redirection: u64,
    /// Refused, by the gateway or by a backend.
    #[serde(rename = "4xx")]
    pub client_error: u64,
    /// Failed, in the gateway or in a backend.
    #[serde(rename = "5xx")]
    pub server_error: u64,
}

/// What the response cache did.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct CacheFigures {
    /// Answered with what is kept.
    pub hits: u64,
    /// Answered with what is kept, once the origin had said that it is still good.
    pub revalidated: u64,
    /// Answered with what is kept though it is stale.
    pub stale: u64,
    /// Fetched: nothing was kept, whether or not the answer is.
    pub misses: u64,
    /// Not asked, or had nothing to say in it.
    pub bypassed: u64,
    /// Bytes of bodies that came from the cache.
    pub served_bytes: u64,
}

/// Within what time requests were answered, in milliseconds; nothing where there was none. They are told from a
/// histogram: exact where a bound of it is met, a share of the bucket in between, and 30000 for all that took longer.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Latencies {
    /// Half of them.
    pub p50_ms: Option<f64>,
    /// 90 of 100.
    pub p90_ms: Option<f64>,
    /// 99 of 100.
    pub p99_ms: Option<f64>,
}

/// What a version had of the traffic.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct VersionTraffic {
    /// The domain of its tenant.
    pub tenant: String,
    /// Its API.
    pub api: String,
    /// Its label.
    pub version: String,
    /// Its requests in all samples where it was among the busiest.
    pub requests: u64,
    /// Those of them that were answered 4xx.
    pub client_errors: u64,
    /// Those of them that were answered 5xx.
    pub server_errors: u64,
    /// The same of each sample, in their order; zeros where it was not among the busiest.
    pub samples: Vec<VersionSample>,
}

/// What a version had of a sample.
#[derive(Clone, Copy, Debug, Default, JsonSchema, PartialEq, Serialize)]
pub struct VersionSample {
    /// Its requests.
    pub requests: u64,
    /// Those that were answered 4xx.
    pub client_errors: u64,
    /// Those that were answered 5xx.
    pub server_errors: u64,
    /// Within what time 99 of 100 were answered, in milliseconds; nothing where there was none.
    pub p99_ms: Option<f64>,
}

/// How an endpoint is, as this gateway sees it. Versions of a tenant that name the same endpoint in the same way share it.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct EndpointHealth {
    /// Whose keys lead to it.
    pub environment: Environment,
    /// Its address, as the catalog has it.
    pub url: String,
    /// Whether calls are sent to it now.
    pub state: EndpointState,
    /// Where traffic has set it aside: for how many milliseconds no call is sent.
    pub suspended_for_ms: Option<u64>,
    /// When that ends, in seconds since 1970.
    pub suspended_until: Option<u64>,
    /// Failed calls in a row; `max_failures` of them set it aside.
    pub failures: u32,
    /// What probes have found.
    pub probe: ProbeState,
    /// Calls that are under way.
    pub under_way: u64,
    /// The addresses that its name leads to.
    pub addresses: Vec<String>,
}

/// Whose keys lead to an endpoint.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Production keys.
    Production,
    /// Sandbox keys.
    Sandbox,
}

/// Whether calls are sent to an endpoint.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// They are.
    Healthy,
    /// The next one is, to see whether it has recovered.
    OnTrial,
    /// None is, for calls have failed.
    Suspended,
    /// None is, for probes have failed.
    Down,
    /// None can be: its name leads to no address.
    Unresolved,
    /// None is: the version is in a state in which it takes no calls.
    Inactive,
}

/// What probes have found of an endpoint.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeState {
    /// The catalog asks for none.
    None,
    /// It answers, or has not been found broken yet.
    Up,
    /// It does not answer as it should.
    Down,
}
