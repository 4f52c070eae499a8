//! The caller's connection after the upgrade, as a plain stream of bytes that can be read and written at once.
//!
//! Pingora keeps the connection inside its session, for one future at a time. So each poll makes the future it needs,
//! polls it and lets it go: reading a body until the end and writing queued tasks may both be cancelled and resumed
//! (`BodyReader::do_read_body_until_closed`, `HttpSession::write_proxy_tasks`), and the socket remembers both wakers.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use pingora_core::protocols::http::{HttpTask, ServerSession};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The caller's connection after the upgrade.
pub(super) struct Client<'a> {
    session: &'a mut ServerSession,
    /// What was read and not yet taken.
    left: Bytes,
}

impl<'a> Client<'a> {
    /// Takes over a session; nothing when it was not upgraded.
    pub(super) fn new(session: &'a mut ServerSession) -> Option<Self> {
        // The tunnel has limits of its own, on both directions together.
        session.set_read_timeout(None);
        session.was_upgraded().then_some(Self {
            session,
            left: Bytes::new(),
        })
    }

    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.session.has_pending_downstream_proxy_tasks() {
            return Poll::Ready(Ok(()));
        }
        let written = ready!(pin!(self.session.write_downstream_proxy_tasks()).poll(cx));
        Poll::Ready(written.map(|_| ()).map_err(io::Error::other))
    }
}

impl AsyncRead for Client<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left.is_empty() {
            let read = ready!(pin!(self.session.read_request_body()).poll(cx)).map_err(io::Error::other)?;
            let Some(bytes) = read else { return Poll::Ready(Ok(())) };
            self.left = bytes;
        }
        let taken = self.left.len().min(buf.remaining());
        buf.put_slice(self.left.get(..taken).unwrap_or_default());
        self.left.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_written(cx))?;
        let task = HttpTask::UpgradedBody(Some(Bytes::copy_from_slice(buf)), false);
        self.session.send_downstream_proxy_task(task);
        match self.poll_written(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(buf.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_written(cx)
    }

    /// Only flushes: the session closes the connection when the request ends.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_written(cx)
    }
}
