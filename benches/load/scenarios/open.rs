//! What does a proxied request cost beside the thinnest proxy that Pingora makes, tuned alike?
//!
//! Aim: at most 1.05 times its CPU time. None writes an access log; a side of its own tells what ours costs.

use std::rc::Rc;

use super::Scenario;
use crate::Result;
use crate::compare::{Load, Side};
use crate::conf::Conf;
use crate::drive::Calls;
use crate::effort::Effort;
use crate::figure::Findings;
use crate::origin::USUAL;
use crate::peers::{Beside, Work};
use crate::process::Process;

pub(crate) const OPEN: Scenario = Scenario {
    name: "open",
    question: "What does a proxied request cost beside the thinnest proxy of Pingora, tuned alike?",
    aims: &[("CPU", "bare", 1.05)],
    run: |effort| Box::pin(run(effort)),
};

async fn run(effort: Effort) -> Result<Findings> {
    let origin = Process::origin().await?;
    let versions = effort.count(1000, 10);
    let conf = Conf::new(versions, origin.address)?.without_log();
    let logging = Conf::new(versions, origin.address)?;
    let gateway = Rc::new(Process::gateway(&conf).await?);
    let logged = Rc::new(Process::gateway(&logging).await?);
    let bare = Rc::new(Process::role("bare", &[&origin.address.to_string()]).await?);
    let peers = Beside::start(&Work::Open, origin.address, effort).await?;
    let calls = Calls::open("/api7/1.0/ping", 200).of_length(USUAL);
    let sides = vec![
        Side::new("Tollgate", &gateway, calls.clone()),
        Side::new("bare", &bare, calls.clone()),
        Side::new("Tollgate, access log", &logged, calls),
    ];
    peers.compare(sides, Load::USUAL, effort).await
}
