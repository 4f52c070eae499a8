//! WebSocket on both sides: an origin that echoes, one that says 101 before it was asked, and a caller's upgrade.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::caller::{Call, Caller, Reply, get};
use super::wire::{Socket, Wire};

/// A running origin; ends when dropped.
pub(crate) struct WebSocketOrigin {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// The key of the example in RFC 6455, 1.3, and what is accepted for it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPTED: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Starts an origin that accepts every upgrade and echoes every message.
pub(crate) async fn websocket_origin() -> WebSocketOrigin {
    start(|stream| async move {
        let Ok(socket) = tokio_tungstenite::accept_async(stream).await else {
            return;
        };
        echo(socket).await;
    })
    .await
}

/// Starts an origin that says 101 the moment a connection comes, then echoes every message.
pub(crate) async fn early_websocket_origin() -> WebSocketOrigin {
    start(|mut stream| async move {
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {ACCEPTED}\r\n\r\n"
        );
        if stream.write_all(head.as_bytes()).await.is_err() {
            return;
        }
        let mut wire = Wire::new(Box::new(stream));
        if wire.head().await.is_none() {
            return;
        }
        let (socket, ahead) = wire.into_parts();
        echo(WebSocketStream::from_partially_read(socket, ahead, Role::Server, None).await).await;
    })
    .await
}

impl WebSocketOrigin {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for WebSocketOrigin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request to upgrade, as browsers write it.
pub(crate) fn upgrade(target: &str) -> Call {
    get(target)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", KEY)
}

impl Caller {
    /// Asks to upgrade; returns the refusal where there is one.
    pub(crate) async fn websocket(mut self, call: Call) -> Result<WebSocketStream<Socket>, Reply> {
        let reply = self.call(call).await;
        if reply.status != 101 {
            return Err(reply);
        }
        assert_eq!(reply.header("sec-websocket-accept"), Some(ACCEPTED));
        let (socket, ahead) = self.into_wire().into_parts();
        Ok(WebSocketStream::from_partially_read(socket, ahead, Role::Client, None).await)
    }
}

async fn start<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> WebSocketOrigin
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let task = tokio::spawn(async move {
        let mut open = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            open.spawn(serve(stream));
        }
    });
    WebSocketOrigin {
        address,
        connections,
        task,
    }
}

async fn echo<S: super::wire::Io>(mut socket: WebSocketStream<S>) {
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}
