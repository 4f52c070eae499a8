//! What does a hit of the response cache cost beside other caches?
//!
//! Aims, of CPU time: below nginx for 1 KiB and 100 KiB, and within 1.35 times HAProxy for 1 KiB; each with one worker on
//! the same core and its usual log: the gateway's in a file, Varnish's in shared memory, the others' thrown away. What is not installed
//! is left out.

use std::rc::Rc;

use super::Scenario;
use crate::Result;
use crate::compare::{Load, Side};
use crate::conf::{Conf, api};
use crate::drive::Calls;
use crate::effort::Effort;
use crate::figure::Findings;
use crate::origin::{LARGE as LARGE_BODY, USUAL};
use crate::peers::{Beside, Work};
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
    let peers = Beside::start(&Work::Hit, origin.address, effort).await?;
    let sides = vec![Side::new("Tollgate", &gateway, calls)];
    let load = Load {
        rate: Some(2_000),
        ..Load::USUAL
    };
    peers.compare(sides, load, effort).await
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
