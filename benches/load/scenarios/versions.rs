//! What do 10,000 API versions cost beside 10?
//!
//! Calls go to all of them in turn; the other proxies have as many routes; none writes an access log. Aims: at most 1.03
//! times the CPU time, below 100 MiB, started within 2 s, and a changed file served 300 ms after the gateway is told to
//! reload.

use std::rc::Rc;
use std::time::Instant;

use super::Scenario;
use super::start::{START, first_answer};
use crate::Result;
use crate::client::get;
use crate::compare::{Load, Side};
use crate::conf::{Conf, api};
use crate::drive::Calls;
use crate::effort::Effort;
use crate::figure::{Findings, What};
use crate::origin::USUAL;
use crate::peers::{Beside, Work};
use crate::process::Process;

pub(crate) const VERSIONS: Scenario = Scenario {
    name: "versions-10000",
    question: "What do 10,000 API versions cost beside 10, for each call, in memory, to start and to reload?",
    aims: &[
        ("CPU", FEW, 1.03),
        ("peak memory", "", 100.0),
        ("start", "", 2.0),
        ("reload", "", 300.0),
    ],
    run: |effort| Box::pin(run(effort)),
};

const MANY: &str = "10,000 versions";
const FEW: &str = "10 versions";
const RELOAD: What = What::new("reload", "ms");

async fn run(effort: Effort) -> Result<Findings> {
    let origin = Process::origin().await?;
    let sizes = [(MANY, effort.count(10_000, 50)), (FEW, 10)];
    let mut confs = Vec::new();
    for (name, versions) in sizes {
        confs.push((name, versions, Conf::new(versions, origin.address)?.without_log()));
    }
    let mut sides = Vec::new();
    for (name, versions, conf) in &confs {
        let gateway = Rc::new(Process::gateway(conf).await?);
        let requests: Vec<_> = (0..*versions)
            .map(|index| get(&format!("/api{index}/1.0/ping"), ""))
            .collect();
        sides.push(Side::new(
            name,
            &gateway,
            Calls::rotating(&requests, 200).of_length(USUAL),
        ));
    }
    let peers = Beside::start(&Work::Routes(sizes[0].1), origin.address, effort).await?;
    // The sides end with it: the directories of ours are wanted.
    let mut findings = peers.compare(sides, Load::USUAL, effort).await?;
    for round in 0..effort.rounds {
        for (name, _, conf) in &confs {
            let (gateway, took) = first_answer(conf).await?;
            findings.record(name, START, took.as_secs_f64());
            conf.write(3, &api(3, origin.address, &format!("/round{round}")))?;
            let begun = Instant::now();
            conf.reload().await?;
            findings.record(name, RELOAD, begun.elapsed().as_secs_f64() * 1e3);
            drop(gateway);
        }
    }
    Ok(findings)
}
