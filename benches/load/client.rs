//! The thinnest HTTP/1.1 client: one connection, one request at a time, a body of stated length.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// One kept-alive connection.
pub(crate) struct Client {
    stream: Box<dyn Duplex>,
    buffer: Vec<u8>,
}

/// What a connection is made of.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// What an answer says before its body.
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Of the body.
    pub(crate) length: usize,
    /// Whether no further request may follow.
    pub(crate) closes: bool,
    /// Of the head itself.
    size: usize,
}

impl Client {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        Ok(Self::over(tcp(address).await?))
    }

    /// Speaks over a connection that is there already.
    pub(crate) fn over(stream: impl Duplex + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            buffer: Vec::with_capacity(64 << 10),
        }
    }

    /// Calls a path and returns the status, the whole answer read.
    pub(crate) async fn call(&mut self, path: &str) -> Result<u16> {
        self.ask(get(path, "").as_bytes()).await.map(|head| head.status)
    }

    /// Sends a request and returns the status and the body, the whole answer read.
    pub(crate) async fn exchange(&mut self, request: &str) -> Result<(u16, &[u8])> {
        let head = self.begin(request.as_bytes()).await?;
        let total = head.size + head.length;
        while self.buffer.len() < total {
            self.fill().await?;
        }
        Ok((head.status, &self.buffer[head.size..total]))
    }

    /// Sends a request and returns the head of its answer; the body is read and forgotten.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Head> {
        let head = self.begin(request).await?;
        let mut left = (head.size + head.length)
            .checked_sub(self.buffer.len())
            .ok_or(TOO_MUCH)?;
        while left > 0 {
            self.buffer.clear();
            self.fill().await?;
            left = left.checked_sub(self.buffer.len()).ok_or(TOO_MUCH)?;
        }
        Ok(head)
    }

    async fn begin(&mut self, request: &[u8]) -> Result<Head> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        self.buffer.clear();
        loop {
            self.fill().await?;
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                return head(&self.buffer[..end]).ok_or_else(|| {
                    let text = String::from_utf8_lossy(&self.buffer[..end]);
                    Error::new(ErrorKind::InvalidData, format!("no length is stated: {text}"))
                });
            }
        }
    }

    async fn fill(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(Error::from(ErrorKind::UnexpectedEof));
        }
        Ok(())
    }
}

/// Connects without waiting for more to send.
pub(crate) async fn tcp(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Writes a request, with these lines beside the usual ones.
pub(crate) fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: bench.example\r\nAccept: */*\r\n{lines}\r\n")
}

const TOO_MUCH: ErrorKind = ErrorKind::InvalidData;

/// Reads a head that ends before its empty line.
fn head(bytes: &[u8]) -> Option<Head> {
    let status = std::str::from_utf8(bytes.get(9..12)?).ok()?.parse().ok()?;
    let (mut length, mut closes) = (matches!(status, 204 | 304).then_some(0), false);
    for line in bytes.split(|&byte| byte == b'\n').skip(1) {
        let line = line.trim_ascii_end();
        if let Some(value) = field(line, b"content-length:") {
            length = Some(std::str::from_utf8(value).ok()?.parse().ok()?);
        } else if let Some(value) = field(line, b"connection:") {
            closes = value.eq_ignore_ascii_case(b"close");
        }
    }
    Some(Head {
        status,
        length: length?,
        closes,
        size: bytes.len() + 4,
    })
}

fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii_start())
}

/// Holds this file to what it says.
pub(crate) fn check() {
    let read = |text: &str| head(text.as_bytes()).map(|head| (head.status, head.length, head.closes));
    let kept = "HTTP/1.1 200 OK\r\ncontent-LENGTH: 17\r\nX-Content-Length: 3";
    assert_eq!(read(kept), Some((200, 17, false)));
    let closed = "HTTP/1.1 429 Too Many Requests\r\nContent-Length:0\r\nConnection: Close";
    assert_eq!(read(closed), Some((429, 0, true)));
    assert_eq!(read("HTTP/1.1 204 No Content"), Some((204, 0, false)));
    assert_eq!(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"), None);
}
