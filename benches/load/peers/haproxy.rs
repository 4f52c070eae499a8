//! HAProxy, which verifies tokens, counts and caches by itself.

use std::fmt::Write as _;
use std::net::SocketAddr;

use askama::Template;

use super::site::{Commands, Site};
use super::{Absent, Peer, Work};

pub(super) const PEER: Peer = Peer {
    name: "HAProxy",
    program: ["haproxy", "-v"],
    install: "apt-get install haproxy",
    manages: false,
    arrange,
};

#[derive(Template)]
#[template(path = "haproxy.cfg", config = "benches/load/peers/askama.toml", escape = "none")]
struct Conf<'a> {
    work: &'a Work,
    address: SocketAddr,
    origin: SocketAddr,
}

fn arrange(work: &Work, site: &Site<'_>) -> Result<Commands, Absent> {
    if let Work::Routes(count) = work {
        let mut map = String::new();
        for index in 0..*count {
            _ = writeln!(map, "/api{index}/1.0/ /base");
        }
        site.write("routes.map", &map)?;
    }
    let conf = Conf {
        work,
        address: site.address,
        origin: site.origin,
    };
    site.render("haproxy.cfg", &conf)?;
    Ok(Commands {
        check: site.command(&["-f", "haproxy.cfg", "-c"]),
        serve: site.command(&["-f", "haproxy.cfg"]),
    })
}
