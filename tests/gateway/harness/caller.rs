//! A caller who speaks HTTP/1 by hand, over TCP or TLS.
//!
//! Requests are bytes, so that a hostile one is as easy to write as a good one; [`call`] writes the good ones.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::origin::Origin;
use super::soon;
use super::wire::{Fields, Socket, Wire};

/// A connection to a gateway.
pub(crate) struct Caller {
    wire: Wire,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Fields,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.fields.find(name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// Checks that this is a refusal of ours that no origin heard of.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, origin: &Origin) -> Self {
        origin.saw_nothing();
        self.expect(status)
    }

    /// Checks the status, showing the whole reply when it is another.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(
            self.status,
            status,
            "{:?} {:?}",
            self.fields,
            String::from_utf8_lossy(&self.body)
        );
        self
    }
}

/// A well-formed request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: String,
    target: String,
    host: Option<String>,
    fields: String,
    body: Vec<u8>,
}

/// Begins a request.
pub(crate) fn call(method: &str, target: &str) -> Call {
    let host = Some("gateway.test".to_owned());
    Call {
        method: method.into(),
        target: target.into(),
        host,
        fields: String::new(),
        body: Vec::new(),
    }
}

/// Begins a GET request.
pub(crate) fn get(target: &str) -> Call {
    call("GET", target)
}

/// Begins a POST request with a body of known length.
pub(crate) fn post(target: &str, body: impl AsRef<[u8]>) -> Call {
    call("POST", target).body(body)
}

impl Call {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.fields.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    pub(crate) fn body(self, body: impl AsRef<[u8]>) -> Self {
        let length = body.as_ref().len().to_string();
        let mut call = self.header("Content-Length", &length);
        call.body = body.as_ref().to_vec();
        call
    }

    /// A body in chunks.
    pub(crate) fn chunked(self, chunks: &[&[u8]]) -> Self {
        let mut call = self.header("Transfer-Encoding", "chunked");
        for chunk in chunks {
            call.body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            call.body.extend_from_slice(chunk);
            call.body.extend_from_slice(b"\r\n");
        }
        call.body.extend_from_slice(b"0\r\n\r\n");
        call
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let host = self
            .host
            .as_ref()
            .map(|host| format!("Host: {host}\r\n"))
            .unwrap_or_default();
        let mut bytes = format!("{} {} HTTP/1.1\r\n{host}{}\r\n", self.method, self.target, self.fields).into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

impl Caller {
    pub(crate) fn over(socket: Socket) -> Self {
        Self {
            wire: Wire::new(socket),
        }
    }

    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(Box::new(dial(address).await))
    }

    /// Connects with TLS; `Err` says why there was no handshake.
    pub(crate) async fn connect_tls(
        address: SocketAddr,
        name: &str,
        config: Arc<rustls::ClientConfig>,
    ) -> std::io::Result<(Self, TlsFacts)> {
        let stream = dial(address).await;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let stream = soon("a TLS handshake", TlsConnector::from(config).connect(name, stream)).await?;
        let (_, session) = stream.get_ref();
        let facts = TlsFacts {
            alpn: session
                .alpn_protocol()
                .map(|name| String::from_utf8_lossy(name).into_owned()),
            leaf: session
                .peer_certificates()
                .and_then(|chain| chain.first())
                .map(|leaf| leaf.to_vec()),
        };
        Ok((Self::over(Box::new(stream)), facts))
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon("bytes to be taken", self.wire.write(bytes.as_ref()))
            .await
            .unwrap();
    }

    /// Sends what may arrive at a connection that is closed already.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        _ = soon("bytes to be taken", self.wire.write(bytes.as_ref())).await;
    }

    pub(crate) async fn call(&mut self, call: Call) -> Reply {
        self.try_send(call.bytes()).await;
        self.reply_to(&call.method).await
    }

    /// Calls; `None` where the connection ended instead of a reply.
    pub(crate) async fn find_reply_to(&mut self, call: Call) -> Option<Reply> {
        self.try_send(call.bytes()).await;
        self.find_reply(&call.method).await
    }

    pub(crate) async fn reply(&mut self) -> Reply {
        self.reply_to("GET").await
    }

    pub(crate) async fn reply_to(&mut self, method: &str) -> Reply {
        self.find_reply(method)
            .await
            .expect("the connection ended where a reply was due")
    }

    /// Reads the reply; `None` where the connection ended instead.
    pub(crate) async fn find_reply(&mut self, method: &str) -> Option<Reply> {
        soon("a reply", self.read_reply(method)).await
    }

    /// Reads the head of a reply and leaves its body to be read.
    pub(crate) async fn head(&mut self) -> Reply {
        soon("the head of a reply", self.read_head())
            .await
            .expect("the connection ended where a head was due")
    }

    /// Reads one chunk of a chunked body; empty at the last one, `None` where the connection ended instead.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        soon("a chunk", self.wire.chunk()).await
    }

    /// Waits for the end of the connection; returns what came before it.
    pub(crate) async fn closed(&mut self) -> Vec<u8> {
        soon("the connection to end", self.wire.rest()).await
    }

    pub(crate) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    pub(crate) fn into_wire(self) -> Wire {
        self.wire
    }

    async fn read_head(&mut self) -> Option<Reply> {
        loop {
            let head = self.wire.head().await?;
            let (line, fields) = Fields::parse(&head);
            let status = line
                .split(' ')
                .nth(1)
                .and_then(|word| word.parse().ok())
                .expect("a status line");
            if status >= 200 || status == 101 {
                return Some(Reply {
                    status,
                    fields,
                    body: Vec::new(),
                });
            }
        }
    }

    /// Reads the body that belongs to a head.
    pub(crate) async fn rest_of(&mut self, head: &Reply) -> Option<Reply> {
        soon("a body", self.read_body(head.clone())).await
    }

    async fn read_reply(&mut self, method: &str) -> Option<Reply> {
        let head = self.read_head().await?;
        if method == "HEAD" || matches!(head.status, 101 | 204 | 304) {
            return Some(head);
        }
        self.read_body(head).await
    }

    async fn read_body(&mut self, mut reply: Reply) -> Option<Reply> {
        if reply.fields.is_chunked() {
            loop {
                let chunk = self.wire.chunk().await?;
                if chunk.is_empty() {
                    break;
                }
                reply.body.extend_from_slice(&chunk);
            }
        } else if let Some(length) = reply.fields.length() {
            reply.body = self.wire.exactly(length).await?;
        } else {
            reply.body = self.wire.rest().await;
        }
        Some(reply)
    }
}

/// What a TLS handshake settled.
#[derive(Clone, Debug)]
pub(crate) struct TlsFacts {
    pub(crate) alpn: Option<String>,
    /// The DER of the certificate that was shown.
    pub(crate) leaf: Option<Vec<u8>>,
}

async fn dial(address: SocketAddr) -> TcpStream {
    let stream = soon("a connection", TcpStream::connect(address)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}
