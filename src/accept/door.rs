//! The door that every connection comes through before the application sees it.
//!
//! It gives out the places, shakes hands over TLS where the listener has it, and bounds the time of everything that
//! happens before a request: the handshake, the first byte, the header. It reads no HTTP; what is behind it, a proxy
//! or the status page, does. A client that fails here is counted, never logged above debug.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::apps::ServerApp;
use pingora_core::listeners::tls::Acceptor;
use pingora_core::protocols::l4::stream::Stream as TcpStream;
use pingora_core::protocols::tls::server::handshake_with_callback;
use pingora_core::protocols::{ALPN, GetSocketDigest, Stream};
use pingora_core::server::ShutdownWatch;
use tokio::time::timeout;
use tracing::{debug, error};

use super::certificates::Certificates;
use super::connections::Connections;
use super::deadline::Guarded;
use super::possession::Remember;

/// How long a client may take before its request is read.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the first byte of a request, after the handshake or the request before.
    pub silence: Duration,
    /// From the first byte of a request header to its end.
    pub header: Duration,
}

/// An application behind a door: places, TLS and deadlines come before it.
#[derive(Debug)]
pub struct Door<A> {
    inner: Arc<A>,
    connections: Arc<Connections>,
    patience: Patience,
    tls: Option<Handshakes>,
}

/// How handshakes are made.
#[derive(Clone)]
pub struct Handshakes {
    /// The certificates that are shown.
    pub certificates: Arc<Certificates>,
    /// Tells whether clients are asked for theirs, for each handshake anew.
    pub asks: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl fmt::Debug for Handshakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handshakes").field(&self.certificates).finish()
    }
}

// Not derived: that would ask the application to be one that can be copied.
impl<A> Clone for Door<A> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            connections: Arc::clone(&self.connections),
            patience: self.patience,
            tls: self.tls.clone(),
        }
    }
}

impl<A> Door<A> {
    /// Puts a door before an application that is reached over plain TCP.
    pub fn plain(inner: Arc<A>, connections: Arc<Connections>, patience: Patience) -> Self {
        Self {
            inner,
            connections,
            patience,
            tls: None,
        }
    }

    /// Puts a door before an application that is reached over TLS.
    pub fn tls(inner: Arc<A>, connections: Arc<Connections>, patience: Patience, handshakes: Handshakes) -> Self {
        Self {
            inner,
            connections,
            patience,
            tls: Some(handshakes),
        }
    }

    /// Shakes hands; nothing is left of a connection that fails.
    async fn secure(&self, stream: Stream, Handshakes { certificates, asks }: &Handshakes) -> Option<Stream> {
        let Ok(tcp) = stream.into_any().downcast::<TcpStream>() else {
            error!("a listener with TLS handed over something that is not a plain socket");
            return None;
        };
        // Taken at accept, so it still names this peer after the socket is closed.
        let peer = tcp.get_socket_digest();
        let remember = Remember { is_asked: asks() };
        let acceptor = Acceptor::from_server_config(certificates.current(remember.is_asked));
        let handshake = handshake_with_callback(&acceptor, *tcp, &remember);
        let failure = match timeout(self.patience.handshake, handshake).await {
            Ok(Ok(stream)) => return Some(Box::new(stream)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "timed out".to_owned(),
        };
        self.connections.handshake_failed();
        let peer = peer
            .as_ref()
            .and_then(|digest| digest.peer_addr())
            .map(ToString::to_string);
        debug!(peer, failure, "tls handshake failed");
        None
    }

    /// Waits until the client begins to speak; one that is silent, or gone, or late for a stopping process is let go.
    async fn greet(&self, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let is_http2 = matches!(stream.selected_alpn_proto(), Some(ALPN::H2));
        let mut guarded = Guarded::new(stream, self.patience, self.connections.clone());
        let mut shutdown = shutdown.clone();
        let spoke = tokio::select! {
            biased;
            spoke = guarded.first_bytes() => spoke,
            _ = shutdown.wait_for(|stopping| *stopping) => false,
        };
        if !spoke || (is_http2 && !guarded.preface().await.unwrap_or(false)) {
            return None;
        }
        Some(Box::new(guarded))
    }
}

#[async_trait]
impl<A: ServerApp + Send + Sync + 'static> ServerApp for Door<A> {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let _place = self.connections.enter()?;
        // Boxed, both: the room for their state would be held for as long as the connection, by idle ones too.
        let stream = match &self.tls {
            Some(handshakes) => Box::pin(self.secure(stream, handshakes)).await?,
            None => stream,
        };
        let guarded = Box::pin(self.greet(stream, shutdown)).await?;
        let mut reused = self.inner.process_new(guarded, shutdown).await;
        while let Some(stream) = reused {
            reused = self.inner.process_new(stream, shutdown).await;
        }
        None
    }

    async fn cleanup(&self) {
        // Wakes the idle connections of the application, so that they end with the listener.
        self.inner.cleanup().await;
    }
}

#[cfg(test)]
mod tests;
