//! The thinnest HTTP/1.1 client: one connection, one request at a time, a body of stated length.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One kept-alive connection.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What is called, and what must come of each call.
#[derive(Clone)]
pub(crate) struct Calls {
    path: &'static str,
    credential: Credential,
    status: u16,
}

/// What a call shows.
#[derive(Clone)]
enum Credential {
    None,
    /// One of these tokens, in rotation.
    Rotating(Arc<[String]>),
    /// This token with a signature that is wrong, and another one each time.
    Spoilt(Arc<str>),
}

impl Calls {
    /// Calls without a credential; each must be answered with this status.
    pub(crate) fn open(path: &'static str, status: u16) -> Self {
        let credential = Credential::None;
        Self {
            path,
            credential,
            status,
        }
    }

    /// Calls with these tokens in rotation; each must be a 200.
    pub(crate) fn with(path: &'static str, tokens: &[String]) -> Self {
        let credential = Credential::Rotating(tokens.into());
        Self {
            path,
            credential,
            status: 200,
        }
    }

    /// Calls with a token whose signature is spoilt in another way each time; each must be a 401.
    pub(crate) fn spoilt(path: &'static str, token: &str) -> Self {
        let credential = Credential::Spoilt(token.into());
        Self {
            path,
            credential,
            status: 401,
        }
    }

    /// Writes the field that call number `turn` shows its credential in.
    fn field(&self, turn: usize) -> String {
        match &self.credential {
            Credential::None => String::new(),
            Credential::Rotating(tokens) => format!("Authorization: Bearer {}\r\n", tokens[turn % tokens.len()]),
            // The signature ends the token; every hexadecimal digit is one of base64url.
            Credential::Spoilt(token) => {
                let (kept, end) = token.split_at(token.len() - 32);
                format!("Authorization: Bearer {kept}{turn:016x}{}\r\n", &end[16..])
            }
        }
    }
}

impl Client {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    /// Calls a path and returns the status, the whole answer read.
    pub(crate) async fn call(&mut self, path: &str) -> Result<u16> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench.example\r\nAccept: */*\r\n\r\n");
        self.exchange(&request).await.map(|(status, _)| status)
    }

    /// Sends a request and returns the status and the body, the whole answer read.
    pub(crate) async fn exchange(&mut self, request: &str) -> Result<(u16, &[u8])> {
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let head = loop {
            self.fill().await?;
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        let status = text
            .get(9..12)
            .and_then(|digits| digits.parse().ok())
            .ok_or(ErrorKind::InvalidData)?;
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let total = head + 4 + length.ok_or(ErrorKind::InvalidData)?;
        while self.buffer.len() < total {
            self.fill().await?;
        }
        Ok((status, &self.buffer[head + 4..total]))
    }

    async fn fill(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(Error::from(ErrorKind::UnexpectedEof));
        }
        Ok(())
    }
}

/// Makes `requests` calls over `connections` connections, the first of them call number `first`.
pub(crate) async fn drive(
    address: SocketAddr,
    calls: &Calls,
    (connections, requests): (usize, usize),
    first: usize,
) -> Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for connection in 0..connections {
        let (calls, each) = (calls.clone(), requests / connections);
        tasks.spawn(async move {
            let mut client = Client::connect(address).await?;
            for turn in 0..each {
                let field = calls.field(first + connection * each + turn);
                let path = calls.path;
                let request = format!("GET {path} HTTP/1.1\r\nHost: bench.example\r\nAccept: */*\r\n{field}\r\n");
                let (status, _) = client.exchange(&request).await?;
                if status != calls.status {
                    return Err(Error::other(format!("status {status}")));
                }
            }
            Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}
