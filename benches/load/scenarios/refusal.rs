//! What does it cost to refuse?
//!
//! Aims, of CPU time: at most 0.45 times an open proxied request for a call without a token and for one whose subscription
//! is used up; to refuse a token that is wrong, in another way each time, costs less than to serve one.

use super::Scenario;
use crate::Result;
use crate::client::Client;
use crate::compare::{Load, compare};
use crate::drive::Calls;
use crate::effort::Effort;
use crate::figure::Findings;
use crate::peers::{Beside, Work};
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
    // The one call that it has.
    let call = crate::client::get(CLOSED, &format!("Authorization: Bearer {}\r\n", tokens[0]));
    let first = Client::connect(world.gateway.address)
        .await?
        .ask(call.as_bytes())
        .await?;
    if first.status != 200 {
        return Err(format!("the call within the quota is answered with {}", first.status).into());
    }
    compare(&[world.side("throttled", refused), free.open()], Load::USUAL, effort).await
}
