//! An HTTP/2 origin that behaves like a gRPC service: it answers with a message and trailers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::wire::Socket;

/// A running origin; ends when dropped.
pub(crate) struct GrpcOrigin {
    address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    connections: Mutex<usize>,
    /// Requests whose head arrived.
    begun: Mutex<usize>,
    requests: Mutex<Vec<SeenH2>>,
}

/// A request as an HTTP/2 origin saw it.
#[derive(Clone, Debug)]
pub(crate) struct SeenH2 {
    pub(crate) method: String,
    /// The target with its scheme and authority.
    pub(crate) uri: http::Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Starts an origin that echoes each body and ends with `grpc-status: 0`; over TLS where a configuration is given.
pub(crate) async fn grpc_origin(tls: Option<Arc<rustls::ServerConfig>>) -> GrpcOrigin {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let seen = Arc::new(Seen::default());
    let task = tokio::spawn(accept(listener, tls.map(TlsAcceptor::from), Arc::clone(&seen)));
    GrpcOrigin {
        address,
        scheme,
        seen,
        task,
    }
}

impl GrpcOrigin {
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub(crate) fn requests(&self) -> Vec<SeenH2> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// Returns how many requests arrived, whole or not.
    pub(crate) fn begun(&self) -> usize {
        *self.seen.begun.lock().unwrap()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.seen.connections.lock().unwrap()
    }
}

impl Drop for GrpcOrigin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, seen: Arc<Seen>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        *seen.connections.lock().unwrap() += 1;
        let (tls, seen) = (tls.clone(), Arc::clone(&seen));
        connections.spawn(async move {
            let socket: Socket = match tls {
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => Box::new(stream),
                    Err(_) => return,
                },
                None => Box::new(stream),
            };
            let Ok(mut connection) = h2::server::handshake(socket).await else {
                return;
            };
            let mut streams = tokio::task::JoinSet::new();
            while let Some(Ok((request, respond))) = connection.accept().await {
                let seen = Arc::clone(&seen);
                streams.spawn(async move { echo(request, respond, &seen).await });
            }
        });
    }
}

async fn echo(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, seen: &Seen) -> Result<(), h2::Error> {
    *seen.begun.lock().unwrap() += 1;
    let (parts, mut body) = request.into_parts();
    let mut whole = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        whole.extend_from_slice(&data);
    }
    let method = parts.method.to_string();
    seen.requests.lock().unwrap().push(SeenH2 {
        method,
        uri: parts.uri,
        headers: parts.headers,
        body: whole.clone(),
    });
    let head = Response::builder()
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    let mut stream = respond.send_response(head, false)?;
    stream.send_data(Bytes::from(whole), false)?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers.insert("grpc-message", "done".parse().unwrap());
    stream.send_trailers(trailers)
}
