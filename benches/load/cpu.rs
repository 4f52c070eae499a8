//! What does a proxied request cost beside the thinnest proxy that Pingora makes?
//!
//! Claim: at most 1.15 times its CPU time, user and system, in the same run.

use crate::Outcome;
use crate::client::drive;
use crate::process::{Conf, Process};

const ROUNDS: usize = 9;
const CONNECTIONS: usize = 32;
const REQUESTS: usize = 16_000;

/// Measures both in turn, so that a drift of the machine's speed meets both alike.
pub(crate) async fn measure() -> Outcome {
    let origin = Process::role("origin", None).await?;
    let bare = Process::role("bare", Some(origin.address)).await?;
    let conf = Conf::new(1000, origin.address)?;
    let gateway = Process::gateway(&conf)?;
    gateway.reachable().await?;
    let mut rows = Vec::new();
    for round in 0..=ROUNDS {
        let yardstick = cost(&bare, "/api7/1.0/ping").await?;
        let ours = cost(&gateway, "/api7/1.0/ping").await?;
        // The first round warms both up.
        if round > 0 {
            rows.push((ours / yardstick, ours, yardstick));
        }
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, ours, yardstick) = rows[rows.len() / 2];
    println!(
        "cpu: {ours:.1} us a request through the gateway, {yardstick:.1} us through a bare proxy, ratio {ratio:.3} \
         (median of {ROUNDS} pairs, {:.3} to {:.3}; {REQUESTS} requests each over {CONNECTIONS} connections)",
        rows[0].0,
        rows[rows.len() - 1].0
    );
    Ok(())
}

async fn cost(process: &Process, path: &'static str) -> Result<f64, Box<dyn std::error::Error + Send + Sync>> {
    let before = process.cpu()?;
    drive(process.address, path, CONNECTIONS, REQUESTS).await?;
    Ok((process.cpu()? - before).as_secs_f64() * 1e6 / REQUESTS as f64)
}
