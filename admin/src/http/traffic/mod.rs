//! What traffic does and how endpoints are: the gateway's own figures, as whoever routes them answers with.

mod port;

pub use port::{
    CacheFigures, EndpointHealth, EndpointState, Environment, Latencies, ProbeState, Statuses, Traffic, TrafficHistory,
    TrafficSample, VersionSample, VersionTraffic,
};
