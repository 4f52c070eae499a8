//! The straight way to an endpoint and back: for requests of HTTP/1 without a body, to endpoints of HTTP/1, where
//! nothing is kept of the answer.
//!
//! Most requests are such. Pingora's way (0.9.1) is made for all of them: it runs both sides at once, with a queue each
//! way between them. A request that has nothing to send needs neither, which saves a quarter of what a proxied
//! request costs. What is decided on the way is the same and stands where it stood: this is but another order of the callbacks.

use http::{HeaderMap, Request, Response, StatusCode, Version, header};
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::v1::client::HttpSession as Backend;
use pingora_error::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;
use tokio::select;

use super::{Gateway, asking, caching, charging};
use crate::exchange::Exchange;
use crate::telemetry::observe;

/// Tells whether a request can go the straight way.
pub(super) fn fits(session: &mut Session, exchange: &Exchange) -> bool {
    exchange.backend().is_some_and(|backend| backend.is_http1())
        && exchange.cache_policy().is_none()
        && !session.is_http2()
        && !caching::is_own_request(session)
        && !session.req_header().headers.contains_key(header::UPGRADE)
        && session.is_body_empty()
}

impl Gateway {
    /// Carries a request to an endpoint, to another one where it may, and the answer back.
    ///
    /// # Errors
    ///
    /// Whatever the caller is to be told, if it has seen nothing yet, by `fail_to_proxy`.
    pub(super) async fn go_straight(&self, session: &mut Session, exchange: &mut Box<Exchange>) -> Result<()> {
        loop {
            asking::choose(session, exchange)?;
            let failed = match self.connect(exchange).await {
                Ok((stream, reused)) => {
                    let mut backend = Backend::new(stream);
                    let Err(e) = self.carry_over(session, &mut backend, exchange).await else {
                        put_away(backend, exchange).await;
                        return Ok(());
                    };
                    observe::failure(exchange, &e);
                    exchange.attempts.broke(session, e, reused)
                }
                Err(e) => {
                    observe::failure(exchange, &e);
                    exchange.attempts.connect_failed(e)
                }
            };
            if !failed.retry() {
                return Err(failed);
            }
        }
    }

    /// Returns a connection to the endpoint that was chosen, and whether it was used before.
    async fn connect(&self, exchange: &Exchange) -> Result<(Stream, bool)> {
        if let Some(stream) = exchange.attempts.take_idle() {
            return Ok((stream, true));
        }
        let peer = asking::peer(exchange)?;
        // Boxed: its state is large, and most requests find a connection.
        let stream = Box::pin(self.pool.transport().new_stream(&*peer)).await;
        stream.map(|stream| (stream, false)).map_err(|e| e.into_up())
    }

    async fn carry_over(
        &self,
        session: &mut Session,
        backend: &mut Backend,
        exchange: &mut Box<Exchange>,
    ) -> Result<()> {
        backend.read_timeout = exchange.attempts.silence();
        backend.write_timeout = backend.read_timeout;
        let mut out = Box::new(copy_of_request(session.req_header()));
        asking::rewritten(&mut out, session.req_header().version, exchange)?;
        backend.write_request_header(out).await.map_err(|e| e.into_up())?;
        backend.finish_body().await.map_err(|e| e.into_up())?;
        while self.carry_head(session, backend, exchange).await?.is_informational() {}
        if backend.is_body_done() {
            let finished = session.as_downstream_mut().finish_body().await;
            return finished.map_err(|e| e.into_down());
        }
        self.carry_body(session, backend, exchange).await
    }

    /// Carries the head of an answer, which may be an interim one.
    async fn carry_head(
        &self,
        session: &mut Session,
        backend: &mut Backend,
        exchange: &mut Exchange,
    ) -> Result<StatusCode> {
        select! {
            biased;
            read = backend.read_response() => read.map_err(|e| e.into_up())?,
            gone = gone(session) => return Err(gone),
        };
        let is_whole = backend.is_body_done();
        let mut answer = copy_of_answer(backend)?;
        if !is_whole {
            delimit(&mut answer)?;
        }
        self.respond(session, &mut answer, exchange)?;
        let status = answer.status;
        let written = session.write_response_header(answer, is_whole).await;
        written.map(|()| status).map_err(|e| e.into_down())
    }

    async fn carry_body(&self, session: &mut Session, backend: &mut Backend, exchange: &mut Exchange) -> Result<()> {
        while !backend.is_body_done() {
            let piece = select! {
                biased;
                read = backend.read_body_bytes() => read.map_err(|e| e.into_up())?,
                gone = gone(session) => return Err(gone),
            };
            let is_last = backend.is_body_done();
            exchange.attempts.check_deadline()?;
            charging::pass(&self.counts, exchange, &piece, is_last)?;
            let written = session.write_response_body(piece, is_last).await;
            written.map_err(|e| e.into_down())?;
        }
        Ok(())
    }
}

/// Is ready when the caller is gone, or says what nobody asked for.
async fn gone(session: &mut Session) -> Box<Error> {
    match session.as_downstream_mut().read_body_or_idle(true).await {
        Ok(_) => Error::explain(ErrorType::ConnectionClosed, "a body that was not announced").into_down(),
        Err(e) => e.into_down(),
    }
}

/// Keeps a connection for the next request, where its endpoint lets it be kept.
async fn put_away(mut backend: Backend, exchange: &Exchange) {
    backend.respect_keepalive();
    if let Some(stream) = backend.reuse().await {
        exchange.attempts.keep_idle(stream);
    }
}

/// Copies a head without the caller's spelling of its names, which goes no further (see [`rewrite`](crate::rewrite)).
fn copy_of_request(request: &RequestHeader) -> RequestHeader {
    if request.raw_path().first() != Some(&b'/') || !request.raw_path_is_utf8() {
        // Pingora keeps such a target beside the URI.
        let mut copy = request.clone();
        copy.set_version(Version::HTTP_11);
        return copy;
    }
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method.clone_from(&request.method);
    parts.uri.clone_from(&request.uri);
    parts.headers = copy_of_fields(&request.headers);
    parts.into()
}

/// Copies the head that was read without its spelling of names.
fn copy_of_answer(backend: &Backend) -> Result<Box<ResponseHeader>> {
    let no_head = || Error::explain(ErrorType::InternalError, "an answer without a head");
    let head = backend.resp_header().ok_or_else(no_head)?;
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.status = head.status;
    parts.version = head.version;
    parts.headers = copy_of_fields(&head.headers);
    let mut copy = ResponseHeader::from(parts);
    copy.set_reason_phrase(head.get_reason_phrase())?;
    Ok(Box::new(copy))
}

/// Copies fields to where there is room for those that are added on the way: a clone has none, and would be copied again.
fn copy_of_fields(fields: &HeaderMap) -> HeaderMap {
    let mut copy = HeaderMap::with_capacity(fields.len() + ADDED);
    for (name, value) in fields {
        copy.append(name.clone(), value.clone());
    }
    copy
}

/// Room for what is added to a head on the way: who asked and how, the request id, how quotas stand.
const ADDED: usize = 7;

/// Has a body, where one is to come, end by itself that would end with the endpoint's connection: the caller's goes on.
fn delimit(answer: &mut ResponseHeader) -> Result<()> {
    let is_framed = || {
        let mut framing = [header::TRANSFER_ENCODING, header::CONTENT_LENGTH].into_iter();
        framing.any(|name| answer.headers.contains_key(name))
    };
    if answer.status.is_informational() || is_framed() {
        return Ok(());
    }
    answer.set_version(Version::HTTP_11);
    answer.insert_header(header::TRANSFER_ENCODING, "chunked")
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    #[test]
    fn a_copy_of_fields_has_every_value_in_its_order_and_no_other() {
        let mut fields = HeaderMap::new();
        for number in 0..100_u16 {
            let name = HeaderName::try_from(format!("x-{}", number % 40)).unwrap();
            fields.append(name, number.into());
            fields.append(header::SET_COOKIE, number.into());
        }
        let copy = copy_of_fields(&fields);
        assert_eq!(copy, fields);
        assert!(copy.iter().eq(fields.iter()));
        assert_eq!(copy.get_all(header::SET_COOKIE).iter().count(), 100);
    }
}
