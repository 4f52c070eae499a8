//! What do ten thousand writes of the admin API leave behind?
//!
//! Aim: memory stays flat, and so does the history of the catalog.

use super::World;
use crate::Result;
use crate::effort::Effort;
use crate::figure::{Findings, What};
use crate::scenarios::Scenario;

pub(crate) const WRITES: Scenario = Scenario {
    name: "writes",
    question: "What do ten thousand writes of the admin API leave behind, on 10 API versions?",
    aims: &[],
    run: |effort| Box::pin(run(effort)),
};

const FIRST: What = What::new("memory at first", "MiB");
const LATER: What = What::new("memory after 2,000 to 10,000 writes", "MiB");
const HISTORY: What = What::new("history after 2,000 to 10,000 writes", "KiB");

async fn run(effort: Effort) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut world = World::new(10).await?;
    let (writes, step) = (effort.count(10_000, 4), effort.count(2_000, 2));
    for turn in 0..=writes {
        world.put(turn % 10, &format!("/turn{turn}")).await?;
        if turn == 0 {
            findings.record("Tollgate", FIRST, world.gateway.resident()?);
        } else if turn % step == 0 {
            let history = std::fs::metadata(world.conf.data().join("revisions.jsonl"))?.len();
            findings.record("Tollgate", LATER, world.gateway.resident()?);
            findings.record("Tollgate", HISTORY, history as f64 / 1024.0);
        }
    }
    Ok(findings)
}
