//! What does a request over HTTP/2 cost, with many on one connection, beside bare Pingora?
//!
//! Two connections of 32 streams each, with prior knowledge; the origin is spoken to over HTTP/1.1. None writes an access
//! log. There is no aim: the yardstick and the other proxies say where it stands.

use std::rc::Rc;

use super::Scenario;
use crate::Result;
use crate::compare::{Load, Side};
use crate::conf::Conf;
use crate::drive::{Calls, Transport};
use crate::effort::Effort;
use crate::figure::Findings;
use crate::origin::USUAL;
use crate::peers::{Beside, Work};
use crate::process::Process;

pub(crate) const HTTP2: Scenario = Scenario {
    name: "http2",
    question: "What does a request over HTTP/2 cost, 32 at a time on a connection, beside bare Pingora?",
    aims: &[],
    run: |effort| Box::pin(run(effort)),
};

const STREAMS: usize = 32;

async fn run(effort: Effort) -> Result<Findings> {
    let origin = Process::origin().await?;
    let conf = Conf::new(effort.count(1000, 10), origin.address)?.without_log();
    let gateway = Rc::new(Process::gateway(&conf).await?);
    let bare = Rc::new(Process::role("bare", &[&origin.address.to_string()]).await?);
    let peers = Beside::start(&Work::Http2, origin.address, effort).await?;
    let path = "/api7/1.0/ping";
    let transport = Transport::Http2 {
        path: path.to_owned(),
        streams: effort.count(STREAMS, 2),
    };
    let calls = Calls::open(path, 200).of_length(USUAL).over(transport);
    let sides = vec![
        Side::new("Tollgate", &gateway, calls.clone()),
        Side::new("bare", &bare, calls),
    ];
    let load = Load {
        callers: 2 * STREAMS,
        ..Load::USUAL
    };
    peers.compare(sides, load, effort).await
}
