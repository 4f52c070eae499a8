//! Envoy, with its cache of verified tokens, its tree of routes and its cache of answers in memory.

use std::net::SocketAddr;

use askama::Template;

use super::site::{Commands, Site};
use super::{Absent, Peer, Work};

pub(super) const PEER: Peer = Peer {
    name: "Envoy",
    program: ["envoy", "--version"],
    install: "make bench-peers",
    manages: false,
    arrange,
};

#[derive(Template)]
#[template(path = "envoy.yaml", config = "benches/load/peers/askama.toml", escape = "none")]
struct Conf<'a> {
    work: &'a Work,
    address: SocketAddr,
    origin: SocketAddr,
}

fn arrange(work: &Work, site: &Site<'_>) -> Result<Commands, Absent> {
    let conf = Conf {
        work,
        address: site.address,
        origin: site.origin,
    };
    site.render("envoy.yaml", &conf)?;
    let common = ["-c", "envoy.yaml", "--log-level", "error", "--disable-hot-restart"];
    // One worker, as the gateway has.
    Ok(Commands {
        check: site.command(&[&common[..], &["--mode", "validate"]].concat()),
        serve: site.command(&[&common[..], &["--concurrency", "1"]].concat()),
    })
}
