//! What does an idle connection hold?
//!
//! 5,000 connections that were answered once each and are kept, by the gateway, by bare Pingora and by the other proxies;
//! once the memory is read, each must still answer. Aim: at most 40 KiB each.

use super::Scenario;
use crate::Result;
use crate::client::Client;
use crate::conf::Conf;
use crate::effort::Effort;
use crate::figure::{Findings, What};
use crate::peers::{Beside, Work};
use crate::process::Process;

pub(crate) const IDLE: Scenario = Scenario {
    name: "idle",
    question: "What does each of 5,000 idle connections hold, beside bare Pingora?",
    aims: &[("per connection", "", 40.0)],
    run: |effort| Box::pin(run(effort)),
};

const EACH: What = What::new("per connection", "KiB");
const BEFORE: What = What::new("before", "MiB");
const AFTER: What = What::new("with all", "MiB");

async fn run(effort: Effort) -> Result<Findings> {
    let mut findings = Findings::default();
    let origin = Process::origin().await?;
    let conf = Conf::new(effort.count(1000, 10), origin.address)?;
    let count = effort.count(5_000, 20);
    for _ in 0..effort.rounds {
        // A new process each time: memory that was held once is not all given back.
        let gateway = Process::gateway(&conf).await?;
        round(&mut findings, "Tollgate", &gateway, count).await?;
        let bare = Process::role("bare", &[&origin.address.to_string()]).await?;
        round(&mut findings, "bare", &bare, count).await?;
        let peers = Beside::start(&Work::Open, origin.address, effort).await?;
        for (name, peer) in peers.processes() {
            round(&mut findings, name, peer, count).await?;
        }
        peers.tell(&mut findings);
    }
    Ok(findings)
}

async fn round(findings: &mut Findings, name: &str, process: &Process, count: usize) -> Result<()> {
    let mut kept = Vec::with_capacity(count);
    // What the first request makes is not the connections'.
    connect(&mut kept, (name, process), 1).await?;
    let before = process.resident()?;
    connect(&mut kept, (name, process), count).await?;
    let after = process.resident()?;
    // One that was closed holds nothing.
    for client in &mut kept {
        call(client, name).await?;
    }
    findings.record(name, EACH, (after - before) * 1024.0 / count as f64);
    findings.record(name, BEFORE, before);
    findings.record(name, AFTER, after);
    Ok(())
}

async fn connect(kept: &mut Vec<Client>, (name, process): (&str, &Process), count: usize) -> Result<()> {
    for _ in 0..count {
        let mut client = Client::connect(process.address).await?;
        call(&mut client, name).await?;
        kept.push(client);
    }
    Ok(())
}

async fn call(client: &mut Client, name: &str) -> Result<()> {
    match client.call("/api7/1.0/ping").await {
        Ok(200) => Ok(()),
        Ok(status) => Err(format!("{name}: a call is answered with {status}").into()),
        Err(e) => Err(format!("{name}: {e}").into()),
    }
}
