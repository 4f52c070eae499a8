//! What does TLS 1.3 cost, on kept connections and for each handshake?
//!
//! All sides show the same certificate, ECDSA on P-256, and a handshake is a whole one: nothing is resumed, one request
//! follows it. None writes an access log. Aims, of CPU time: at most 1.05 times bare Pingora on kept connections; a handshake costs less than nginx's.

use std::fs;
use std::rc::Rc;

use super::Scenario;
use crate::Result;
use crate::certificate::Certificate;
use crate::compare::{Load, Side};
use crate::conf::Conf;
use crate::drive::{Calls, Transport};
use crate::effort::Effort;
use crate::figure::Findings;
use crate::origin::USUAL;
use crate::peers::{self, Beside, Work};
use crate::process::Process;

pub(crate) const KEPT: Scenario = Scenario {
    name: "tls",
    question: "What does a request over a kept TLS 1.3 connection cost beside bare Pingora?",
    aims: &[("CPU", "bare", 1.05)],
    run: |effort| Box::pin(kept(effort)),
};

pub(crate) const HANDSHAKE: Scenario = Scenario {
    name: "handshake",
    question: "What does a full TLS 1.3 handshake with one request cost beside bare Pingora?",
    aims: &[("CPU", "bare", 1.05), ("CPU", "nginx", 1.0)],
    run: |effort| Box::pin(handshake(effort)),
};

async fn kept(effort: Effort) -> Result<Findings> {
    let certificate = Certificate::new()?;
    sides(&certificate, Transport::Tls(certificate.trust()?), Load::USUAL, effort).await
}

async fn handshake(effort: Effort) -> Result<Findings> {
    let certificate = Certificate::new()?;
    let load = Load {
        callers: 8,
        rate: Some(200),
        ..Load::USUAL
    };
    sides(&certificate, Transport::TlsAnew(certificate.trust()?), load, effort).await
}

async fn sides(certificate: &Certificate, transport: Transport, load: Load, effort: Effort) -> Result<Findings> {
    let origin = Process::origin().await?;
    let conf = Conf::new(effort.count(1000, 10), origin.address)?
        .without_log()
        .tls(certificate)?;
    let gateway = Rc::new(Process::gateway(&conf).await?);
    let (chain, key) = (certificate.chain(), certificate.key());
    let upstream = origin.address.to_string();
    let arguments = [&*upstream, &chain.to_string_lossy(), &key.to_string_lossy()];
    let bare = Rc::new(Process::role("bare", &arguments).await?);
    let calls = Calls::open("/api7/1.0/ping", 200).of_length(USUAL).over(transport);
    let shown = peers::Certificate {
        chain: fs::read_to_string(&chain)?,
        key: fs::read_to_string(&key)?,
    };
    let peers = Beside::start(&Work::Tls(shown), origin.address, effort).await?;
    let sides = vec![
        Side::new("Tollgate", &gateway, calls.clone()),
        Side::new("bare", &bare, calls),
    ];
    peers.compare(sides, load, effort).await
}
