//! What does it cost to know who calls?
//!
//! Claims, of CPU time in the same run: a resource that asks for a token, a scope and a subscription costs at most 1.15
//! times an open one with a repeated token, at most 1.25 times with 10,000 in rotation once they were seen; to refuse a
//! token, wrong in another way each time, or a call without one costs less than to serve it.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Outcome;
use crate::client::{Calls, Client};
use crate::cost::{Side, compare};
use crate::process::{Conf, Process};

const OPEN: &str = "/guarded/1.0/open";
pub(crate) const CLOSED: &str = "/guarded/1.0/closed";
const MANY: usize = 10_000;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Compares a repeated token with none.
pub(crate) async fn measure_one() -> Outcome {
    let world = World::new().await?;
    let calls = Calls::with(CLOSED, &world.tokens(1).await?);
    compare("token", world.side("a token", calls), world.open()).await
}

/// Compares tokens in rotation with none.
pub(crate) async fn measure_many() -> Outcome {
    let world = World::new().await?;
    let calls = Calls::with(CLOSED, &world.tokens(MANY).await?);
    compare("tokens", world.side("10,000 tokens", calls), world.open()).await
}

/// Compares refusals with what is served.
pub(crate) async fn measure_refusal() -> Outcome {
    let world = World::new().await?;
    let tokens = world.tokens(1).await?;
    let served = || world.side("a token", Calls::with(CLOSED, &tokens));
    let spoilt = world.side("spoilt tokens", Calls::spoilt(CLOSED, &tokens[0]));
    compare("refusal", spoilt, served()).await?;
    let none = world.side("no token", Calls::open(CLOSED, 401));
    compare("refusal", none, served()).await
}

/// Asks for a token and calls with it, with it spoilt, and without it.
pub(crate) async fn once() -> Outcome {
    let world = World::new().await?;
    let tokens = world.tokens(1).await?;
    let address = world.gateway.address;
    for calls in [
        Calls::open(OPEN, 200),
        Calls::with(CLOSED, &tokens),
        Calls::spoilt(CLOSED, &tokens[0]),
        Calls::open(CLOSED, 401),
    ] {
        crate::client::drive(address, &calls, (1, 1), 0).await?;
    }
    Ok(())
}

/// A gateway with an API that is half open, and an application that subscribes to it.
pub(crate) struct World {
    gateway: Process,
    _origin: Process,
    _conf: Conf,
}

impl World {
    async fn new() -> Result<Self> {
        Self::edited(str::to_owned, REGISTRY).await
    }

    /// The same, with the file of the API edited, and another registry.
    pub(crate) async fn edited(edit: impl FnOnce(&str) -> String, registry: &str) -> Result<Self> {
        let origin = Process::role("origin", None).await?;
        let conf = Conf::new(1000, origin.address)?;
        conf.write(1000, &edit(&api(origin.address)))?;
        conf.fill(registry)?;
        let gateway = Process::gateway(&conf)?;
        gateway.reachable().await?;
        Ok(Self {
            gateway,
            _origin: origin,
            _conf: conf,
        })
    }

    pub(crate) fn side(&self, name: &'static str, calls: Calls) -> Side<'_> {
        Side(name, &self.gateway, calls)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.address
    }

    fn open(&self) -> Side<'_> {
        self.side("an open resource", Calls::open(OPEN, 200))
    }

    /// Asks the gateway for so many tokens, one by one.
    pub(crate) async fn tokens(&self, count: usize) -> Result<Vec<String>> {
        let mut client = Client::connect(self.gateway.address).await?;
        let form = "grant_type=client_credentials&scope=read";
        let request = format!(
            "POST /oauth2/token HTTP/1.1\r\nHost: bench.example\r\nAuthorization: Basic {}\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            STANDARD.encode("bench-application:bench-secret-of-some-length"),
            form.len()
        );
        let mut tokens = Vec::with_capacity(count);
        for _ in 0..count {
            let (_, body) = client.exchange(&request).await?;
            let answer: serde_json::Value = serde_json::from_slice(body)?;
            let token = answer["access_token"].as_str().ok_or_else(|| answer.to_string())?;
            tokens.push(token.to_owned());
        }
        Ok(tokens)
    }
}

fn api(origin: SocketAddr) -> String {
    format!(
        r#"name = "Guarded"
context = "/guarded"

[[scopes]]
key = "read"
name = "Read"
roles = ["employee"]

[[versions]]
version = "1.0"
state = "published"
security = ["oauth2"]

[versions.endpoints]
production = ["http://{origin}/base"]

[[versions.resources]]
path = "/open"
methods = ["GET"]
auth = "none"

[[versions.resources]]
path = "/closed"
methods = ["GET"]
auth = "any"
scopes = ["read"]
"#
    )
}

/// The scope is its holder's by the role of the application's owner: that is looked up for every call.
pub(crate) const REGISTRY: &str = r#"
[[users]]
name = "owner"
password = "owner-of-the-bench"
roles = ["employee"]

[[applications]]
name = "Bench"
owner = "owner"

[[applications.keys]]
type = "production"
consumer_key = "bench-application"
consumer_secret = "bench-secret-of-some-length"
grants = ["client_credentials"]

[[applications.subscriptions]]
api = "Guarded"
version = "1.0"
"#;
