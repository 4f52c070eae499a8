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

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::machine::{PATIENCE, eventually, free_port};

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

    /// Runs a script; what it says is said, too.
    fn node(&self, script: &str) {
        let directory = install();
        let mut command = Command::new("node");
        command
            .args(["--test", "--test-reporter=spec"])
            .arg(script)
            .current_dir(directory)
            .env("NODE_EXTRA_CA_CERTS", self.path("data/tls/self-signed.pem"))
            .env("GATEWAY_BINARY", BINARY)
            .env("GATEWAY_CONF", self.path(""))
            .env("GATEWAY_ISSUER", self.address())
            .env("FOREIGN_ISSUER", format!("http://127.0.0.1:{}", self.issuer))
            .env_remove("NODE_TLS_REJECT_UNAUTHORIZED")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = start(&mut command);
        for line in BufReader::new(process.0.stdout.take().unwrap()).lines() {
            println!("{}", line.unwrap());
        }
        let status = process.0.wait().unwrap();
        assert!(status.success(), "{script}: {status}");
    }
}

/// Installs what the lock file names, once, and says where the scripts are.
fn install() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = root().join("tests/clients");
        let written = |name: &str| fs::metadata(directory.join(name)).and_then(|file| file.modified());
        let lock = written("package-lock.json").unwrap();
        if written("node_modules/.package-lock.json").is_ok_and(|installed| installed >= lock) {
            return directory;
        }
        let installed = Command::new("npm")
            .args(["ci", "--ignore-scripts"])
            .current_dir(&directory)
            .stdin(Stdio::null())
            .status();
        let missing = "these tests need Node 18 or later and npm: `make test-tools`, or the packages nodejs and npm";
        assert!(
            installed.expect(missing).success(),
            "npm could not install what the tests need"
        );
        directory
    })
}

/// A process that is killed with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn start(command: &mut Command) -> Process {
    let program = command.get_program().to_owned();
    let missing = |error| panic!("{program:?} does not start: {error}; `make test-tools` installs what tests need");
    Process(command.spawn().unwrap_or_else(missing))
}

fn tollgate(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TOLLGATE_")) {
        command.env_remove(name);
    }
    command
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const BINARY: &str = env!("CARGO_BIN_EXE_tollgate");
