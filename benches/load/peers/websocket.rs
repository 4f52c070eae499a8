//! Shows that a peer forwards an upgrade to WebSocket, and messages both ways after it.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use super::Fault;
use super::verify::expect;
use super::witness::{LARGE, SMALL, Witness};
use crate::client::tcp;
use crate::origin::ECHO;

/// Each message is another one, so that none is taken for the one before; one of them comes in many parts.
const LENGTHS: [usize; 4] = [0, 1, SMALL, LARGE];

pub(super) async fn verify(address: SocketAddr, witness: &Witness) -> Result<(), Fault> {
    let path = format!("/some{ECHO}");
    let url = format!("ws://bench.example{path}");
    let (mut socket, _) = client_async(url, tcp(address).await?).await?;
    for length in LENGTHS {
        let sent = Message::binary(vec![b'x'; length]);
        socket.send(sent.clone()).await?;
        let back = socket.next().await.ok_or("the connection ended within an echo")??;
        expect("whether a message came back", back == sent, true)?;
    }
    let seen = witness.seen();
    expect("what the origin was asked", seen.paths.len(), 1)?;
    let came = seen.paths.last().map(String::as_str);
    expect("the path that came to the origin", came, Some(path.as_str()))
}
