//! What does it cost to know who calls, and to hold each call against quotas?
//!
//! The full path is a JWT, a subscription, a scope that its holder has by a role, tiers of the version, the subscription
//! (with a burst), the application and a counting rule, the cap of the endpoints, metrics and an access log in a file.
//! Aims, of CPU time: with a repeated token at most 1.20 times the open proxy of bare Pingora, 0.62 times HAProxy and 0.65
//! times Envoy with its JWT cache, which do less; with 1,000 and 10,000 tokens in rotation, which the other proxies get as
//! well, at most 1.05 and 1.15 times that with one. `token` and `tiers` take the path apart: at most 1.15 times an open resource for a token, a scope and a
//! subscription, and at most 1.05 times the same without tiers for the tiers.

use std::rc::Rc;

use super::Scenario;
use crate::Result;
use crate::compare::{Load, Side, compare};
use crate::drive::Calls;
use crate::effort::Effort;
use crate::figure::Findings;
use crate::origin::USUAL;
use crate::peers::{Beside, Work};
use crate::process::Process;
use crate::world::{OPEN, World};

pub(crate) const FULL: Scenario = Scenario {
    name: "full",
    question: "What does the full path cost (JWT, subscription, scope, four tiers, metrics, access log) beside an open proxy?",
    aims: &[
        ("CPU", "bare, open", 1.20),
        ("CPU", "HAProxy", 0.62),
        ("CPU", "Envoy", 0.65),
        ("peak memory", "", 60.0),
    ],
    run: |effort| Box::pin(full(effort)),
};

pub(crate) const TOKENS_1000: Scenario = Scenario {
    name: "tokens-1000",
    question: "What do 1,000 tokens in rotation cost beside one that is repeated?",
    aims: &[("CPU", "one token", 1.05)],
    run: |effort| Box::pin(tokens(effort, 1_000)),
};

pub(crate) const TOKENS_10000: Scenario = Scenario {
    name: "tokens-10000",
    question: "What do 10,000 tokens in rotation cost beside one that is repeated?",
    aims: &[("CPU", "one token", 1.15)],
    run: |effort| Box::pin(tokens(effort, 10_000)),
};

pub(crate) const TOKEN: Scenario = Scenario {
    name: "token",
    question: "What does a resource cost that asks for a token, a scope and a subscription, beside an open one?",
    aims: &[("CPU", "open, served", 1.15)],
    run: |effort| Box::pin(token(effort)),
};

pub(crate) const TIERS: Scenario = Scenario {
    name: "tiers",
    question: "What does it cost to hold a call against quotas at every level, beside none?",
    aims: &[("CPU", "no tiers", 1.05)],
    run: |effort| Box::pin(tiers(effort)),
};

async fn full(effort: Effort) -> Result<Findings> {
    let world = World::counted(effort).await?;
    let bare = Rc::new(Process::role("bare", &[&world.origin.address.to_string()]).await?);
    let peers = Beside::start(&Work::Full(world.guard().await?), world.origin.address, effort).await?;
    let sides = vec![
        world.side("Tollgate", world.with_tokens(1).await?),
        Side::new("bare, open", &bare, Calls::open(OPEN, 200).of_length(USUAL)),
    ];
    peers.compare(sides, Load::USUAL, effort).await
}

async fn tokens(effort: Effort, count: usize) -> Result<Findings> {
    let world = World::counted(effort).await?;
    let many = world.with_tokens(effort.count(count, 5)).await?;
    let peers = Beside::start(&Work::Full(world.guard().await?), world.origin.address, effort).await?;
    let sides = vec![
        world.side(&format!("{count} tokens"), many),
        world.side("one token", world.with_tokens(1).await?),
    ];
    peers.compare(sides, Load::USUAL, effort).await
}

async fn token(effort: Effort) -> Result<Findings> {
    let world = World::free(effort).await?;
    let sides = [world.side("a token", world.with_tokens(1).await?), world.open()];
    compare(&sides, Load::USUAL, effort).await
}

async fn tiers(effort: Effort) -> Result<Findings> {
    let (counted, free) = (World::counted(effort).await?, World::free(effort).await?);
    let sides = [
        counted.side("all tiers", counted.with_tokens(1).await?),
        free.side("no tiers", free.with_tokens(1).await?),
    ];
    compare(&sides, Load::USUAL, effort).await
}
