//! How soon is an edited file served, and what do a thousand changes leave behind?
//!
//! Aims: within 300 ms from the save to the first request served by it, on 1,000 API versions; memory flat over 1,000
//! changes.

use std::time::{Duration, Instant};

use super::Scenario;
use crate::Result;
use crate::client::Client;
use crate::conf::{Conf, api};
use crate::effort::Effort;
use crate::figure::{Findings, What};
use crate::process::Process;

pub(crate) const EDIT: Scenario = Scenario {
    name: "edit",
    question: "How soon is an edited file served, in a catalog of 1,000 API versions?",
    aims: &[("until served", "", 300.0)],
    run: |effort| Box::pin(edit(effort)),
};

pub(crate) const MEMORY: Scenario = Scenario {
    name: "memory",
    question: "What do a thousand changes of a catalog of 1,000 API versions leave behind?",
    aims: &[],
    run: |effort| Box::pin(memory(effort)),
};

const SERVED: What = What::new("until served", "ms");
const FIRST: What = What::new("memory at first", "MiB");
const LATER: What = What::new("memory after 200 to 1,000 changes", "MiB");

/// Saves a file and calls until the change answers.
async fn edit(effort: Effort) -> Result<Findings> {
    let mut findings = Findings::default();
    let origin = Process::origin().await?;
    let conf = Conf::new(effort.count(1000, 10), origin.address)?;
    let gateway = Process::gateway(&conf).await?;
    let mut client = Client::connect(gateway.address).await?;
    for turn in 0..effort.count(20, 1) {
        let path = format!("/api3/1.0/turn{turn}");
        let saved = Instant::now();
        conf.write(3, &api(3, origin.address, &format!("/turn{turn}")))?;
        while client.call(&path).await? != 200 {
            if saved.elapsed() > Duration::from_secs(10) {
                return Err("a change was never served".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        findings.record("Tollgate", SERVED, saved.elapsed().as_secs_f64() * 1e3);
    }
    findings.note("each value is one save".to_owned());
    Ok(findings)
}

/// Changes the catalog a thousand times and reads the memory as it goes.
async fn memory(effort: Effort) -> Result<Findings> {
    let mut findings = Findings::default();
    let origin = Process::origin().await?;
    let conf = Conf::new(effort.count(1000, 10), origin.address)?;
    let gateway = Process::gateway(&conf).await?;
    let (changes, step) = (effort.count(1000, 2), effort.count(200, 1));
    for turn in 0..=changes {
        conf.write(3, &api(3, origin.address, &format!("/turn{turn}")))?;
        conf.reload().await?;
        if turn % step == 0 {
            let what = if turn == 0 { FIRST } else { LATER };
            findings.record("Tollgate", what, gateway.resident()?);
        }
    }
    Ok(findings)
}
