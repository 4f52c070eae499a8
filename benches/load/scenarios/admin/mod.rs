//! How soon does a write of the admin API serve, what does it cost the callers, and what is left of many of them?
//!
//! This file is what the three have in common: a gateway, and somebody who may change its catalog.

pub(super) mod kills;
pub(super) mod puts;
pub(super) mod writes;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::Result;
use crate::client::Client;
use crate::conf::{Conf, api};
use crate::process::Process;

/// A gateway with so many API versions, and somebody who may change them.
struct World {
    origin: Process,
    conf: Conf,
    gateway: Process,
    admin: Client,
    token: String,
}

impl World {
    async fn new(versions: usize) -> Result<Self> {
        let origin = Process::origin().await?;
        let conf = Conf::new(versions, origin.address)?;
        conf.fill(REGISTRY)?;
        let gateway = Process::gateway(&conf).await?;
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
        self.gateway.kill();
        self.gateway = Process::gateway(&self.conf).await?;
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
