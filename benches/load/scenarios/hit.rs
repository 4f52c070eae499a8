//! What does a hit of the response cache cost beside nginx and Varnish?
//!
//! Aims, of CPU time: below nginx for 1 KiB and 100 KiB, and within 1.35 times HAProxy for 1 KiB; each with one worker on
//! the same core and its usual log: the gateway's and nginx's in a file, Varnish's in shared memory. What is not installed
//! is left out.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use tempfile::TempDir;

use super::Scenario;
use crate::Result;
use crate::compare::{Load, Side, compare};
use crate::conf::{Conf, api};
use crate::drive::Calls;
use crate::effort::Effort;
use crate::figure::Findings;
use crate::origin::{LARGE as LARGE_BODY, USUAL};
use crate::process::Process;

pub(crate) const SMALL: Scenario = Scenario {
    name: "hit-1k",
    question: "What does a cache hit of 1 KiB cost beside other caches?",
    aims: &[("CPU", "nginx", 1.0), ("CPU", "HAProxy", 1.35)],
    run: |effort| Box::pin(run(effort, Calls::open("/api0/1.0/ping", 200).of_length(USUAL))),
};

pub(crate) const LARGE: Scenario = Scenario {
    name: "hit-100k",
    question: "What does a cache hit of 100 KiB cost beside other caches?",
    aims: &[("CPU", "nginx", 1.0)],
    run: |effort| {
        let (path, length) = (format!("/api0/1.0{}", LARGE_BODY.0), LARGE_BODY.1);
        Box::pin(run(effort, Calls::open(&path, 200).of_length(length)))
    },
};

async fn run(effort: Effort, calls: Calls) -> Result<Findings> {
    let origin = Process::origin().await?;
    let conf = cached(effort, &origin)?;
    let gateway = Rc::new(Process::gateway(&conf).await?);
    let mut sides = vec![Side::new("Tollgate", &gateway, calls.clone())];
    let directory = TempDir::new()?;
    let others = [
        ("nginx", nginx(directory.path(), &origin).await),
        ("Varnish", varnish(directory.path(), &origin).await),
    ];
    let mut absent = Vec::new();
    for (name, other) in others {
        match other {
            Ok(other) => sides.push(Side::new(name, &Rc::new(other), calls.clone())),
            Err(why) => absent.push(format!("{name} is left out: {why}")),
        }
    }
    let load = Load {
        rate: Some(2_000),
        ..Load::USUAL
    };
    let mut findings = compare(&sides, load, effort).await?;
    absent.into_iter().for_each(|note| findings.note(note));
    Ok(findings)
}

/// Many versions, the first of which is cached.
fn cached(effort: Effort, origin: &Process) -> Result<Conf> {
    let conf = Conf::new(effort.count(1000, 10), origin.address)?;
    let api = api(0, origin.address, "/items/{id}");
    conf.write(
        0,
        &api.replace("state = \"published\"\n", "state = \"published\"\ncache = {}\n"),
    )?;
    Ok(conf)
}

async fn nginx(directory: &Path, origin: &Process) -> Result<Process> {
    let root = directory.join("nginx");
    fs::create_dir(&root)?;
    let (root, address) = (root.display(), Process::free_address()?);
    let conf = format!(
        "daemon off; master_process off; worker_processes 1; pid {root}/pid; error_log {root}/error.log;
        events {{ worker_connections 1024; }}
        http {{
            access_log {root}/access.log;
            sendfile on; tcp_nopush on; keepalive_requests 1000000;
            client_body_temp_path {root}/a; proxy_temp_path {root}/b; fastcgi_temp_path {root}/c;
            uwsgi_temp_path {root}/d; scgi_temp_path {root}/e;
            proxy_cache_path {root}/cache levels=1:2 keys_zone=kept:10m;
            server {{
                listen {address};
                location / {{
                    proxy_pass http://{}; proxy_cache kept; proxy_http_version 1.1; proxy_set_header Connection \"\";
                }}
            }}
        }}",
        origin.address
    );
    let file = format!("{root}/nginx.conf");
    fs::write(&file, conf)?;
    let mut command = Command::new("nginx");
    command.args(["-e", "stderr", "-c", &file]);
    let mut process = Process::other(&mut command, address)?;
    process.reachable().await?;
    Ok(process)
}

async fn varnish(directory: &Path, origin: &Process) -> Result<Process> {
    let address = Process::free_address()?;
    let mut command = Command::new("varnishd");
    command
        .args(["-F", "-j", "none", "-T", "none", "-s", "malloc,64m"])
        .args(["-p", "thread_pools=1"])
        .args(["-a", &address.to_string(), "-b", &origin.address.to_string(), "-n"])
        .arg(directory.join("varnish"));
    let mut process = Process::other(&mut command, address)?;
    process.reachable().await?;
    // One process manages the other, which serves.
    process.find_workers().await?;
    Ok(process)
}
