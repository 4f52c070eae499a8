//! Caddy, which has neither tokens nor a cache without plugins that are compiled in.

use std::net::SocketAddr;
use std::process::Command;

use askama::Template;

use super::site::{Commands, Site};
use super::{Absent, Peer, Work};

pub(super) const PEER: Peer = Peer {
    name: "Caddy",
    program: ["caddy", "version"],
    install: "apt-get install caddy",
    manages: false,
    arrange,
};

#[derive(Template)]
#[template(path = "Caddyfile", config = "benches/load/peers/askama.toml", escape = "none")]
struct Conf<'a> {
    work: &'a Work,
    address: SocketAddr,
    origin: SocketAddr,
}

fn arrange(work: &Work, site: &Site<'_>) -> Result<Commands, Absent> {
    match work {
        Work::Open | Work::Bodies | Work::Tls(_) | Work::Http2 | Work::WebSocket | Work::Routes(_) => {}
        Work::Full(_) => return Err(Absent::Unable("it verifies no tokens without a plugin")),
        Work::Hit => return Err(Absent::Unable("it caches nothing without a plugin")),
    }
    let conf = Conf {
        work,
        address: site.address,
        origin: site.origin,
    };
    site.render("Caddyfile", &conf)?;
    let caddy = |verb| -> Command {
        let mut command = site.command(&[verb, "--adapter", "caddyfile", "--config", "Caddyfile"]);
        // One thread that serves, as the gateway has; and nothing is left in the home of whoever runs this.
        command
            .env("GOMAXPROCS", "1")
            .env("XDG_CONFIG_HOME", site.path("config"))
            .env("XDG_DATA_HOME", site.path("data"));
        command
    };
    Ok(Commands {
        check: caddy("validate"),
        serve: caddy("run"),
    })
}
