//! A caller who speaks HTTP/2, with prior knowledge or by ALPN.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::soon;
use super::wire::Socket;

/// A connection to a gateway.
#[derive(Clone)]
pub(crate) struct CallerH2 {
    requests: SendRequest<Bytes>,
    ended: watch::Receiver<bool>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct ReplyH2 {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl ReplyH2 {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.as_ref()?.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

impl CallerH2 {
    /// Speaks HTTP/2 at once, over plain TCP.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = soon("a connection", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(Box::new(stream)).await
    }

    pub(crate) async fn over(socket: Socket) -> Self {
        let (requests, connection) = soon("an HTTP/2 handshake", h2::client::handshake(socket))
            .await
            .unwrap();
        let (end, ended) = watch::channel(false);
        tokio::spawn(async move {
            _ = connection.await;
            end.send_replace(true);
        });
        Self { requests, ended }
    }

    /// Returns how many requests may be under way at once, as the other side said.
    pub(crate) fn most_streams(&self) -> usize {
        self.requests.current_max_send_streams()
    }

    /// Waits for the end of the connection.
    pub(crate) async fn closed(&mut self) {
        soon("the connection to end", self.ended.wait_for(|ended| *ended))
            .await
            .unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> ReplyH2 {
        self.call(self.request("GET", path), &[]).await
    }

    /// Begins a request to the gateway.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request<()> {
        Request::builder()
            .method(method)
            .uri(format!("http://gateway.test{path}"))
            .body(())
            .unwrap()
    }

    /// Sends a request with its body in these DATA frames, the last of which ends it.
    pub(crate) async fn call(&self, request: Request<()>, frames: &[&'static [u8]]) -> ReplyH2 {
        soon("an HTTP/2 reply", self.try_call(request, frames)).await.unwrap()
    }

    /// Begins a request and leaves its body open.
    pub(crate) async fn begin(&self, request: Request<()>) -> (SendStream<Bytes>, ResponseFuture) {
        let mut requests = soon("a free stream", self.requests.clone().ready()).await.unwrap();
        let (response, body) = requests.send_request(request, false).unwrap();
        (body, response)
    }

    pub(crate) async fn try_call(&self, request: Request<()>, frames: &[&'static [u8]]) -> Result<ReplyH2, h2::Error> {
        let mut requests = self.requests.clone().ready().await?;
        let (response, mut body) = requests.send_request(request, frames.is_empty())?;
        for (place, frame) in frames.iter().enumerate() {
            // A refusal may end the stream before its body was sent (RFC 9113, 8.1).
            if body
                .send_data(Bytes::from_static(frame), place + 1 == frames.len())
                .is_err()
            {
                break;
            }
        }
        let (parts, mut body) = response.await?.into_parts();
        let mut whole = Vec::new();
        while let Some(data) = body.data().await {
            let data = data?;
            body.flow_control().release_capacity(data.len())?;
            whole.extend_from_slice(&data);
        }
        let trailers = body.trailers().await?;
        Ok(ReplyH2 {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: whole,
            trailers,
        })
    }
}
