//! What does a proxied request cost beside the thinnest proxy that Pingora makes?
//!
//! Aim: at most 1.15 times its CPU time, user and system, in the same run. The yardstick has the system's allocator,
//! as anyone's first proxy has; with `LD_PRELOAD=libjemalloc.so.2` it has the gateway's. It is not reached yet:
//! README.md has the figure.

use crate::Outcome;
use crate::client::Calls;
use crate::cost::{Side, compare};
use crate::process::{Conf, Process};

/// Compares both.
pub(crate) async fn measure() -> Outcome {
    let origin = Process::role("origin", None).await?;
    let bare = Process::role("bare", Some(origin.address)).await?;
    let conf = Conf::new(1000, origin.address)?;
    let gateway = Process::gateway(&conf)?;
    gateway.reachable().await?;
    let calls = Calls::open("/api7/1.0/ping", 200);
    let ours = Side("the gateway", &gateway, calls.clone());
    compare("cpu", ours, Side("a bare proxy", &bare, calls)).await
}
