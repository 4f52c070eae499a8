//! One caller: a connection or a part of one, and whether each answer is the right one.
//!
//! A connection that fails or closes is made anew for the next call; only the failure is an error.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use h2::client::SendRequest;
use http::Request;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Calls, Requests, Transport};
use crate::client::{Client, tcp};

/// Who calls, one request at a time.
pub(super) struct Caller {
    address: SocketAddr,
    calls: Arc<Calls>,
    /// The number of the next call, and how many others call between that and the one after.
    turn: usize,
    step: usize,
    /// Where requests are varied.
    written: Vec<u8>,
    link: Option<Link>,
}

/// A connection, or a part of one.
pub(super) enum Link {
    Http1(Client),
    Http2(SendRequest<Bytes>),
    WebSocket(Box<WebSocketStream<TcpStream>>),
}

impl Caller {
    /// Connects, unless there is a connection to share.
    pub(super) async fn connect(
        address: SocketAddr,
        calls: &Calls,
        (turn, step): (usize, usize),
        shared: Option<Link>,
    ) -> Result<Self> {
        let link = match (shared, &calls.transport) {
            (Some(shared), _) => Some(shared),
            (None, Transport::PlainAnew | Transport::TlsAnew(_)) => None,
            (None, transport) => Some(Link::open(address, transport).await?),
        };
        let written = match &calls.requests {
            Requests::Rotating(_) => Vec::new(),
            Requests::Varied(request, _) => request.to_vec(),
        };
        Ok(Self {
            address,
            calls: Arc::new(calls.clone()),
            turn,
            step,
            written,
            link,
        })
    }

    /// Returns a part of its connection for the next caller, who has this number among all.
    pub(super) fn share(&self, index: usize) -> Option<Link> {
        match (&self.calls.transport, &self.link) {
            (Transport::Http2 { streams, .. }, Some(Link::Http2(sender))) if !index.is_multiple_of(*streams) => {
                Some(Link::Http2(sender.clone()))
            }
            _ => None,
        }
    }

    /// Calls once; anything but the right answer is an error.
    pub(super) async fn call(&mut self) -> Result<()> {
        let turn = self.turn;
        self.turn += self.step;
        let mut link = match self.link.take() {
            Some(link) => link,
            None => Link::open(self.address, &self.calls.transport).await?,
        };
        let request = match &self.calls.requests {
            Requests::Rotating(requests) => &requests[turn % requests.len()],
            Requests::Varied(_, place) => {
                let digits = format!("{turn:016x}");
                self.written[*place..place + 16].copy_from_slice(digits.as_bytes());
                self.written.as_slice()
            }
        };
        let (status, length, closes) = link.exchange(&self.calls.transport, request).await?;
        if !closes && !self.calls.transport.is_anew() {
            self.link = Some(link);
        }
        self.calls.judge(status, length)
    }
}

impl Transport {
    fn is_anew(&self) -> bool {
        matches!(self, Self::PlainAnew | Self::TlsAnew(_))
    }
}

impl Calls {
    fn judge(&self, status: u16, length: usize) -> Result<()> {
        if status != self.status {
            return Err(Error::other(format!("status {status} instead of {}", self.status)));
        }
        match self.body {
            Some(body) if body != length => Err(Error::other(format!("a body of {length} bytes instead of {body}"))),
            _ => Ok(()),
        }
    }
}

impl Link {
    async fn open(address: SocketAddr, transport: &Transport) -> Result<Self> {
        let stream = tcp(address).await?;
        Ok(match transport {
            Transport::Http2 { .. } => Self::Http2(http2(stream).await?),
            Transport::Plain | Transport::PlainAnew => Self::Http1(Client::over(stream)),
            Transport::Tls(trust) | Transport::TlsAnew(trust) => Self::Http1(Client::over(trust.shake(stream).await?)),
            Transport::WebSocket(path) => {
                let url = format!("ws://bench.example{path}");
                let opened = tokio_tungstenite::client_async(url, stream).await;
                Self::WebSocket(Box::new(opened.map_err(Error::other)?.0))
            }
        })
    }

    /// Returns the status and the length of the answer, and whether it was the last one of this connection.
    async fn exchange(&mut self, transport: &Transport, request: &[u8]) -> Result<(u16, usize, bool)> {
        match (self, transport) {
            (Self::Http1(client), _) => {
                let head = client.ask(request).await?;
                Ok((head.status, head.length, head.closes))
            }
            (Self::Http2(sender), Transport::Http2 { path, .. }) => {
                let (status, length) = stream(sender, path).await.map_err(Error::other)?;
                Ok((status, length, false))
            }
            (Self::WebSocket(socket), _) => {
                let sent = Message::binary(Bytes::copy_from_slice(request));
                socket.send(sent).await.map_err(Error::other)?;
                let back = socket.next().await.ok_or(ErrorKind::UnexpectedEof)?;
                Ok((101, back.map_err(Error::other)?.len(), false))
            }
            (Self::Http2(_), _) => Err(Error::other("HTTP/2 is spoken where it is not wanted")),
        }
    }
}

async fn http2(stream: TcpStream) -> Result<SendRequest<Bytes>> {
    let shaken = h2::client::Builder::new()
        .initial_window_size(1 << 20)
        .initial_connection_window_size(1 << 24)
        .handshake(stream)
        .await;
    let (sender, connection) = shaken.map_err(Error::other)?;
    // It ends with the last of those who send; what goes wrong, they are told.
    tokio::spawn(connection);
    Ok(sender)
}

async fn stream(sender: &mut SendRequest<Bytes>, path: &str) -> std::result::Result<(u16, usize), h2::Error> {
    let mut ready = sender.clone().ready().await?;
    let request = Request::get(format!("http://bench.example{path}"))
        .header("accept", "*/*")
        .body(())
        .map_err(|_| h2::Reason::INTERNAL_ERROR)?;
    let (response, _) = ready.send_request(request, true)?;
    let response = response.await?;
    let (status, mut length) = (response.status().as_u16(), 0);
    let mut body = response.into_body();
    while let Some(part) = body.data().await {
        let part = part?;
        length += part.len();
        body.flow_control().release_capacity(part.len())?;
    }
    Ok((status, length))
}

/// Holds the judgement of answers and the schedule to what they say.
pub(crate) fn check() {
    let calls = Calls::open("/", 200).of_length(5);
    assert!(calls.judge(200, 5).is_ok());
    assert!(calls.judge(502, 5).is_err(), "another status");
    assert!(calls.judge(200, 4).is_err(), "half a body");
    assert!(Calls::open("/", 401).judge(401, 123).is_ok(), "any body");
    super::pace::check();
}
