//! An origin for the trials, which remembers what it was asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::Fault;
use crate::origin::{ECHO, HUGE, echo, take_body};

/// How long its answers are: those to a path that ends in `large`, and those to most others.
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
    /// How long those were that came whole.
    pub(super) bodies: Vec<usize>,
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
        let head = loop {
            if let Some(end) = memmem::find(&request, b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        };
        let line = String::from_utf8_lossy(&request[..head]);
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        lock(&seen).paths.push(path.clone());
        if path.ends_with(ECHO) {
            return echo(stream, &request[..head]).await;
        }
        if !request.starts_with(b"GET ") {
            let body = take_body(&mut stream, &mut request, head).await?;
            lock(&seen).bodies.push(body);
        }
        let length = match path.as_str() {
            path if path.ends_with("large") => LARGE,
            path if path.ends_with(HUGE.0) => HUGE.1,
            _ => SMALL,
        };
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
