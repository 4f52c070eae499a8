//! The other proxies of the load test: each does the same work by a configuration of its own, and has shown that it
//! does before it is timed. One that is not installed, or cannot do a work, is left out with a word. pingap is none of
//! them: of its releases, those that verify RS256 ask for a newer compiler than this project does.
//!
//! They are tuned as the gateway is: one worker, connections kept on both sides, and an access log where it writes one,
//! as each writes it as a matter of course, thrown away. The configurations beside this file say why a setting is there.

mod beside;
mod bodies;
mod caddy;
mod envoy;
mod guard;
mod haproxy;
mod http2;
mod issuer;
mod nginx;
mod site;
mod tls;
mod varnish;
mod verify;
mod websocket;
mod witness;

use std::net::SocketAddr;
use std::rc::Rc;

use tempfile::TempDir;

use crate::process::Process;

pub(crate) use beside::Beside;
pub(crate) use guard::Guard;
use site::{Commands, Site};

/// All of them.
const PEERS: [Peer; 5] = [nginx::PEER, haproxy::PEER, varnish::PEER, envoy::PEER, caddy::PEER];

type Fault = crate::Error;

/// A kind of work.
#[derive(Clone, Copy)]
enum Kind {
    Open,
    Bodies,
    /// With a limit of so many seconds.
    Full(u32),
    Hit,
    Tls,
    Http2,
    WebSocket,
    Routes,
}

/// What a peer is to do.
pub(crate) enum Work {
    /// To forward every call as it came.
    Open,
    /// The same, with bodies of any length, of which it holds little at a time.
    Bodies,
    /// To serve `/guarded/1.0` from `/base` of the origin, to who shows a token with the scope `read` and keeps within
    /// a limit. Refusals are asked of the same.
    Full(Guard),
    /// To keep what the origin says may be kept, and to answer from that.
    Hit,
    /// To forward every call that came over TLS 1.3, as HTTP/1.1 or HTTP/2.
    Tls(Certificate),
    /// To forward every call that came as HTTP/2, without TLS, from callers who know that it is spoken.
    Http2,
    /// To forward upgrades to WebSocket, and what is said after them.
    WebSocket,
    /// To serve `/api0/1.0` and so on, as many as this says, from `/base` of the origin, and nothing else.
    Routes(usize),
}

/// What TLS is served with, as PEM.
pub(crate) struct Certificate {
    pub(crate) chain: String,
    pub(crate) key: String,
}

/// One of them.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// What it is started as, and with which word it says its version.
    program: [&'static str; 2],
    /// What brings it here.
    install: &'static str,
    /// Whether what is started only manages the process that serves.
    manages: bool,
    /// Writes its configuration, and says how it is checked and served.
    arrange: fn(&Work, &Site<'_>) -> Result<Commands, Absent>,
}

/// A peer that serves, until this value goes.
pub(crate) struct Started {
    pub(crate) process: Rc<Process>,
    _dir: TempDir,
}

/// Why a peer is left out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Absent {
    #[error("not installed: {0}")]
    Missing(&'static str),
    #[error("it cannot: {0}")]
    Unable(&'static str),
    #[error("it refuses its configuration: {0}")]
    Refused(String),
    #[error("it does not do the work: {0}")]
    Wrong(String),
    #[error(transparent)]
    Failed(#[from] Fault),
}

impl Work {
    /// Tells whether the access log is part of it.
    fn is_logged(&self) -> bool {
        match self {
            Self::Full(_) | Self::Hit => true,
            Self::Open | Self::Bodies | Self::Tls(_) | Self::Http2 | Self::WebSocket | Self::Routes(_) => false,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Open => Kind::Open,
            Self::Bodies => Kind::Bodies,
            Self::Full(guard) => Kind::Full(guard.window),
            Self::Hit => Kind::Hit,
            Self::Tls(_) => Kind::Tls,
            Self::Http2 => Kind::Http2,
            Self::WebSocket => Kind::WebSocket,
            Self::Routes(_) => Kind::Routes,
        }
    }
}

impl Peer {
    /// Starts it on a work, in front of an origin.
    pub(crate) async fn start(&self, work: &Work, origin: SocketAddr) -> Result<Started, Absent> {
        self.version()?;
        let dir = TempDir::new().map_err(Fault::from)?;
        let site = Site::new(self.program[0], dir.path(), origin)?;
        site.lay_out(work)?;
        let Commands { check, mut serve } = (self.arrange)(work, &site)?;
        site::must_succeed(check)?;
        let mut process = Process::other(&mut serve, site.address)?;
        process.reachable().await?;
        if self.manages {
            process.find_workers().await?;
        }
        Ok(Started {
            process: Rc::new(process),
            _dir: dir,
        })
    }

    /// Asks it for its version, which it has if it is installed.
    pub(crate) fn version(&self) -> Result<String, Absent> {
        let [program, word] = self.program;
        let output = site::command(program).arg(word).output();
        let output = output.map_err(|_| Absent::Missing(self.install))?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let mut words = said.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
        let version = words.find(|word| word.split('.').filter(|part| !part.is_empty()).count() == 3);
        Ok(version.unwrap_or("of no known version").to_owned())
    }
}
