//! pingap, which is built on Pingora, too.

use std::net::SocketAddr;

use askama::Template;

use super::site::{Commands, Site};
use super::{Absent, Peer, Work};

pub(super) const PEER: Peer = Peer {
    name: "pingap",
    program: ["pingap", "--version"],
    install: "make bench-pingap, which takes a while",
    manages: false,
    arrange,
};

#[derive(Template)]
#[template(path = "pingap.toml", config = "benches/load/peers/askama.toml", escape = "none")]
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
    site.render("pingap.toml", &conf)?;
    Ok(Commands {
        check: site.command(&["--conf", "pingap.toml", "--strict", "--test"]),
        serve: site.command(&["--conf", "pingap.toml", "--strict"]),
    })
}
