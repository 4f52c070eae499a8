//! How soon is a PUT of the admin API served, and what does it cost the callers?
//!
//! Five a second on 1,000 API versions, beside calls at a fixed rate. Aims: 99 of 100 are served within 100 ms; no failed
//! call, and a 99th percentile within 1.2 times that without writes.

use std::time::{Duration, Instant};

use tokio::time::interval;

use super::World;
use crate::Result;
use crate::drive::{Limit, Tally};
use crate::effort::Effort;
use crate::figure::{Findings, Spread, What};
use crate::scenarios::Scenario;
use crate::scenarios::reload::{record, steady};

pub(crate) const PUTS: Scenario = Scenario {
    name: "puts",
    question: "How soon is a PUT of the admin API served, and what does it cost the callers?",
    aims: &[("until served, longest", "", 100.0), ("latency p99", "calm", 1.2)],
    run: |effort| Box::pin(run(effort)),
};

const SERVED: What = What::new("until served, median", "ms");
const LONGEST: What = What::new("until served, longest", "ms");

async fn run(effort: Effort) -> Result<Findings> {
    let mut findings = Findings::default();
    let versions = effort.count(1000, 10);
    let mut world = World::new(versions).await?;
    for round in 0..effort.rounds {
        let (busy, served) = write(&mut world, (round, versions), effort.limit(6.0)).await?;
        record(&mut findings, "writing", &busy);
        if let Some(spread) = Spread::of(&served) {
            findings.record("writing", SERVED, spread.median);
            findings.record("writing", LONGEST, spread.max);
        }
        let calm = steady(world.gateway.address, effort.limit(6.0)).await?;
        record(&mut findings, "calm", &calm);
    }
    Ok(findings)
}

/// Puts an API and calls it at once, while others call at a fixed rate; returns how long each took, in milliseconds.
async fn write(world: &mut World, (round, versions): (usize, usize), limit: Limit) -> Result<(Tally, Vec<f64>)> {
    let busy = tokio::spawn(steady(world.gateway.address, limit));
    let mut served = Vec::new();
    let mut every = interval(Duration::from_millis(200));
    loop {
        every.tick().await;
        let turn = served.len();
        let (index, path) = (turn % versions, format!("/r{round}t{turn}"));
        let begun = Instant::now();
        world.put(index, &path).await?;
        let status = world.status_of(&format!("/api{index}/1.0{path}")).await?;
        if status != 200 {
            return Err(format!("a change that was told to be served answers {status}").into());
        }
        served.push(begun.elapsed().as_secs_f64() * 1e3);
        if busy.is_finished() {
            return Ok((busy.await??, served));
        }
    }
}
