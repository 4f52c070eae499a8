//! Shows that a peer carries bodies as long as those of the load test, and passes on what comes before the rest is there.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use super::Fault;
use super::verify::expect;
use super::witness::{SMALL, Witness};
use crate::client::{Client, get, tcp};
use crate::origin::HUGE;

/// More than is read at once, and less than any system holds for a connection.
const BEGINNING: usize = 100 << 10;

pub(super) async fn verify(address: SocketAddr, witness: &Witness) -> Result<(), Fault> {
    let mut client = Client::connect(address).await?;
    let (status, body) = client.exchange(&get(HUGE.0, "")).await?;
    expect("a large answer", (status, body.len()), (200, HUGE.1))?;

    let before = witness.seen().paths.len();
    let head = format!(
        "POST /items HTTP/1.1\r\nHost: bench.example\r\nContent-Length: {}\r\n\r\n",
        HUGE.1
    );
    let mut stream = tcp(address).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&vec![b'x'; BEGINNING]).await?;
    let deadline = Instant::now() + Duration::from_secs(5);
    while witness.seen().paths.len() == before {
        if Instant::now() > deadline {
            return Err("a request is not passed on before its body is there whole".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let rest = vec![b'x'; HUGE.1 - BEGINNING];
    let answer = Client::over(stream).ask(&rest).await?;
    expect("a large request", (answer.status, answer.length), (200, SMALL))?;
    let bodies = witness.seen().bodies;
    expect("the body that came to the origin", bodies.last().copied(), Some(HUGE.1))
}
