//! Where one peer serves: its address and its directory, which it is started in.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use askama::Template;

use super::{Absent, Fault, Work};
use crate::process::Process;

/// What a configuration is written for.
pub(super) struct Site<'a> {
    program: &'static str,
    dir: &'a Path,
    pub(super) address: SocketAddr,
    pub(super) origin: SocketAddr,
}

/// How a peer is asked whether it takes its configuration, and how it serves by it.
pub(super) struct Commands {
    pub(super) check: Command,
    pub(super) serve: Command,
}

impl<'a> Site<'a> {
    pub(super) fn new(program: &'static str, dir: &'a Path, origin: SocketAddr) -> Result<Self, Fault> {
        let address = Process::free_address()?;
        Ok(Self {
            program,
            dir,
            address,
            origin,
        })
    }

    /// Writes the keys and certificates that a work is done with, for any of the peers.
    pub(super) fn lay_out(&self, work: &Work) -> Result<(), Fault> {
        match work {
            Work::Full(guard) => {
                self.write(KEYS, &guard.keys)?;
                self.write(KEY, &guard.pem)
            }
            Work::Tls(certificate) => {
                self.write("certificate.pem", &certificate.chain)?;
                self.write("certificate-key.pem", &certificate.key)?;
                let both = [certificate.chain.as_str(), &certificate.key].concat();
                self.write("certificate-and-key.pem", &both)
            }
            Work::Open | Work::Bodies | Work::Hit | Work::Http2 | Work::WebSocket | Work::Routes(_) => Ok(()),
        }
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Fault> {
        Ok(fs::write(self.dir.join(name), text)?)
    }

    pub(super) fn render(&self, name: &str, template: &impl Template) -> Result<(), Fault> {
        // The template engine drops the end of the last line, without which HAProxy takes a file for cut off.
        self.write(name, &(template.render()? + "\n"))
    }

    /// Starts the program with these words, in the directory.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = command(self.program);
        command.args(words).current_dir(self.dir);
        command
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }
}

/// The public keys of the issuer as JSON, and the one that signs as PEM.
const KEYS: &str = "keys.json";
pub(super) const KEY: &str = "key.pem";

/// Finds a program where `make bench-peers` puts what the distribution does not have, on the path, or where Debian
/// keeps what serves, which is on the path of its administrators only.
pub(super) fn command(program: &str) -> Command {
    let mut path = OsString::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/bin:"));
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path.push(":/usr/sbin");
    let mut command = Command::new(program);
    command.env("PATH", path);
    command
}

/// Runs a command to its end, whose complaint is the error.
pub(super) fn must_succeed(mut command: Command) -> Result<(), Absent> {
    let output = command.output().map_err(Fault::from)?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stderr, output.stdout].concat();
    Err(Absent::Refused(String::from_utf8_lossy(&said).trim().to_owned()))
}
