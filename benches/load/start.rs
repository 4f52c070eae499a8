//! How long does it take from the start of the process to the first answer?
//!
//! Claims: under 300 ms with a small catalog, under 2 s with 10,000 API versions.

use std::time::Instant;

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
            let begun = Instant::now();
            let gateway = Process::gateway(&conf)?;
            gateway.reachable().await?;
            let status = Client::connect(gateway.address).await?.call("/api7/ping").await?;
            if status != 200 {
                return Err(format!("status {status}").into());
            }
            times.push(begun.elapsed());
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
