//! An origin for the trials, which remembers what it was asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::Fault;
use crate::origin::{ECHO, echo};

/// How long its answers are: those to a path that ends in `large`, and the others.
pub(super) const LARGE: usize = 100 << 10;
pub(super) const SMALL: usize = 1 << 10;

/// Answers until this value goes.
pub(super) struct Witness {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

/// What it was asked.
#[derive(Clone, Default)]
pub(super) struct Seen {
    pub(super) connections: usize,
    pub(super) paths: Vec<String>,
}

impl Witness {
    pub(super) async fn start() -> Result<Self, Fault> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let task = tokio::spawn(serve(listener, Arc::clone(&seen)));
        Ok(Self { address, seen, task })
    }

    pub(super) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, seen: Arc<Mutex<Seen>>) {
    // Its connections end with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        lock(&seen).connections += 1;
        connections.spawn(answer(stream, Arc::clone(&seen)));
    }
}

async fn answer(mut stream: TcpStream, seen: Arc<Mutex<Seen>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    loop {
        request.clear();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let request = String::from_utf8_lossy(&request);
        let path = request.split(' ').nth(1).unwrap_or_default();
        lock(&seen).paths.push(path.to_owned());
        if path.ends_with(ECHO) {
            return echo(stream, request.as_bytes()).await;
        }
        let length = if path.ends_with("large") { LARGE } else { SMALL };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: max-age=3600\r\n";
        let body = "x".repeat(length);
        let response = format!("{head}Content-Length: {length}\r\n\r\n{body}");
        stream.write_all(response.as_bytes()).await?;
    }
}

/// Nothing that holds it can fail half-way.
fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
