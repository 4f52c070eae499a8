//! The processes of the load test, and what the kernel says of them.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::Client;

/// Worker threads of the gateway and of the yardstick.
pub(crate) const THREADS: usize = 1;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A process that ends with this value.
pub(crate) struct Process {
    child: Child,
    /// The process that serves, where the one that was started only manages it.
    worker: Option<u32>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Where its admin API listens, if it has one.
    pub(crate) admin: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended by itself; either way nothing is left of it.
        self.end();
    }
}

impl Process {
    /// Starts this program again in one of its roles.
    pub(crate) async fn role(role: &str, upstream: Option<SocketAddr>) -> Result<Self> {
        let address = Self::free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg(role)
            .arg(address.to_string())
            .args(upstream.map(|upstream| upstream.to_string()));
        let process = Self {
            child: command.spawn()?,
            worker: None,
            address,
            admin: address,
        };
        process.reachable().await?;
        Ok(process)
    }

    /// Starts the gateway on a configuration.
    pub(crate) fn gateway(conf: &Conf) -> Result<Self> {
        let (address, admin) = (Self::free_address()?, Self::free_address()?);
        let child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["run", "--conf"])
            .arg(conf.dir())
            .env("TOLLGATE_GATEWAY_HTTP", address.to_string())
            .env("TOLLGATE_GATEWAY_HTTPS", "")
            .env("TOLLGATE_STATUS_HTTP", Self::free_address()?.to_string())
            .env("TOLLGATE_ADMIN_HTTP", admin.to_string())
            .env("TOLLGATE_DATA_DIR", conf.data())
            .env("TOLLGATE_GATEWAY_THREADS", THREADS.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            child,
            worker: None,
            address,
            admin,
        })
    }

    /// Starts another program, which listens there.
    pub(crate) fn other(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self {
            child,
            worker: None,
            address,
            admin: address,
        })
    }

    /// Kills it.
    pub(crate) fn end(&mut self) {
        // As when the value goes: what matters is that nothing is left of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Looks for the process that this one has started, to be the one that is measured.
    pub(crate) fn find_worker(&mut self) -> Result<Option<u32>> {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        self.worker = children.split(' ').find_map(|child| child.parse().ok());
        Ok(self.worker)
    }

    /// Waits until it accepts connections.
    pub(crate) async fn reachable(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Client::connect(self.address).await.is_err() {
            if Instant::now() > deadline {
                return Err(format!("nothing listens on {}", self.address).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Returns an address that nothing listens on.
    pub(crate) fn free_address() -> Result<SocketAddr> {
        Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
    }

    /// Returns its number.
    pub(crate) fn id(&self) -> u32 {
        self.worker.unwrap_or_else(|| self.child.id())
    }

    /// Returns the CPU time it used so far, user and system.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        let ticks: u64 = after_name
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        // USER_HZ is 100 on every Linux.
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Returns the memory it holds, in KiB.
    pub(crate) fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

/// A configuration directory that goes with this value.
pub(crate) struct Conf(TempDir);

impl Conf {
    /// Makes a catalog of `versions` APIs with one version of two resources each, all on one origin.
    pub(crate) fn new(versions: usize, origin: SocketAddr) -> Result<Self> {
        let conf = Self(TempDir::new()?);
        fs::create_dir_all(conf.dir().join("catalog/apis"))?;
        for index in 0..versions {
            conf.write(index, &api(index, origin, "/items/{id}"))?;
        }
        Ok(conf)
    }

    /// Writes one API's file, as an editor does that renames over.
    pub(crate) fn write(&self, index: usize, text: &str) -> Result<()> {
        let beside = self.0.path().join("beside");
        fs::write(&beside, text)?;
        Ok(fs::rename(
            beside,
            self.dir().join(format!("catalog/apis/api{index}.toml")),
        )?)
    }

    /// Writes what fills the registry at the first start.
    pub(crate) fn fill(&self, registry: &str) -> Result<()> {
        Ok(fs::write(self.dir().join("bootstrap.toml"), registry)?)
    }

    /// Returns the directory that `--conf` names.
    pub(crate) fn dir(&self) -> PathBuf {
        self.0.path().join("conf")
    }

    /// Returns the directory that the process writes to.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Asks the gateway on this configuration to read its files now, and waits until it serves them.
    pub(crate) async fn reload(&self) -> Result<()> {
        reload(&self.data().join("tollgate.sock")).await
    }
}

async fn reload(socket: &Path) -> Result<()> {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    // A gateway that has just begun listens to callers first.
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut stream = loop {
        match tokio::net::UnixStream::connect(socket).await {
            Ok(stream) => break stream,
            Err(e) if e.kind() == ErrorKind::NotFound && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Err(e) => return Err(e.into()),
        }
    };
    stream.write_all(b"{\"command\":\"reload\"}\n").await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    if line.contains("\"revision\"") {
        Ok(())
    } else {
        Err(line.into())
    }
}

/// Describes one API; `second` is the template of its second resource.
pub(crate) fn api(index: usize, origin: SocketAddr, second: &str) -> String {
    format!(
        r#"name = "Api{index}"
context = "/api{index}"
default_version = ["1.0"]

[[versions]]
version = "1.0"
state = "published"

[versions.endpoints]
production = ["http://{origin}/base"]

[[versions.resources]]
path = "/ping"
methods = ["GET"]
auth = "none"

[[versions.resources]]
path = "{second}"
methods = ["GET", "POST"]
auth = "none"
"#
    )
}
