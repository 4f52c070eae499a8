//! What does a hit of the response cache cost beside nginx and Varnish?
//!
//! Aim: less CPU time than either for a body of 1 KiB, in the same run, each with one worker on the same core and its
//! usual log: the gateway in JSON, nginx in a file, Varnish in shared memory. It is not quite reached beside nginx yet:
//! README.md has the figure. What is not installed is left out.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Outcome;
use crate::client::{Calls, drive};
use crate::cost::{Side, compare};
use crate::origin::LARGE;
use crate::process::{Conf, Process};

const SMALL: &str = "/api0/1.0/ping";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Compares both sizes with both others.
pub(crate) async fn measure() -> Outcome {
    let origin = Process::role("origin", None).await?;
    let conf = cached(&origin)?;
    let gateway = Process::gateway(&conf)?;
    gateway.reachable().await?;
    let directory = TempDir::new()?;
    let others = [
        ("nginx", nginx(directory.path(), &origin).await),
        ("Varnish", varnish(directory.path(), &origin).await),
    ];
    for (name, other) in others {
        let Ok(other) = other.inspect_err(|why| println!("hits: {name} is left out: {why}")) else {
            continue;
        };
        for (size, path) in [("1 KiB", SMALL), ("100 KiB", LARGE)] {
            let (ours, theirs) = (Calls::open(path, 200), Calls::open(path, 200));
            let question = format!("hits of {size}");
            compare(&question, Side("Tollgate", &gateway, ours), Side(name, &other, theirs)).await?;
        }
    }
    Ok(())
}

/// Calls twice, the second time without the origin.
pub(crate) async fn once() -> Outcome {
    let origin = Process::role("origin", None).await?;
    let conf = cached(&origin)?;
    let gateway = Process::gateway(&conf)?;
    gateway.reachable().await?;
    drive(gateway.address, &Calls::open(LARGE, 200), (1, 1), 0).await?;
    drop(origin);
    Ok(drive(gateway.address, &Calls::open(LARGE, 200), (1, 1), 0).await?)
}

/// A thousand versions, the first of which is cached.
fn cached(origin: &Process) -> Result<Conf> {
    let conf = Conf::new(1000, origin.address)?;
    let api = crate::process::api(0, origin.address, "/items/{id}");
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
    let process = Process::other(&mut command, address)?;
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
    let deadline = Instant::now() + Duration::from_secs(5);
    while process.find_worker()?.is_none() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(process)
}
