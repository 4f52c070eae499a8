//! nginx, which verifies tokens in Lua: with Debian's modules, by a script that is as short as such scripts are.

use std::net::SocketAddr;
use std::path::Path;

use askama::Template;

use super::guard::MINUTE;
use super::site::{Commands, KEY, Site};
use super::{Absent, Guard, Peer, Work};

pub(super) const PEER: Peer = Peer {
    name: "nginx",
    program: ["nginx", "-v"],
    install: "apt-get install nginx-light",
    manages: false,
    arrange,
};

/// Where Debian's nginx has its modules.
const MODULES: &str = "/usr/lib/nginx/modules";

#[derive(Template)]
#[template(path = "nginx.conf", config = "benches/load/peers/askama.toml", escape = "none")]
struct Conf<'a> {
    work: &'a Work,
    address: SocketAddr,
    origin: SocketAddr,
    modules: &'static str,
}

#[derive(Template)]
#[template(path = "authorize.lua", config = "benches/load/peers/askama.toml", escape = "none")]
struct Script<'a> {
    guard: &'a Guard,
    key: String,
}

fn arrange(work: &Work, site: &Site<'_>) -> Result<Commands, Absent> {
    if let Work::Full(guard) = work {
        // However little a bucket leaks, it lets a call through each minute.
        if guard.window > MINUTE {
            return Err(Absent::Unable("its limits are of a minute at most"));
        }
        if !Path::new(MODULES).join("ngx_http_lua_module.so").exists() {
            return Err(Absent::Missing(
                "apt-get install libnginx-mod-http-lua lua-cjson lua-luaossl",
            ));
        }
        let key = site.path(KEY);
        site.render("authorize.lua", &Script { guard, key })?;
    }
    let conf = Conf {
        work,
        address: site.address,
        origin: site.origin,
        modules: MODULES,
    };
    site.render("nginx.conf", &conf)?;
    Ok(Commands {
        check: site.command(&["-e", "stderr", "-p", ".", "-c", "nginx.conf", "-t"]),
        serve: site.command(&["-e", "stderr", "-p", ".", "-c", "nginx.conf"]),
    })
}
