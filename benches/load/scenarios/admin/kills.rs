//! Is the catalog whole after the gateway was killed at random moments of a change of three files?
//!
//! Claim: after each of 100 kills the catalog loads and says what it said before or after the change, and after it where the
//! change was answered. Anything else ends the run.

use std::time::Duration;

use super::{World, document};
use crate::Result;
use crate::effort::Effort;
use crate::figure::{Findings, What};
use crate::scenarios::Scenario;

pub(crate) const KILLS: Scenario = Scenario {
    name: "kills",
    question: "Is the catalog whole after the gateway was killed amid a change of three files?",
    aims: &[],
    run: |effort| Box::pin(run(effort)),
};

const BEFORE: What = What::new("catalogs of before the change", "");
const AFTER: What = What::new("catalogs of after the change", "");

async fn run(effort: Effort) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut world = World::new(5).await?;
    let (mut before, mut after) = (0.0, 0.0);
    for turn in 0..effort.count(100, 2) {
        let is_answered = change(&mut world, turn).await?;
        world.kill().await?;
        let mut served = Vec::new();
        for index in 0..3 {
            served.push(world.status_of(&format!("/api{index}/1.0/turn{turn}")).await?);
        }
        match served.as_slice() {
            [200, 200, 200] => after += 1.0,
            [404, 404, 404] if !is_answered => before += 1.0,
            other => return Err(format!("turn {turn}: {other:?}, answered: {is_answered}").into()),
        }
    }
    findings.record("Tollgate", BEFORE, before);
    findings.record("Tollgate", AFTER, after);
    Ok(findings)
}

/// Asks for a change of three files, and waits for the answer no longer than to a moment of it; tells whether it came.
async fn change(world: &mut World, turn: usize) -> Result<bool> {
    let edits: Vec<String> = (0..3)
        .map(|index| {
            let body = document(index, world.origin.address, &format!("/turn{turn}"))?;
            Ok(format!(
                r#"{{"method": "PUT", "target": {{"api": {{"api": "Api{index}"}}}}, "body": {body}}}"#
            ))
        })
        .collect::<Result<_>>()?;
    let request = world.request("POST", "/changes", &format!(r#"{{"changes": [{}]}}"#, edits.join(",")));
    // From before the change is read to after it was answered, which takes some 30 ms.
    let moment = Duration::from_micros((turn as u64 * 7919) % 100 * 400);
    let sent = tokio::time::timeout(moment, world.admin.exchange(&request)).await;
    Ok(matches!(sent, Ok(Ok((200, _)))))
}
