//! How soon does a write of the admin API serve, what does it cost the callers, and what do ten thousand leave behind?
//!
//! Claims: 99 of 100 PUTs are served within 100 ms, on 1,000 API versions, while a load at a steady rate sees no error and
//! no 99th percentile above 1.2 times that without writes; memory flat over 10,000 writes; after each of 100 kills at
//! random moments the catalog loads and says what it said before or after the change.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::Outcome;
use crate::client::Client;
use crate::process::{Conf, Process, api};
use crate::reload::{load, percentile};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A gateway with 1,000 API versions, and somebody who may change them.
struct World {
    origin: Process,
    conf: Conf,
    gateway: Process,
    admin: Client,
    token: String,
}

impl World {
    async fn new(versions: usize) -> Result<Self> {
        let origin = Process::role("origin", None).await?;
        let conf = Conf::new(versions, origin.address)?;
        conf.fill(REGISTRY)?;
        let gateway = Process::gateway(&conf)?;
        gateway.reachable().await?;
        let token = token(gateway.address).await?;
        let admin = Self::connect(&gateway).await?;
        Ok(Self {
            origin,
            conf,
            gateway,
            admin,
            token,
        })
    }

    async fn connect(gateway: &Process) -> Result<Client> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match Client::connect(gateway.admin).await {
                Ok(client) => return Ok(client),
                Err(e) if Instant::now() > deadline => return Err(e.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }

    /// Kills the process, and starts another one.
    async fn kill(&mut self) -> Result<()> {
        self.gateway.end();
        self.gateway = Process::gateway(&self.conf)?;
        self.gateway.reachable().await?;
        self.admin = Self::connect(&self.gateway).await?;
        Ok(())
    }

    fn request(&self, method: &str, path: &str, body: &str) -> String {
        format!(
            "{method} /admin/v1{path} HTTP/1.1\r\nHost: bench.example\r\nAuthorization: Bearer {}\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        )
    }

    /// Puts an API whose second resource has this path.
    async fn put(&mut self, index: usize, second: &str) -> Result<()> {
        let body = document(index, self.origin.address, second)?;
        let request = self.request("PUT", &format!("/apis/Api{index}"), &body);
        let (status, answer) = self.admin.exchange(&request).await?;
        if status == 200 {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(answer).into())
        }
    }

    async fn status_of(&mut self, path: &str) -> Result<u16> {
        Ok(Client::connect(self.gateway.address).await?.call(path).await?)
    }
}

fn document(index: usize, origin: SocketAddr, second: &str) -> Result<String> {
    let value: serde_json::Value = toml::from_str(&api(index, origin, second))?;
    Ok(value.to_string())
}

async fn token(gateway: SocketAddr) -> Result<String> {
    let form = "grant_type=password&username=root&password=root-of-the-bench&scope=tollgate:admin";
    let request = format!(
        "POST /oauth2/token HTTP/1.1\r\nHost: bench.example\r\nAuthorization: Basic {}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        BASE64_STANDARD.encode("bench-application:bench-secret-of-some-length"),
        form.len()
    );
    let mut client = Client::connect(gateway).await?;
    let (_, body) = client.exchange(&request).await?;
    let answer: serde_json::Value = serde_json::from_slice(body)?;
    Ok(answer["access_token"]
        .as_str()
        .ok_or_else(|| answer.to_string())?
        .to_owned())
}

/// Puts an API and calls it at once, while others call at a steady rate.
pub(crate) async fn measure_puts() -> Outcome {
    let mut world = World::new(1000).await?;
    for round in 1..=2 {
        let calm = load(world.gateway.address).await;
        let address = world.gateway.address;
        let busy = tokio::spawn(async move { load(address).await });
        let mut served = Vec::new();
        let mut turn = 0;
        while !busy.is_finished() {
            let path = format!("/r{round}t{turn}");
            let begun = Instant::now();
            world.put(turn % 1000, &path).await?;
            let status = world.status_of(&format!("/api{}/1.0{path}", turn % 1000)).await?;
            if status != 200 {
                return Err(format!("a change that was told to be served answers {status}").into());
            }
            served.push(begun.elapsed());
            turn += 1;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let busy = busy.await?;
        served.sort();
        let (calm_p99, busy_p99) = (percentile(&calm, 99), percentile(&busy, 99));
        println!(
            "puts: round {round}: {} writes on 1,000 API versions, from the PUT to the first request served by it p50 {:?}, \
             p99 {:?}; beside them {} requests, {} failed, p99 {busy_p99:?} beside {calm_p99:?} without writes, ratio {:.2}",
            served.len(),
            served[served.len() / 2],
            served[served.len() * 99 / 100],
            busy.latencies.len() + busy.failures.len(),
            busy.failures.len(),
            busy_p99.as_secs_f64() / calm_p99.as_secs_f64(),
        );
    }
    Ok(())
}

/// Writes ten thousand times and reads the memory and the history as it goes.
pub(crate) async fn measure_writes() -> Outcome {
    let mut world = World::new(10).await?;
    let mut rows = Vec::new();
    for turn in 0..=10_000 {
        world.put(turn % 10, &format!("/turn{turn}")).await?;
        if turn % 2_000 == 0 {
            let history = std::fs::metadata(world.conf.data().join("revisions.jsonl"))?.len() / 1024;
            rows.push(format!(
                "{} KiB (history {history} KiB) after {turn}",
                world.gateway.resident()?
            ));
        }
    }
    println!("writes: {} on 10 API versions", rows.join(", "));
    Ok(())
}

/// Kills the gateway a hundred times at random moments of a change of three files.
pub(crate) async fn measure_kills() -> Outcome {
    let mut world = World::new(5).await?;
    let (mut before, mut after) = (0, 0);
    for turn in 0..100_u64 {
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
        let moment = Duration::from_micros((turn * 7919) % 100 * 400);
        let sent = tokio::time::timeout(moment, world.admin.exchange(&request)).await;
        let is_answered = matches!(sent, Ok(Ok((200, _))));
        world.kill().await?;
        let mut served = Vec::new();
        for index in 0..3 {
            served.push(world.status_of(&format!("/api{index}/1.0/turn{turn}")).await?);
        }
        match served.as_slice() {
            [200, 200, 200] => after += 1,
            [404, 404, 404] if !is_answered => before += 1,
            other => return Err(format!("turn {turn}: {other:?}, answered: {is_answered}").into()),
        }
    }
    println!("kills: 100, after which the catalog was that of before {before} times and that of after {after} times");
    Ok(())
}

const REGISTRY: &str = r#"
[[users]]
name = "root"
password = "root-of-the-bench"
roles = ["admin"]

[[applications]]
name = "Bench"
owner = "root"

[[applications.keys]]
type = "production"
consumer_key = "bench-application"
consumer_secret = "bench-secret-of-some-length"
grants = ["password"]
"#;
