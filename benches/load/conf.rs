//! Configuration directories of the gateways that are measured.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::Result;
use crate::certificate::Certificate;

/// A configuration directory that goes with this value.
pub(crate) struct Conf {
    directory: TempDir,
    /// What the environment says beside the files.
    pub(crate) settings: Vec<(&'static str, &'static str)>,
    pub(crate) is_tls: bool,
}

impl Conf {
    /// Makes a catalog of `versions` APIs with one version of two resources each, all on one origin.
    pub(crate) fn new(versions: usize, origin: SocketAddr) -> Result<Self> {
        let conf = Self {
            directory: TempDir::new()?,
            settings: Vec::new(),
            is_tls: false,
        };
        fs::create_dir_all(conf.dir().join("catalog/apis"))?;
        for index in 0..versions {
            conf.write(index, &api(index, origin, "/items/{id}"))?;
        }
        Ok(conf)
    }

    /// The same, of a gateway that writes no access log.
    pub(crate) fn without_log(mut self) -> Self {
        self.settings.push(("TOLLGATE_ACCESS_LOG_FORMAT", "off"));
        self
    }

    /// The same, of a gateway that is called over TLS and shows this certificate.
    pub(crate) fn tls(mut self, certificate: &Certificate) -> Result<Self> {
        let (certificate, key) = (certificate.chain(), certificate.key());
        let (certificate, key) = (certificate.display(), key.display());
        let text = format!("[tls]\ncertificates = [{{ certificate = \"{certificate}\", key = \"{key}\" }}]\n");
        fs::write(self.dir().join("tollgate.toml"), text)?;
        self.is_tls = true;
        Ok(self)
    }

    /// Writes one API's file, as an editor does that renames over.
    pub(crate) fn write(&self, index: usize, text: &str) -> Result<()> {
        let beside = self.directory.path().join("beside");
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
        self.directory.path().join("conf")
    }

    /// Returns the file of the access log.
    pub(crate) fn log(&self) -> PathBuf {
        self.directory.path().join("access.log")
    }

    /// Returns the directory that the process writes to.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Asks the gateway on this configuration to read its files now, and waits until it serves them.
    pub(crate) async fn reload(&self) -> Result<()> {
        reload(&self.data().join("tollgate.sock")).await
    }
}

async fn reload(socket: &Path) -> Result<()> {
    // A gateway that has just begun listens to callers first.
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut stream = loop {
        match UnixStream::connect(socket).await {
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
