//! Shows that a peer speaks HTTP/2 with callers who know that it does, and answers many calls at a time on one connection.

use std::net::SocketAddr;
use std::time::Duration;

use super::Fault;
use super::verify::expect;
use super::witness::{SMALL, Witness};
use crate::drive::{Callers, Calls, Limit, Transport};

const PATH: &str = "/some/path?and=query";

/// Calls at a time, and more of them in all than the thousand after which some close a connection.
const STREAMS: usize = 16;
const EACH: usize = 100;

pub(super) async fn verify(address: SocketAddr, witness: &Witness) -> Result<(), Fault> {
    let transport = Transport::Http2 {
        path: PATH.to_owned(),
        streams: STREAMS,
    };
    let calls = Calls::open(PATH, 200).of_length(SMALL).over(transport);
    let limit = Limit {
        time: Duration::MAX,
        calls: EACH as u64,
    };
    // All of them share a connection: once it is closed, a call fails.
    let tally = Callers::connect(address, &calls, STREAMS).await?.closed(limit).await?;
    if let Some(first) = tally.first {
        return Err(format!("{} calls failed: {first}", tally.errors).into());
    }
    let seen = witness.seen();
    expect("what the origin was asked", seen.paths.len(), STREAMS * EACH)?;
    let path = seen.paths.last().map(String::as_str);
    expect("the path that came to the origin", path, Some(PATH))?;
    expect("few connections to the origin", seen.connections <= 2 * STREAMS, true)
}
