//! Varnish, for hits only: it is a cache, and neither ends TLS nor verifies tokens.

use super::site::{Commands, Site};
use super::{Absent, Peer, Work};

pub(super) const PEER: Peer = Peer {
    name: "Varnish",
    program: ["varnishd", "-V"],
    install: "apt-get install varnish",
    manages: true,
    arrange,
};

fn arrange(work: &Work, site: &Site<'_>) -> Result<Commands, Absent> {
    match work {
        Work::Hit => {}
        Work::Open | Work::Bodies | Work::Http2 | Work::WebSocket | Work::Routes(_) => {
            return Err(Absent::Unable("it is asked for hits only"));
        }
        Work::Full(_) => return Err(Absent::Unable("it verifies no tokens")),
        Work::Tls(_) => return Err(Absent::Unable("it ends no TLS")),
    }
    let (address, origin, state) = (site.address.to_string(), site.origin.to_string(), site.path("state"));
    // Its log is in shared memory. The rules that it has built in are those of HTTP.
    let served = ["-a", &address, "-b", &origin, "-n", &state, "-s", "malloc,64m"];
    let serve = ["-F", "-j", "none", "-T", "none", "-p", "thread_pools=1"];
    Ok(Commands {
        check: site.command(&[&served[2..6], &["-C"]].concat()),
        serve: site.command(&[&serve[..], &served].concat()),
    })
}
