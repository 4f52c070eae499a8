//! How long does it take from the start of the process to the first answer, and what does an idle process hold?
//!
//! Aims: within 0.3 s and below 30 MiB with a small catalog. The first start, which makes signing keys and fills the registry,
//! is not among them. With 10,000 versions: see `versions-10000`.

use std::time::{Duration, Instant};

use super::Scenario;
use crate::Result;
use crate::client::Client;
use crate::compare::MEMORY;
use crate::conf::Conf;
use crate::effort::Effort;
use crate::figure::{Findings, What};
use crate::process::Process;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "start",
    question: "How long does it take from the start of the process to its first answer, and what does it hold then?",
    aims: &[("start", "", 0.3), ("memory", "", 30.0)],
    run: |effort| Box::pin(run(effort)),
};

/// How long the first answer takes.
pub(crate) const START: What = What::new("start", "s");

async fn run(effort: Effort) -> Result<Findings> {
    let mut findings = Findings::default();
    let origin = Process::origin().await?;
    let conf = Conf::new(10, origin.address)?;
    drop(first_answer(&conf).await?);
    for _ in 0..effort.rounds {
        let (gateway, took) = first_answer(&conf).await?;
        findings.record("10 versions", START, took.as_secs_f64());
        findings.record("10 versions", MEMORY, gateway.resident()?);
    }
    Ok(findings)
}

/// Starts the gateway and calls it until it answers.
pub(crate) async fn first_answer(conf: &Conf) -> Result<(Process, Duration)> {
    let begun = Instant::now();
    let gateway = Process::gateway(conf).await?;
    let status = Client::connect(gateway.address).await?.call("/api7/ping").await?;
    if status != 200 {
        return Err(format!("the first answer is {status}").into());
    }
    Ok((gateway, begun.elapsed()))
}
