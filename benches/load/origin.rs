//! The backend of the load test: one fixed kilobyte for every request, whatever it asks, and a hundred at one path.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Outcome;

/// What is called for a large body, through the gateway and without it.
pub(crate) const LARGE: &str = "/api0/1.0/items/large";

const PLACE: &str = "/items/large";

/// Serves until the process is ended.
pub(crate) fn serve(address: SocketAddr) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(answer(stream));
        }
    })
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let response = |length: usize| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n");
        format!("{head}Cache-Control: max-age=3600\r\n\r\n{}", "x".repeat(length))
    };
    let (usual, large) = (response(1 << 10), response(100 << 10));
    let mut buffer = Vec::with_capacity(4096);
    loop {
        while !buffer.windows(4).any(|window| window == b"\r\n\r\n") {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let is_large = buffer.windows(PLACE.len()).any(|window| window == PLACE.as_bytes());
        buffer.clear();
        let response = if is_large { &large } else { &usual };
        stream.write_all(response.as_bytes()).await?;
    }
}
