//! Other people's OpenID software against the real binary: `tests/clients/*.mjs`, run by Node.
//!
//! A certified client library meets the built-in server over TLS with every check on, and a foreign issuer rotates its
//! keys while its tokens call an API. What Node needs is installed as the lock file says when it is not there; without
//! Node the tests fail. Processes listen on loopback and end with their test.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

mod machine;
#[path = "machine/node.rs"]
mod node;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;

use crate::machine::{PATIENCE, eventually, free_port};
use crate::node::{BINARY, Process, root, run_script, start, tollgate};

#[test]
fn a_certified_openid_client_finds_what_it_expects() {
    let site = Site::new();
    let _running = site.run();
    site.node("openid.test.mjs");
}

#[test]
fn a_foreign_issuer_rotates_its_keys_and_no_call_fails() {
    let site = Site::new();
    let _running = site.run();
    site.node("rotation.test.mjs");
}

/// The foreign issuer, whose tokens every API takes.
const KEY_MANAGER: &str = r#"
[[key_managers]]
name       = "Foreign"
issuer     = "http://127.0.0.1:{issuer}"
jwks_url   = "http://127.0.0.1:{issuer}/jwks"
audiences  = ["https://news.example"]

[key_managers.introspection]
url           = "http://127.0.0.1:{issuer}/token/introspection"
client_id     = "gateway"
client_secret = "of-the-gateway-at-the-issuer"
"#;

/// Beside those of the sample: an awkward client, and the one that the foreign issuer knows.
const MORE_CLIENTS: &str = r#"
[[applications]]
name  = "Awkward"
owner = "newsdesk"

[[applications.keys]]
type            = "production"
consumer_key    = "awkward+client%20/key"
consumer_secret = "a+b%20&c=d?e#f\"g'h~i/j"

[[applications]]
name  = "Foreign"
owner = "newsdesk"

[[applications.keys]]
type            = "production"
consumer_key    = "steady"
consumer_secret = "nobody-needs-to-know-it"

[[applications.subscriptions]]
api     = "OrgNews"
version = "1.0.0"
"#;

/// The sample configuration, with ports of its own.
struct Site {
    directory: TempDir,
    https: u16,
    issuer: u16,
    status: u16,
}

impl Site {
    fn new() -> Self {
        let site = Self {
            directory: tempfile::tempdir().unwrap(),
            https: free_port(),
            issuer: free_port(),
            status: free_port(),
        };
        let backend = free_port();
        let sample = root().join("conf");
        site.write("origin", &format!("127.0.0.1:{backend}"));
        site.write(
            "tollgate.toml",
            &format!(
                "[gateway]\nhttp = []\nhttps = [\"127.0.0.1:{}\"]\n[admin]\nhttp = []\n\
                 [status]\nhttp = [\"127.0.0.1:{}\"]\n[data]\ndir = \"data\"\n[log]\nfilter = \"warn\"\n\
                 [access_log]\nformat = \"off\"\n[oauth]\nissuer = \"{}\"\n\
                 [credentials]\nleeway = \"0s\"\nintrospection_cache = \"1s\"\n",
                site.https,
                site.status,
                site.address()
            ),
        );
        let bootstrap = fs::read_to_string(sample.join("bootstrap.toml")).unwrap();
        site.write("bootstrap.toml", &(bootstrap + MORE_CLIENTS));
        let news = fs::read_to_string(sample.join("catalog/apis/news.toml")).unwrap();
        let news = news.replace("127.0.0.1:9001", &format!("127.0.0.1:{backend}"));
        site.write("catalog/apis/news.toml", &news);
        let tiers = fs::read_to_string(sample.join("catalog/tiers.toml")).unwrap();
        site.write("catalog/tiers.toml", &tiers);
        site.write(
            "catalog/issuers.toml",
            &KEY_MANAGER.replace("{issuer}", &site.issuer.to_string()),
        );
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn address(&self) -> String {
        format!("https://localhost:{}", self.https)
    }

    /// Starts a backend and the gateway, and waits until both answer.
    fn run(&self) -> [Process; 2] {
        let backend = fs::read_to_string(self.path("origin")).unwrap();
        let origin = start(tollgate(&["origin", "--listen", &backend]).stderr(Stdio::null()));
        let gateway = start(tollgate(&["run", "--conf"]).arg(self.path("")));
        eventually("the backend to answer", || TcpStream::connect(&backend).is_ok());
        eventually("the gateway to be ready", || self.is_ready().unwrap_or_default());
        [origin, gateway]
    }

    fn is_ready(&self) -> Option<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.status)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .ok()?;
        let mut said = String::new();
        stream.read_to_string(&mut said).ok()?;
        Some(said.starts_with("HTTP/1.1 200"))
    }

    /// Runs a script.
    fn node(&self, script: &str) {
        let authority = self.path("data/tls/self-signed.pem");
        let (conf, issuer) = (self.path(""), format!("http://127.0.0.1:{}", self.issuer));
        run_script(
            "clients",
            script,
            &[
                ("NODE_EXTRA_CA_CERTS", authority.to_str().unwrap()),
                ("GATEWAY_BINARY", BINARY),
                ("GATEWAY_CONF", conf.to_str().unwrap()),
                ("GATEWAY_ISSUER", &self.address()),
                ("FOREIGN_ISSUER", &issuer),
            ],
        );
    }
}
