//! What scenarios of callers who are known have in common: a gateway, a half open API, an application that subscribes.

use std::net::SocketAddr;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::Result;
use crate::client::{Client, get};
use crate::compare::Side;
use crate::conf::Conf;
use crate::drive::Calls;
use crate::effort::Effort;
use crate::origin::USUAL;
use crate::peers::Guard;
use crate::process::Process;

/// Anybody may call it.
pub(crate) const OPEN: &str = "/guarded/1.0/open";

/// It asks for a token, a scope and a subscription.
pub(crate) const CLOSED: &str = "/guarded/1.0/closed";

/// A gateway with an API that is half open, and an application that subscribes to it.
pub(crate) struct World {
    pub(crate) gateway: Rc<Process>,
    pub(crate) origin: Process,
    _conf: Conf,
}

impl World {
    /// Starts one whose API nothing is counted of.
    pub(crate) async fn free(effort: Effort) -> Result<Self> {
        Self::edited(effort, str::to_owned, REGISTRY).await
    }

    /// Starts one that counts at every level, by quotas that no run reaches: of the version, of the subscription with a
    /// burst, of the application, of a counting rule, and of the endpoints.
    pub(crate) async fn counted(effort: Effort) -> Result<Self> {
        Self::edited(effort, |api| format!("{}\n{TIERS}", held(api)), &tiered()).await
    }

    /// Starts one whose subscription has one call a day.
    pub(crate) async fn exhausted(effort: Effort) -> Result<Self> {
        let tiers = TIERS.replace(
            "{ requests = 100000000, per = \"1m\" }, ",
            "{ requests = 1, per = \"1d\" }, ",
        );
        Self::edited(effort, |api| format!("{}\n{tiers}", held(api)), &tiered()).await
    }

    async fn edited(effort: Effort, edit: impl FnOnce(&str) -> String, registry: &str) -> Result<Self> {
        let origin = Process::origin().await?;
        let conf = Conf::new(effort.count(1000, 5), origin.address)?;
        conf.write(1000, &edit(&api(origin.address)))?;
        conf.fill(registry)?;
        let gateway = Process::gateway(&conf).await?;
        Ok(Self {
            gateway: Rc::new(gateway),
            origin,
            _conf: conf,
        })
    }

    /// Names calls to this gateway.
    pub(crate) fn side(&self, name: &str, calls: Calls) -> Side {
        Side::new(name, &self.gateway, calls)
    }

    /// Returns a side that calls what is open to anybody.
    pub(crate) fn open(&self) -> Side {
        self.side("open, served", Calls::open(OPEN, 200).of_length(USUAL))
    }

    /// Returns calls with so many tokens in rotation.
    pub(crate) async fn with_tokens(&self, count: usize) -> Result<Calls> {
        Ok(Calls::with(CLOSED, &self.tokens(count).await?).of_length(USUAL))
    }

    /// Returns what has another proxy let the same tokens through, by a quota that no run reaches.
    pub(crate) async fn guard(&self) -> Result<Guard> {
        let tokens = self.tokens(1).await?;
        let claims = tokens[0].split('.').nth(1).ok_or("a token without claims")?;
        let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?;
        let issuer = claims["iss"].as_str().ok_or("a token without an issuer")?;
        let mut client = Client::connect(self.gateway.address).await?;
        let (_, keys) = client.exchange(&get("/oauth2/jwks", "")).await?;
        Guard::new(issuer, std::str::from_utf8(keys)?, 100_000_000)
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
        for turn in 1..=count {
            let (_, body) = client.exchange(&request).await?;
            let answer: serde_json::Value = serde_json::from_slice(body)?;
            let token = answer["access_token"].as_str().ok_or_else(|| answer.to_string())?;
            tokens.push(token.to_owned());
            // Before the gateway closes a connection that has made as many requests as it allows.
            if turn % 5_000 == 0 {
                client = Client::connect(self.gateway.address).await?;
            }
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

/// The same API, held against tiers.
fn held(api: &str) -> String {
    let lines = "security = [\"oauth2\"]\ntier = \"Whole\"\ntiers = [\"Sub\"]\nmax_tps = { production = 1000000 }";
    api.replace("security = [\"oauth2\"]", lines)
}

fn tiered() -> String {
    REGISTRY
        .replace("name = \"Bench\"\n", "name = \"Bench\"\ntier = \"App\"\n")
        .replace("version = \"1.0\"\n", "version = \"1.0\"\ntier = \"Sub\"\n")
}

/// The scope is its holder's by the role of the application's owner: that is looked up for every call.
const REGISTRY: &str = r#"
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

const TIERS: &str = r#"
[[tiers]]
name = "Whole"
level = "resource"
limits = [{ requests = 100000000, calendar = "day", zone = "Europe/Zurich" }]

[[tiers]]
name = "Sub"
level = "subscription"
limits = [{ requests = 100000000, per = "1m" }, { requests = 1000000, per = "1s", burst = 1000000 }]

[[tiers]]
name = "App"
level = "application"
limits = [{ requests = 100000000, per = "1m" }]

[[counting_rules]]
name = "address"
key = "{client_ip}"
limits = [{ requests = 100000000, per = "1m" }]
"#;
