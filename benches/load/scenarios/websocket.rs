//! What does a WebSocket message cost there and back, beside bare Pingora?
//!
//! Messages of 128 bytes, each of which is echoed before the caller sends the next one. None writes an access
//! log. There is no aim: the yardstick and the other proxies, which know nothing of frames, say where it stands.

use std::rc::Rc;

use super::Scenario;
use crate::Result;
use crate::compare::{Load, Side};
use crate::conf::Conf;
use crate::drive::{Calls, Transport};
use crate::effort::Effort;
use crate::figure::Findings;
use crate::origin::ECHO;
use crate::peers::{Beside, Work};
use crate::process::Process;

pub(crate) const WEBSOCKET: Scenario = Scenario {
    name: "websocket",
    question: "What does a WebSocket message of 128 bytes cost there and back, beside bare Pingora?",
    aims: &[],
    run: |effort| Box::pin(run(effort)),
};

const LENGTH: usize = 128;

async fn run(effort: Effort) -> Result<Findings> {
    let origin = Process::origin().await?;
    let conf = Conf::new(effort.count(1000, 10), origin.address)?.without_log();
    let gateway = Rc::new(Process::gateway(&conf).await?);
    let bare = Rc::new(Process::role("bare", &[&origin.address.to_string()]).await?);
    let peers = Beside::start(&Work::WebSocket, origin.address, effort).await?;
    let transport = Transport::WebSocket(format!("/api7/1.0{ECHO}"));
    let calls = Calls::rotating(&["x".repeat(LENGTH)], 101)
        .of_length(LENGTH)
        .over(transport);
    let sides = vec![
        Side::new("Tollgate", &gateway, calls.clone()),
        Side::new("bare", &bare, calls),
    ];
    peers.compare(sides, Load::USUAL, effort).await
}
