//! How long does it take from the start of the process to the first answer?
//!
//! Claims: under 300 ms with a small catalog, under 2 s with 10,000 API versions.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::client::Client;
use crate::process::{Conf, Process};

/// Starts the gateway on catalogs of two sizes, five times each.
pub(crate) async fn measure() -> Outcome {
    let origin = Process::role("origin", None).await?;
    for versions in [10, 10_000] {
        let conf = Conf::new(versions, origin.address)?;
        let mut times = Vec::new();
        for _ in 0..5 {
            times.push(first_answer(&conf).await?);
        }
        times.sort();
        println!(
            "start: {:?} to the first answer with {versions} API versions (median of {})",
            times[2],
            times.len()
        );
    }
    Ok(())
}

/// Starts the gateway once on a small catalog and calls it once.
pub(crate) async fn once() -> Outcome {
    let origin = Process::role("origin", None).await?;
    first_answer(&Conf::new(10, origin.address)?).await.map(drop)
}

async fn first_answer(conf: &Conf) -> Result<Duration, Box<dyn std::error::Error + Send + Sync>> {
    let begun = Instant::now();
    let gateway = Process::gateway(conf)?;
    gateway.reachable().await?;
    let status = Client::connect(gateway.address).await?.call("/api7/ping").await?;
    if status != 200 {
        return Err(format!("status {status}").into());
    }
    Ok(begun.elapsed())
}
