//! What does a change of the catalog every second cost the callers?
//!
//! Claims: no failed request over kept and new connections; the 99th percentile within 1.2 times the same run without
//! changes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::Outcome;
use crate::client::Client;
use crate::process::{Conf, Process, api};

const SECONDS: u64 = 30;
const KEPT: u64 = 8;
const PER_CONNECTION: u64 = 50;
const NEW_PER_SECOND: u64 = 50;

pub(crate) struct Run {
    pub(crate) latencies: Vec<Duration>,
    pub(crate) failures: Vec<String>,
}

/// Runs the same load without and with changes, twice each, in turn.
pub(crate) async fn measure() -> Outcome {
    let origin = Process::role("origin", None).await?;
    let conf = Conf::new(1000, origin.address)?;
    let gateway = Process::gateway(&conf)?;
    gateway.reachable().await?;
    for round in 1..=2 {
        let calm = load(gateway.address).await;
        let changes = tokio::spawn(change(conf_of(&conf), origin.address));
        let busy = load(gateway.address).await;
        changes.abort();
        let (calm_p99, busy_p99) = (percentile(&calm, 99), percentile(&busy, 99));
        println!(
            "reload: round {round}: {} requests, {} failed while the catalog of 1,000 versions changed every second \
             for {SECONDS} s; p99 {busy_p99:?} beside {calm_p99:?} without changes, ratio {:.2}; p50 {:?} beside {:?}",
            busy.latencies.len() + busy.failures.len(),
            busy.failures.len(),
            busy_p99.as_secs_f64() / calm_p99.as_secs_f64(),
            percentile(&busy, 50),
            percentile(&calm, 50),
        );
        for failure in calm.failures.iter().chain(&busy.failures).take(5) {
            println!("reload: failed: {failure}");
        }
    }
    Ok(())
}

fn conf_of(conf: &Conf) -> std::path::PathBuf {
    conf.dir()
}

async fn change(conf: std::path::PathBuf, origin: SocketAddr) -> std::io::Result<()> {
    let mut every = interval(Duration::from_secs(1));
    for turn in 0.. {
        every.tick().await;
        let template = if turn % 2 == 0 { "/things/{id}" } else { "/items/{id}" };
        tokio::fs::write(conf.join("catalog/apis/api3.toml"), api(3, origin, template)).await?;
    }
    Ok(())
}

/// Calls at a steady rate, over kept and over new connections.
pub(crate) async fn load(address: SocketAddr) -> Run {
    let mut tasks = JoinSet::new();
    let end = Instant::now() + Duration::from_secs(SECONDS);
    for _ in 0..KEPT {
        tasks.spawn(async move { paced(address, PER_CONNECTION, end, true).await });
    }
    tasks.spawn(async move { paced(address, NEW_PER_SECOND, end, false).await });
    let mut run = Run {
        latencies: Vec::new(),
        failures: Vec::new(),
    };
    while let Some(part) = tasks.join_next().await {
        match part {
            Ok(part) => {
                run.latencies.extend(part.latencies);
                run.failures.extend(part.failures);
            }
            Err(e) => run.failures.push(e.to_string()),
        }
    }
    run.latencies.sort();
    run
}

/// Calls at a steady rate over one kept connection, or over a new one each time.
async fn paced(address: SocketAddr, per_second: u64, end: Instant, keeps: bool) -> Run {
    let mut run = Run {
        latencies: Vec::new(),
        failures: Vec::new(),
    };
    let mut every = interval(Duration::from_micros(1_000_000 / per_second));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut kept = None;
    while Instant::now() < end {
        every.tick().await;
        let begun = Instant::now();
        let called = async {
            let mut client = match kept.take() {
                Some(client) => client,
                None => Client::connect(address).await?,
            };
            let status = client.call("/api7/1.0/ping").await?;
            Ok::<_, std::io::Error>((client, status))
        };
        match called.await {
            Ok((client, 200)) => {
                run.latencies.push(begun.elapsed());
                kept = keeps.then_some(client);
            }
            Ok((_, status)) => run.failures.push(format!("status {status}")),
            Err(e) => run.failures.push(e.to_string()),
        }
    }
    run
}

/// Returns the latency that so many of 100 stay below.
pub(crate) fn percentile(run: &Run, percent: usize) -> Duration {
    run.latencies
        .get(run.latencies.len() * percent / 100)
        .copied()
        .unwrap_or_default()
}
