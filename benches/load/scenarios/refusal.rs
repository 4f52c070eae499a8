//! What does it cost to refuse?
//!
//! Aims, of CPU time: at most 0.45 times an open proxied request for a call without a token and for one whose subscription
//! is used up; to refuse a token that is wrong, in another way each time, costs less than to serve one. The other
//! proxies refuse the same calls; what is used up is one call a day, which no run outlasts.

use super::Scenario;
use crate::Result;
use crate::client::{Client, get};
use crate::compare::Load;
use crate::drive::Calls;
use crate::effort::Effort;
use crate::figure::Findings;
use crate::peers::{Beside, Work};
use crate::process::Process;
use crate::world::{CLOSED, World};

pub(crate) const NONE: Scenario = Scenario {
    name: "refusal-none",
    question: "What does a call without a token cost (401), beside one that is served?",
    aims: &[("CPU", "open, served", 0.45)],
    run: |effort| Box::pin(none(effort)),
};

pub(crate) const FORGED: Scenario = Scenario {
    name: "refusal-forged",
    question: "What does a forged token cost (401), another one each time, beside calls that are served?",
    aims: &[("CPU", "a token, served", 1.0)],
    run: |effort| Box::pin(forged(effort)),
};

pub(crate) const THROTTLED: Scenario = Scenario {
    name: "refusal-throttled",
    question: "What does a call beyond its quota cost (429), with a token, beside one that is served?",
    aims: &[("CPU", "open, served", 0.45)],
    run: |effort| Box::pin(throttled(effort)),
};

async fn none(effort: Effort) -> Result<Findings> {
    let world = World::free(effort).await?;
    let peers = Beside::start(&Work::Full(world.guard().await?), world.origin.address, effort).await?;
    let sides = vec![world.side("no token", Calls::open(CLOSED, 401)), world.open()];
    peers.compare(sides, Load::USUAL, effort).await
}

async fn forged(effort: Effort) -> Result<Findings> {
    let world = World::free(effort).await?;
    let tokens = world.tokens(1).await?;
    let peers = Beside::start(&Work::Full(world.guard().await?), world.origin.address, effort).await?;
    let sides = vec![
        world.side("forged tokens", Calls::spoilt(CLOSED, &tokens[0])),
        world.side("a token, served", Calls::with(CLOSED, &tokens)),
        world.open(),
    ];
    peers.compare(sides, Load::USUAL, effort).await
}

async fn throttled(effort: Effort) -> Result<Findings> {
    let (world, free) = (World::exhausted(effort).await?, World::free(effort).await?);
    let tokens = world.tokens(1).await?;
    let refused = Calls {
        status: 429,
        ..Calls::with(CLOSED, &tokens)
    };
    let guard = world.guard().await?.daily(1);
    let peers = Beside::start(&Work::Full(guard), world.origin.address, effort).await?;
    let throttled = peers.processes().chain([("Tollgate", &*world.gateway)]);
    for (name, process) in throttled {
        use_up(name, process, &tokens[0]).await?;
    }
    let sides = vec![world.side("throttled", refused), free.open()];
    peers.compare(sides, Load::USUAL, effort).await
}

/// Makes the one call that there is.
async fn use_up(name: &str, process: &Process, token: &str) -> Result<()> {
    let call = get(CLOSED, &format!("Authorization: Bearer {token}\r\n"));
    let first = Client::connect(process.address).await?.ask(call.as_bytes()).await?;
    match first.status {
        200 => Ok(()),
        status => Err(format!("{name}: the call within the quota is answered with {status}").into()),
    }
}
