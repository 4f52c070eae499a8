//! A whole gateway inside the test: its files in a directory of its own, its listeners on ephemeral ports.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use admin::control::publish::Revision;
use admin::http::traffic::Traffic;
use admin::registry::Registry;
use tempfile::TempDir;
use tollgate::boot::{self, Running};
use tollgate::bridge::socket;
use tollgate::model::violation::Violation;
use tollgate::settings::{Environment, Settings};

use super::caller::{Call, Caller, Reply, TlsFacts, get};
use super::caller_h2::CallerH2;
use super::catalog::Api;
use super::identity::{Identity, trusting};
use super::{PATIENCE, eventually, now};

/// A gateway to be.
pub(crate) struct GatewayBuilder {
    directory: TempDir,
    settings: BTreeMap<String, BTreeMap<String, String>>,
    tables: String,
}

/// A running gateway; its directory is removed when it is dropped.
pub(crate) struct Gateway {
    directory: TempDir,
    running: Option<Running>,
}

/// Begins a gateway with an empty catalog, plain HTTP, and no TLS listener.
pub(crate) fn gateway() -> GatewayBuilder {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("catalog/apis")).unwrap();
    let builder = GatewayBuilder {
        directory,
        settings: BTreeMap::new(),
        tables: String::new(),
    };
    let log = builder.path("access.log").display().to_string();
    builder
        .set("gateway.http", r#"["127.0.0.1:0"]"#)
        .set("gateway.https", "[]")
        .set("admin.http", r#"["127.0.0.1:0"]"#)
        .set("status.http", r#"["127.0.0.1:0"]"#)
        .set("data.dir", r#""data""#)
        .set("access_log.path", &format!("{log:?}"))
}

impl GatewayBuilder {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Sets `section.key` of the settings to a TOML value.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        let (section, key) = key.rsplit_once('.').unwrap();
        self.settings
            .entry(section.to_owned())
            .or_default()
            .insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn api(self, api: &Api) -> Self {
        self.file(&format!("catalog/{}", api.file()), &api.toml())
    }

    /// Writes a file beside `tollgate.toml`.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        write(&self.path(name), text);
        self
    }

    /// Believes what proxies at these addresses forward.
    pub(crate) fn trusting(self, networks: &[&str]) -> Self {
        self.set("gateway.trusted_proxies", &format!("{networks:?}"))
    }

    /// Listens with TLS as well, with a certificate that it makes itself.
    pub(crate) fn tls(self) -> Self {
        self.set("gateway.https", r#"["127.0.0.1:0"]"#)
    }

    /// Listens with TLS as well, with this certificate; the first one is the fallback.
    pub(crate) fn certificate(mut self, name: &str, identity: &Identity) -> Self {
        self.tables.push_str(&format!(
            "\n[[tls.certificates]]\ncertificate = \"{name}.pem\"\nkey = \"{name}.key\"\n"
        ));
        self.file(&format!("{name}.pem"), &identity.chain)
            .file(&format!("{name}.key"), &identity.key)
            .tls()
    }

    pub(crate) async fn start(self) -> Gateway {
        let settings = self.settings().unwrap_or_else(|violations| panic!("{violations:#?}"));
        let path = self.path("tollgate.toml");
        let running = boot::start(&path, settings, nothing(), None)
            .await
            .unwrap_or_else(|error| panic!("the gateway did not start: {error}"));
        Gateway {
            directory: self.directory,
            running: Some(running),
        }
    }

    fn settings(&self) -> Result<Settings, Vec<Violation>> {
        let mut text = String::new();
        for (section, entries) in &self.settings {
            text.push_str(&format!("[{section}]\n"));
            for (key, value) in entries {
                text.push_str(&format!("{key} = {value}\n"));
            }
        }
        text.push_str(&self.tables);
        let path = self.path("tollgate.toml");
        write(&path, &text);
        Settings::load(&path, &nothing())
    }
}

impl Gateway {
    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub(crate) fn registry(&self) -> &Registry {
        self.running().registry()
    }

    /// Returns what tells the traffic of the last hour and how endpoints are.
    pub(crate) fn traffic(&self) -> &dyn Traffic {
        &**self.running().traffic()
    }

    /// Makes a new signing key, as `tollgate key rotate` does.
    pub(crate) fn rotate_key(&self) {
        let ask = || socket::ask(&self.path("data"), socket::Command::RotateKey, PATIENCE);
        let answer = tokio::task::block_in_place(ask).unwrap();
        assert!(matches!(answer, socket::Answer::Rotated { .. }), "{answer:?}");
    }

    /// Takes in what another process has changed, as it does every second.
    pub(crate) fn follow(&self) {
        let ask = || socket::ask(&self.path("data"), socket::Command::Follow, PATIENCE);
        let answer = tokio::task::block_in_place(ask).unwrap();
        assert!(matches!(answer, socket::Answer::Followed { .. }), "{answer:?}");
    }

    /// Begins to leave, as before another process takes over.
    pub(crate) fn leave(&self) {
        self.running().leave();
    }

    /// Opens its registry as another process does, which tells it of nothing.
    pub(crate) async fn elsewhere(&self) -> Registry {
        Registry::open("sqlite", &self.path("data"), now()).await.unwrap()
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.running().http()[0]
    }

    pub(crate) fn https(&self) -> SocketAddr {
        self.running().https()[0]
    }

    /// Returns a path beside `tollgate.toml`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Connects over plain TCP.
    pub(crate) async fn connect(&self) -> Caller {
        Caller::connect(self.http()).await
    }

    /// Connects over TLS, asking for a name and offering these protocols.
    pub(crate) async fn connect_tls(&self, name: &str, protocols: &[&str]) -> (Caller, TlsFacts) {
        Caller::connect_tls(self.https(), name, trusting(protocols))
            .await
            .unwrap()
    }

    /// Connects with HTTP/2 over plain TCP.
    pub(crate) async fn connect_h2(&self) -> CallerH2 {
        CallerH2::connect(self.http()).await
    }

    /// Calls on a new connection.
    pub(crate) async fn call(&self, call: Call) -> Reply {
        self.connect().await.call(call).await
    }

    /// Calls with GET on a new connection.
    pub(crate) async fn get(&self, target: &str) -> Reply {
        self.call(get(target)).await
    }

    /// Calls the admin listener.
    pub(crate) async fn admin(&self, call: Call) -> Reply {
        Caller::connect(self.running().admin()[0]).await.call(call).await
    }

    /// Returns where the admin listener speaks TLS, for those who set it up.
    pub(crate) fn admin_https(&self) -> SocketAddr {
        self.running().admin()[1]
    }

    /// Asks the status listener.
    pub(crate) async fn status(&self, target: &str) -> Reply {
        Caller::connect(self.running().status()[0])
            .await
            .call(get(target))
            .await
    }

    /// Adds up the samples of a metric whose labels hold all of these, as `/metrics` writes them.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = self.status("/metrics").await.expect(200).text();
        let samples = text.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']) && labels.iter().all(|label| rest.contains(label)))
        });
        samples
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    /// Writes a file of the catalog in place, as a shell's redirection does.
    pub(crate) fn edit(&self, name: &str, text: &str) {
        write(&self.path("catalog").join(name), text);
    }

    /// Writes an API's file in place.
    pub(crate) fn edit_api(&self, api: &Api) {
        self.edit(&api.file(), &api.toml());
    }

    /// Reads the files now, and returns when they are served or refused.
    pub(crate) fn reload(&self) -> Result<Revision, Vec<Violation>> {
        tokio::task::block_in_place(|| self.running().reload())
    }

    /// Reads the files now, which must be right.
    #[track_caller]
    pub(crate) fn reloaded(&self) {
        self.reload().unwrap_or_else(|violations| panic!("{violations:#?}"));
    }

    /// Waits until a path answers with this status and body, as it does some time after a file was saved.
    pub(crate) async fn comes_to_say(&self, target: &str, status: u16, body: &str) {
        eventually("a change to be served", async || {
            let reply = self.get(target).await;
            reply.status == status && reply.body == body.as_bytes()
        })
        .await;
    }

    /// Waits until so many records are in the access log, and returns them.
    pub(crate) async fn access_log(&self, count: usize) -> Vec<serde_json::Value> {
        let lines = || std::fs::read_to_string(self.path("access.log")).unwrap_or_default();
        eventually("records in the access log", async || lines().lines().count() >= count).await;
        lines()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Lets requests under way finish, and ends.
    pub(crate) async fn stop(mut self) {
        if let Some(running) = self.running.take() {
            tokio::time::timeout(PATIENCE, running.stop(Duration::from_secs(5)))
                .await
                .unwrap();
        }
    }
}

/// An environment that overrides nothing.
fn nothing() -> Environment {
    Environment::default()
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
