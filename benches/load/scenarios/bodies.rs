//! What do large bodies cost, both ways, and does memory stay small beside them?
//!
//! 10 MiB each, eight at a time, which are 80 together. None writes an access log, or a body to a disk. There is no aim: the
//! yardstick and the other proxies say where it stands.

use std::rc::Rc;

use super::Scenario;
use crate::Result;
use crate::compare::{Load, Side};
use crate::conf::Conf;
use crate::drive::Calls;
use crate::effort::Effort;
use crate::figure::Findings;
use crate::origin::{HUGE, USUAL};
use crate::peers::{Beside, Work};
use crate::process::Process;

pub(crate) const UPLOAD: Scenario = Scenario {
    name: "upload",
    question: "What does it cost to carry requests of 10 MiB, beside bare Pingora?",
    aims: &[],
    run: |effort| Box::pin(run(effort, upload())),
};

pub(crate) const DOWNLOAD: Scenario = Scenario {
    name: "download",
    question: "What does it cost to carry answers of 10 MiB, beside bare Pingora?",
    aims: &[],
    run: |effort| Box::pin(run(effort, download())),
};

fn upload() -> Calls {
    let length = HUGE.1;
    let head = format!("POST /api7/1.0/items/7 HTTP/1.1\r\nHost: bench.example\r\nContent-Length: {length}\r\n\r\n");
    Calls::rotating(&[head + &"x".repeat(length)], 200).of_length(USUAL)
}

fn download() -> Calls {
    Calls::open(&format!("/api7/1.0{}", HUGE.0), 200).of_length(HUGE.1)
}

async fn run(effort: Effort, calls: Calls) -> Result<Findings> {
    let origin = Process::origin().await?;
    let conf = Conf::new(effort.count(1000, 10), origin.address)?.without_log();
    let gateway = Rc::new(Process::gateway(&conf).await?);
    let bare = Rc::new(Process::role("bare", &[&origin.address.to_string()]).await?);
    let peers = Beside::start(&Work::Bodies, origin.address, effort).await?;
    let sides = vec![
        Side::new("Tollgate", &gateway, calls.clone()),
        Side::new("bare", &bare, calls),
    ];
    let load = Load {
        callers: effort.count(8, 2),
        rate: None,
        bytes: Some(HUGE.1),
    };
    peers.compare(sides, load, effort).await
}
