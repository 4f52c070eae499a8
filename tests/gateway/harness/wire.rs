//! HTTP/1 on a socket, just enough of it: heads, bodies by length or in chunks, and every byte that was read.
//!
//! Both ends use it. It is deliberately literal: it repairs nothing, so that what a test sees is what was sent.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Anything that bytes go through.
pub(crate) trait Io: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Unpin> Io for T {}

/// A connection, whatever carries it.
pub(crate) type Socket = Box<dyn Io>;

/// A connection with what was read ahead of need, and a record of everything read.
pub(crate) struct Wire {
    socket: Socket,
    ahead: Vec<u8>,
    record: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    pub(crate) fn new(socket: Socket) -> Self {
        Self::recording(socket, Arc::default())
    }

    pub(crate) fn recording(socket: Socket, record: Arc<Mutex<Vec<u8>>>) -> Self {
        Self {
            socket,
            ahead: Vec::new(),
            record,
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes).await?;
        self.socket.flush().await
    }

    /// Writes once, and tells how much of it the other side took.
    pub(crate) async fn offer(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes).await
    }

    /// Says that nothing more will be written.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        self.socket.shutdown().await
    }

    /// Reads more; `false` at the end of the stream.
    async fn fill(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        match self.socket.read(&mut piece).await {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.ahead.extend_from_slice(&piece[..count]);
                self.record.lock().unwrap().extend_from_slice(&piece[..count]);
                true
            }
        }
    }

    /// Reads whatever comes next, at most so much; `None` at the end.
    pub(crate) async fn some(&mut self, most: usize) -> Option<Vec<u8>> {
        if self.ahead.is_empty() && !self.fill().await {
            return None;
        }
        let count = most.min(self.ahead.len());
        Some(self.ahead.drain(..count).collect())
    }

    pub(crate) async fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.ahead.len() < count {
            if !self.fill().await {
                return None;
            }
        }
        Some(self.ahead.drain(..count).collect())
    }

    pub(crate) async fn through(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.ahead.windows(end.len()).position(|window| window == end) {
                return Some(self.ahead.drain(..at + end.len()).collect());
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Reads a message head, the empty line included.
    pub(crate) async fn head(&mut self) -> Option<Vec<u8>> {
        self.through(b"\r\n\r\n").await
    }

    /// Reads one chunk of a chunked body; empty at the last one, whose trailer section is read as well.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.through(b"\r\n").await?;
        let size = std::str::from_utf8(&line).ok()?.trim_end();
        let size = usize::from_str_radix(size.split(';').next()?, 16).ok()?;
        if size == 0 {
            while self.through(b"\r\n").await? != b"\r\n" {}
            return Some(Vec::new());
        }
        let mut chunk = self.exactly(size + 2).await?;
        chunk.truncate(size);
        Some(chunk)
    }

    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.fill().await {}
        std::mem::take(&mut self.ahead)
    }

    /// Gives the socket back, with what was read ahead of need.
    pub(crate) fn into_parts(self) -> (Socket, Vec<u8>) {
        (self.socket, self.ahead)
    }
}

/// The header fields of a message, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Takes a head apart into its first line and its fields.
    pub(crate) fn parse(head: &[u8]) -> (String, Self) {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let fields = lines.filter_map(|line| line.split_once(':'));
        (
            first,
            Self(
                fields
                    .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                    .collect(),
            ),
        )
    }

    /// Returns every value of a field.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// Returns the value of a field that may occur once at most.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} occurs more than once: {self:?}");
        all.first().copied()
    }

    pub(crate) fn is_chunked(&self) -> bool {
        self.all("transfer-encoding")
            .last()
            .is_some_and(|value| value.ends_with("chunked"))
    }

    pub(crate) fn length(&self) -> Option<usize> {
        self.all("content-length").first().and_then(|value| value.parse().ok())
    }
}
