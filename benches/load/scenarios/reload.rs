//! What does a change of the catalog every second cost the callers?
//!
//! A catalog of 1,000 versions; calls at a fixed rate over kept and over new connections. Aims: no failed request, and a 99th
//! percentile within 1.1 times that without changes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::interval;

use super::Scenario;
use crate::Result;
use crate::compare::{note_pace, record_errors, record_latency};
use crate::conf::{Conf, api};
use crate::cost;
use crate::drive::{Callers, Calls, Limit, Tally, Transport};
use crate::effort::Effort;
use crate::figure::Findings;
use crate::origin::USUAL;
use crate::process::Process;

pub(crate) const RELOAD: Scenario = Scenario {
    name: "reload",
    question: "What does a change of the catalog every second cost the callers?",
    aims: &[("latency p99", "steady", 1.1)],
    run: |effort| Box::pin(run(effort)),
};

async fn run(effort: Effort) -> Result<Findings> {
    let mut findings = Findings::default();
    let origin = Process::origin().await?;
    let conf = Conf::new(effort.count(1000, 10), origin.address)?;
    let gateway = Process::gateway(&conf).await?;
    if !cost::give_first_core(&gateway) {
        findings.note("not pinned to cores: that takes two of them and `taskset`".to_owned());
    }
    // The first calls warm it up.
    steady(gateway.address, effort.limit(1.0)).await?;
    for _ in 0..effort.rounds {
        let changed = tokio::select! {
            tally = steady(gateway.address, effort.limit(PARTS)) => tally?,
            failed = change(&conf, origin.address) => return Err(failed),
        };
        record(&mut findings, "changing", &changed);
        let calm = steady(gateway.address, effort.limit(PARTS)).await?;
        record(&mut findings, "steady", &calm);
    }
    Ok(findings)
}

/// Records what came of calls at the fixed rate.
pub(crate) fn record(findings: &mut Findings, side: &str, tally: &Tally) {
    record_latency(findings, side, tally);
    note_pace(findings, side, (tally, KEPT + ANEW));
    record_errors(findings, side, tally);
}

/// Calls a second over kept connections, and over new ones.
const KEPT: u64 = 1_000;
const ANEW: u64 = 50;

/// A round has to see several changes.
const PARTS: f64 = 6.0;

/// Changes the catalog every second; ends where it cannot.
async fn change(conf: &Conf, origin: SocketAddr) -> crate::Error {
    let mut every = interval(Duration::from_secs(1));
    for turn in 0_u64.. {
        every.tick().await;
        let template = if turn.is_multiple_of(2) {
            "/things/{id}"
        } else {
            "/items/{id}"
        };
        if let Err(e) = conf.write(3, &api(3, origin, template)) {
            return e;
        }
    }
    "there are no more turns".into()
}

/// Calls at a fixed rate over 16 kept connections and, twenty times more seldom, over new ones.
pub(crate) async fn steady(address: SocketAddr, limit: Limit) -> Result<Tally> {
    let calls = Calls::open("/api7/1.0/ping", 200).of_length(USUAL);
    let mut kept = Callers::connect(address, &calls, 16).await?;
    let mut anew = Callers::connect(address, &calls.over(Transport::PlainAnew), 4).await?;
    let (kept, anew) = tokio::join!(kept.paced(limit, KEPT), anew.paced(limit, ANEW));
    let mut tally = kept?;
    tally += anew?;
    Ok(tally)
}
