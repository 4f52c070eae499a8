//! The time that a request header may take, from its first byte, and the silence before it.
//!
//! Pingora limits each read, so a header that is dripped byte by byte never ends, and makes a timer for each silence
//! between two requests. `Guarded` sits between the connection and the session and fails the read once either has
//! taken too long; the session then closes the connection. One timer serves all requests of a connection: it is left
//! running and set again only when it fires. `Guarded` knows nothing of HTTP but the HTTP/2 preface: whoever serves
//! the request says when a header is complete ([`header_read`]) and when the next one may begin
//! ([`between_requests`]).
//!
//! HTTP/2 is watched up to the end of its preface. After it, header floods are bounded by h2, idle connections by
//! `h2_idle_timeout`, which counts from the last complete request.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::{SslDigest, TlsRef};
use pingora_core::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream, TimingDigest,
    UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connections::Connections;
use super::door::Patience;
use super::unreadable;

/// Says that the header of this session's request is complete: from here on, nothing is timed.
pub fn header_read(session: &ServerSession) {
    set_phase(session, UNWATCHED);
}

/// Says that this session's request is over: the next byte begins a header.
///
/// Whatever is read of the old request after this call counts as the new one's header.
pub fn between_requests(session: &ServerSession) {
    set_phase(session, WAITING);
}

fn set_phase(session: &ServerSession, phase: u8) {
    // HTTP/2 sessions have no stream of their own: several share one connection.
    let guarded = session
        .stream()
        .and_then(|stream| stream.as_any().downcast_ref::<Guarded>());
    if let Some(guarded) = guarded {
        guarded.phase.store(phase, Ordering::Relaxed);
    }
}

/// Nothing is timed: a request is under way, or the connection speaks HTTP/2.
const UNWATCHED: u8 = 0;
/// A header has begun and is not complete.
const HEADER: u8 = 1;
/// No header has begun; its first byte ends the silence.
const WAITING: u8 = 2;

/// What a client that speaks HTTP/2 sends first (RFC 9113, 3.4).
const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose request headers must be complete in time.
pub(super) struct Guarded {
    inner: Stream,
    patience: Patience,
    connections: Arc<Connections>,
    /// Written through a shared reference by whoever serves the session, hence atomic.
    phase: AtomicU8,
    /// When what is waited for has to be there, and the phase that this is for.
    deadline: Option<(u8, Instant)>,
    /// Fires at a deadline or before it, and stays between requests: making one costs more than asking it.
    timer: Option<Pin<Box<Sleep>>>,
    /// The first bytes of the connection, read before anyone asked for them.
    prefix: [u8; PREFACE.len()],
    prefix_read: usize,
    prefix_given: usize,
}

impl Guarded {
    /// Wraps a connection of which nothing was read.
    pub(super) fn new(inner: Stream, patience: Patience, connections: Arc<Connections>) -> Self {
        Self {
            inner,
            patience,
            connections,
            phase: AtomicU8::new(WAITING),
            deadline: None,
            timer: None,
            prefix: [0; PREFACE.len()],
            prefix_read: 0,
            prefix_given: 0,
        }
    }

    /// Waits for the first bytes and keeps them for the first read; false when the client is gone.
    pub(super) async fn first_bytes(&mut self) -> bool {
        self.read_prefix().await.unwrap_or(false)
    }

    /// Waits for the whole HTTP/2 preface, or for the first byte that is not of it.
    ///
    /// The inner stream's own way to peek waits for as many bytes as it was asked for, so a short HTTP/1.0 request
    /// would never be answered (pingora 0.9.1, `l4::stream::Stream::try_peek`).
    pub(super) async fn preface(&mut self) -> io::Result<bool> {
        loop {
            let read = self.prefix.get(..self.prefix_read).unwrap_or_default();
            if !PREFACE.starts_with(read) {
                return Ok(false);
            }
            if read.len() == PREFACE.len() {
                self.phase.store(UNWATCHED, Ordering::Relaxed);
                return Ok(true);
            }
            if !self.read_prefix().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn read_prefix(&mut self) -> io::Result<bool> {
        std::future::poll_fn(|cx| {
            let mut bytes = self.prefix;
            let mut buffer = ReadBuf::new(&mut bytes);
            buffer.set_filled(self.prefix_read);
            ready!(self.poll_inner(cx, &mut buffer))?;
            let read = buffer.filled().len();
            let grown = read > self.prefix_read;
            self.prefix = bytes;
            self.prefix_read = read;
            Poll::Ready(Ok(grown))
        })
        .await
    }

    /// Reads from the connection, on the clock before and in a header.
    fn poll_inner(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.phase.load(Ordering::Relaxed) {
            HEADER => self.poll_header(cx, buffer),
            WAITING => self.poll_silence(cx, buffer),
            _ => Pin::new(&mut self.inner).poll_read(cx, buffer),
        }
    }

    fn poll_header(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let deadline = self.deadline(HEADER, self.patience.header);
        // What drips fast enough is always ready.
        if deadline <= Instant::now() {
            return Poll::Ready(Err(self.cut()));
        }
        if let Poll::Ready(read) = Pin::new(&mut self.inner).poll_read(cx, buffer) {
            return Poll::Ready(read);
        }
        ready!(self.poll_timer(deadline, cx));
        Poll::Ready(Err(self.cut()))
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.inner).poll_read(cx, buffer) {
            if buffer.filled().len() > before {
                self.deadline = None;
                self.phase.store(HEADER, Ordering::Relaxed);
            }
            return Poll::Ready(read);
        }
        let deadline = self.deadline(WAITING, self.patience.silence);
        ready!(self.poll_timer(deadline, cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "no request came in time")))
    }

    /// Returns when the phase must be over; its time begins when this is first asked.
    ///
    /// Most headers are complete with the first read, and nobody asks for theirs.
    fn deadline(&mut self, phase: u8, patience: Duration) -> Instant {
        let known = self.deadline.filter(|&(of, _)| of == phase);
        let (_, at) = *self
            .deadline
            .insert(known.unwrap_or_else(|| (phase, Instant::now() + patience)));
        at
    }

    fn poll_timer(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        // One that was set for an earlier request fires early.
        while timer.deadline() < deadline {
            ready!(timer.as_mut().poll(cx));
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    }

    fn cut(&self) -> io::Error {
        self.connections.header_timed_out();
        io::Error::new(io::ErrorKind::TimedOut, "the request header was not complete in time")
    }
}

impl AsyncRead for Guarded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.prefix_given == this.prefix_read {
            return this.poll_inner(cx, buffer);
        }
        let kept = this.prefix.get(this.prefix_given..this.prefix_read).unwrap_or_default();
        let given = kept.len().min(buffer.remaining());
        buffer.put_slice(kept.get(..given).unwrap_or_default());
        this.prefix_given += given;
        // What follows is most often there already; taking it now saves the session from parsing a torn header. An
        // error shows again on the next read.
        if buffer.remaining() > 0 {
            let _ = this.poll_inner(cx, buffer);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Nobody has said that a header was read, so this answers a request that could not be.
        let is_unreadable = self.phase.load(Ordering::Relaxed) == HEADER;
        let Some(answer) = is_unreadable.then(|| unreadable::instead_of(bytes)).flatten() else {
            return Pin::new(&mut self.inner).poll_write(cx, bytes);
        };
        ready!(Pin::new(&mut self.inner).poll_write(cx, answer))?;
        self.connections.unreadable();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[async_trait]
impl Peek for Guarded {
    async fn try_peek(&mut self, wanted: &mut [u8]) -> io::Result<bool> {
        if wanted.len() > PREFACE.len() {
            return Ok(false);
        }
        self.preface().await?;
        for (to, from) in wanted.iter_mut().zip(self.prefix) {
            *to = from;
        }
        Ok(true)
    }
}

#[async_trait]
impl Shutdown for Guarded {
    async fn shutdown(&mut self) {
        Shutdown::shutdown(&mut *self.inner).await;
    }
}

impl UniqueID for Guarded {
    fn id(&self) -> UniqueIDType {
        self.inner.id()
    }
}

impl Ssl for Guarded {
    fn get_ssl(&self) -> Option<&TlsRef> {
        self.inner.get_ssl()
    }

    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.inner.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.inner.selected_alpn_proto()
    }
}

impl GetTimingDigest for Guarded {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.get_timing_digest()
    }

    fn get_read_pending_time(&self) -> Duration {
        self.inner.get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> Duration {
        self.inner.get_write_pending_time()
    }
}

impl GetProxyDigest for Guarded {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.inner.get_proxy_digest()
    }

    fn set_proxy_digest(&mut self, digest: ProxyDigest) {
        self.inner.set_proxy_digest(digest);
    }
}

impl GetSocketDigest for Guarded {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_socket_digest()
    }

    fn set_socket_digest(&mut self, digest: SocketDigest) {
        self.inner.set_socket_digest(digest);
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("inner", &self.inner)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::{advance, sleep, timeout};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);
    const SILENCE: Duration = Duration::from_secs(60);

    fn guarded() -> (DuplexStream, Guarded) {
        let (client, server) = duplex(1024);
        let patience = Patience {
            handshake: PATIENCE,
            silence: SILENCE,
            header: PATIENCE,
        };
        (client, Guarded::new(Box::new(server), patience, Connections::new(1)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_is_dripped_is_cut_when_its_time_is_over() {
        let (mut client, mut server) = guarded();
        let began = Instant::now();
        let drip = tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        });
        let mut read = Vec::new();
        let cut = server.read_to_end(&mut read).await.unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), PATIENCE.as_secs());
        assert_eq!(server.connections.header_timeouts(), 1);
        drop(server);
        drip.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_the_first_byte_takes_no_time_from_the_header() {
        let (mut client, mut server) = guarded();
        let late = tokio::spawn(async move {
            sleep(PATIENCE * 3).await;
            client.write_all(b"a").await.unwrap();
            sleep(PATIENCE / 2).await;
            client.write_all(b"b").await.unwrap();
            client
        });
        let mut read = [0; 2];
        server.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"ab");
        late.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_timed_between_a_complete_header_and_the_next_request() {
        let (mut client, mut server) = guarded();
        client.write_all(b"a").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'a');
        server.phase.store(UNWATCHED, Ordering::Relaxed);
        assert!(
            timeout(PATIENCE * 2, server.read_u8()).await.is_err(),
            "a slow body survives"
        );
        server.phase.store(WAITING, Ordering::Relaxed);
        assert!(
            timeout(PATIENCE * 2, server.read_u8()).await.is_err(),
            "an idle connection survives for a while"
        );
        client.write_all(b"b").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'b');
        advance(PATIENCE).await;
        assert_eq!(server.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn each_silence_has_its_own_time() {
        let (mut client, mut server) = guarded();
        for _ in 0..3 {
            assert!(timeout(SILENCE / 3 * 2, server.read_u8()).await.is_err());
            client.write_all(b"a").await.unwrap();
            assert_eq!(server.read_u8().await.unwrap(), b'a');
            server.phase.store(WAITING, Ordering::Relaxed);
        }
        let began = Instant::now();
        let ended = server.read_u8().await.unwrap_err();
        assert_eq!(
            (ended.kind(), began.elapsed().as_secs()),
            (io::ErrorKind::TimedOut, SILENCE.as_secs())
        );
        assert_eq!(server.connections.header_timeouts(), 0);
    }

    #[tokio::test]
    async fn what_was_peeked_is_read_again_together_with_what_follows() {
        let (mut client, mut server) = guarded();
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        let mut peeked = [0; PREFACE.len()];
        assert!(
            server.try_peek(&mut peeked).await.unwrap(),
            "a request shorter than the preface does not hang"
        );
        assert!(peeked.starts_with(b"GET / HTTP/1.0"));
        client.write_all(b"body").await.unwrap();
        let mut read = [0; 64];
        let length = server.read(&mut read).await.unwrap();
        assert_eq!(&read[..length], b"GET / HTTP/1.0\r\n\r\nbody");
    }

    #[tokio::test(start_paused = true)]
    async fn http2_is_watched_up_to_its_preface_and_no_further() {
        let (mut client, mut server) = guarded();
        client.write_all(&PREFACE[..20]).await.unwrap();
        assert!(server.first_bytes().await);
        client.write_all(&PREFACE[20..]).await.unwrap();
        assert!(server.preface().await.unwrap());
        assert!(
            timeout(PATIENCE * 2, async { server.read_exact(&mut [0; 25]).await })
                .await
                .is_err()
        );

        let (mut client, mut server) = guarded();
        client.write_all(&PREFACE[..20]).await.unwrap();
        assert_eq!(server.preface().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
