//! The questions: what each starts, calls and records, and what it is meant to reach.
//!
//! Most of them are sides under one load, for `compare`. To measure others with the same load, put more sides beside
//! ours: a name, a process that was started, and the calls that it gets.

mod admin;
mod bodies;
mod edit;
mod full;
mod hit;
mod http2;
mod idle;
mod open;
mod refusal;
mod reload;
mod start;
mod tls;
mod versions;
mod websocket;

use std::pin::Pin;

use crate::Result;
use crate::effort::Effort;
use crate::figure::Findings;

/// A question, and how it is answered.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) question: &'static str,
    /// What the first side is meant to reach: a figure, the side that it is held against (none, where the figure itself
    /// is bounded), and what its median is to be at most.
    pub(crate) aims: &'static [(&'static str, &'static str, f64)],
    pub(crate) run: fn(Effort) -> Running,
}

/// A scenario under way.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Findings>>>>;

/// All of them, as they are run.
pub(crate) const SCENARIOS: &[&Scenario] = &[
    &open::OPEN,
    &full::FULL,
    &full::TOKENS_1000,
    &full::TOKENS_10000,
    &full::TOKEN,
    &full::TIERS,
    &refusal::NONE,
    &refusal::FORGED,
    &refusal::THROTTLED,
    &hit::SMALL,
    &hit::LARGE,
    &tls::KEPT,
    &tls::HANDSHAKE,
    &http2::HTTP2,
    &bodies::UPLOAD,
    &bodies::DOWNLOAD,
    &websocket::WEBSOCKET,
    &versions::VERSIONS,
    &idle::IDLE,
    &reload::RELOAD,
    &start::SCENARIO,
    &edit::EDIT,
    &edit::MEMORY,
    &admin::puts::PUTS,
    &admin::writes::WRITES,
    &admin::kills::KILLS,
];
