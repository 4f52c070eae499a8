//! How soon is an edited file served, and what do a thousand changes leave behind?
//!
//! Claims: under 300 ms from the save to the first request served by it, on 1,000 API versions; memory flat over
//! 1,000 changes.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::client::Client;
use crate::process::{Conf, Process, api};

/// Saves a file and calls until the change answers.
pub(crate) async fn measure_latency() -> Outcome {
    let origin = Process::role("origin", None).await?;
    let conf = Conf::new(1000, origin.address)?;
    let gateway = Process::gateway(&conf)?;
    gateway.reachable().await?;
    let mut client = Client::connect(gateway.address).await?;
    let mut latencies = Vec::new();
    for turn in 0..20 {
        let path = format!("/api3/1.0/turn{turn}");
        let saved = Instant::now();
        conf.write(3, &api(3, origin.address, &format!("/turn{turn}")))?;
        while client.call(&path).await? != 200 {
            if saved.elapsed() > Duration::from_secs(10) {
                return Err("a change was never served".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        latencies.push(saved.elapsed());
    }
    latencies.sort();
    println!(
        "edit: {:?} from the save to the first request served by it (median of {}, at most {:?}; 1,000 API versions)",
        latencies[latencies.len() / 2],
        latencies.len(),
        latencies[latencies.len() - 1]
    );
    Ok(())
}

/// Changes the catalog a thousand times and reads the memory as it goes.
pub(crate) async fn measure_memory() -> Outcome {
    let origin = Process::role("origin", None).await?;
    let conf = Conf::new(1000, origin.address)?;
    let gateway = Process::gateway(&conf)?;
    gateway.reachable().await?;
    let mut rows = Vec::new();
    for turn in 0..=1000 {
        conf.write(3, &api(3, origin.address, &format!("/turn{turn}")))?;
        conf.reload().await?;
        if turn % 200 == 0 {
            rows.push(format!("{} KiB after {turn}", gateway.resident()?));
        }
    }
    println!("memory: {} changes of a catalog of 1,000 API versions", rows.join(", "));
    Ok(())
}
