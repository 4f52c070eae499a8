//! Pingora's callbacks: each fetches, calls and stores. Every decision is made elsewhere.
//!
//! | callback | calls |
//! |---|---|
//! | `new_ctx` | [`Exchange::begin`] with what is served now |
//! | `early_request_filter` | limits of the connection, request id, where it came from |
//! | `request_filter` | [`own`] paths are answered, else [`admission`](crate::admission); a refusal is written and returned as a success; WebSockets go to the tunnel, what is kept answers ([`cache::hit`](crate::cache::hit)), and what has no body goes straight |
//! | `upstream_peer`, `fail_to_connect`, `error_while_proxy` | [`Attempts`](crate::upstream::Attempts) |
//! | `request_cache_filter` to `response_cache_filter`, `should_serve_stale` | [`cache::filters`](crate::cache::filters) |
//! | `upstream_request_filter`, `response_filter` | [`rewrite`](crate::rewrite) |
//! | `fail_to_proxy` | [`reply`], in the same shape as a refusal |
//! | `logging` | [`Telemetry::record`], once for every exchange |

mod admitting;
mod answering;
mod asking;
mod caching;
mod charging;
mod failure;
mod handing;
mod readmission;
mod refused;
mod responding;
mod seen;
mod straight;
mod websocket;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pingora_cache::key::HashBinary;
use pingora_cache::{CacheKey, CacheMeta, ForcedFreshness, HitHandler, RespCacheable};
use pingora_core::modules::http::HttpModules;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, ProxyHttp, Session};
use tokio::sync::watch;

use self::seen::{head, is_tls};
use crate::accept::deadline;
use crate::admission::Admitted;
use crate::cache::opened::Cache;
use crate::cache::{filters, keeping};
use crate::counting::Counts;
use crate::credential::Credentials;
use crate::denial::Denial;
use crate::exchange::{Exchange, Verdict};
use crate::explain::refusals::Refusals;
use crate::forwarding::{Trust, certificate};
use crate::head::Scheme;
use crate::quota::Hold;
use crate::reply;
use crate::routed::Routed;
use crate::served::Served;
use crate::settings::{Limits, Timeouts};
use crate::snapshot::live::Live;
use crate::stages::{Spent, own};
use crate::telemetry::{Telemetry, observe};
use crate::tunnel;
use crate::upstream::{self, Pool};

/// The data plane's shell.
#[derive(Debug)]
pub struct Gateway {
    /// What is served.
    pub live: Arc<Live<Served>>,
    /// Says when that is another revision.
    pub published: watch::Receiver<u64>,
    /// Where endpoints are known, and connected to for tunnels.
    pub pool: Arc<Pool>,
    /// What answers on the gateway's own paths.
    pub own: Routed,
    /// What is kept of responses.
    pub cache: Arc<Cache>,
    /// What proves callers.
    pub credentials: Arc<Credentials>,
    /// Where quotas are counted.
    pub counts: Counts,
    /// What was refused of late.
    pub refusals: Arc<Refusals>,
    /// Where every exchange is counted and logged.
    pub telemetry: Arc<Telemetry>,
    /// Whose forwarding fields are believed.
    pub trust: Trust,
    /// How much a caller may use.
    pub limits: Limits,
    /// How long a caller may take.
    pub timeouts: Timeouts,
    /// Whether the process is on its way out, so that connections are not kept.
    pub draining: Arc<AtomicBool>,
    /// Tells tunnels that the process is on its way out.
    pub shutdown: watch::Receiver<bool>,
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Box<Exchange>;

    fn new_ctx(&self) -> Self::CTX {
        Box::new(Exchange::begin(self.live.current()))
    }

    /// Adds no module: the default one would cost a box for each request.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn early_request_filter(&self, session: &mut Session, exchange: &mut Self::CTX) -> Result<()> {
        deadline::header_read(session);
        self.bound_connection(session, exchange);
        let scheme = if is_tls(session) { Scheme::Https } else { Scheme::Http };
        let peer = session
            .client_addr()
            .and_then(|address| address.as_inet())
            .map(|address| address.ip());
        let headers = &session.req_header().headers;
        exchange.identify(headers);
        exchange.origin = self.trust.origin(peer.unwrap_or(exchange.origin.peer), scheme, headers);
        let vouches = exchange.served.snapshot.fields().certificate.as_ref();
        let vouches = vouches.filter(|_| exchange.origin.is_trusted);
        exchange.vouched = vouches.and_then(|name| certificate(headers, name)).map(Box::new);
        exchange.in_flight = Some(self.telemetry.began());
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, exchange: &mut Self::CTX) -> Result<bool> {
        let raw = if session.is_http2() {
            Bytes::new()
        } else {
            session.to_h1_raw()
        };
        let head = head(session, exchange, &raw);
        let path = own(&head, &self.limits).map(|path| path.map(Cow::into_owned));
        if let Some(path) = path.transpose() {
            // Boxed, as tunnels are: few requests are for the gateway itself.
            Box::pin(self.answer(session, exchange, path)).await?;
            return Ok(true);
        }
        let purpose = caching::purpose(session, self.counts.at(exchange.arrived, exchange.at));
        let mut spent = Spent::default();
        match self.admission(&head, exchange, purpose, &mut spent).await {
            Ok(Admitted::Permit(permit)) => {
                exchange.verdict = Verdict::Permitted(permit);
                exchange.spent = spent;
                exchange.assertion = self.assertion(exchange).await?;
                // Boxed: their state is large, and every other request would carry it along.
                if tunnel::is_websocket(session.req_header()) {
                    Box::pin(self.carry(session, exchange)).await?;
                } else if let Some(kept) = self.kept(session, exchange) {
                    Box::pin(self.hand_out(session, exchange, kept)).await?;
                } else if straight::fits(session, exchange) {
                    Box::pin(self.go_straight(session, exchange)).await?;
                } else {
                    return Ok(false);
                }
            }
            Ok(Admitted::Options(version, methods)) => {
                exchange.verdict = Verdict::Answered(version);
                reply::options(session, &exchange.id, methods).await?;
            }
            Err(refusal) => {
                let denial = refusal.denial;
                exchange.verdict = Verdict::Refused(refusal);
                refused::remember(&self.refusals, session, exchange, denial);
                reply::refuse(session, exchange, denial).await?;
            }
        }
        Ok(true)
    }

    fn request_cache_filter(&self, session: &mut Session, exchange: &mut Self::CTX) -> Result<()> {
        if exchange.cache_policy().is_some() {
            filters::enable(&self.cache, session, exchange);
        }
        Ok(())
    }

    fn cache_key_callback(&self, _session: &Session, exchange: &mut Self::CTX) -> Result<CacheKey> {
        filters::take_key(exchange)
    }

    fn cache_vary_filter(
        &self,
        meta: &CacheMeta,
        exchange: &mut Self::CTX,
        request: &RequestHeader,
    ) -> Option<HashBinary> {
        let response = (meta.headers(), meta.variance().is_some());
        filters::variance_of(response, exchange, request)
    }

    async fn cache_hit_filter(
        &self,
        session: &mut Session,
        meta: &CacheMeta,
        _hit: &mut HitHandler,
        _is_fresh: bool,
        exchange: &mut Self::CTX,
    ) -> Result<Option<ForcedFreshness>> {
        Ok(filters::found(session, meta, exchange))
    }

    async fn proxy_upstream_filter(&self, session: &mut Session, exchange: &mut Self::CTX) -> Result<bool> {
        if filters::may_ask(session, exchange) {
            return Ok(true);
        }
        caching::refuse(session, exchange).await.map(|()| false)
    }

    async fn upstream_response_filter(
        &self,
        _session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Self::CTX,
    ) -> Result<()> {
        filters::answered(response, exchange);
        Ok(())
    }

    fn response_cache_filter(
        &self,
        session: &Session,
        response: &ResponseHeader,
        exchange: &mut Self::CTX,
    ) -> Result<RespCacheable> {
        let kept = keeping::keep(&self.cache, session, response, exchange)?;
        Ok(self.posted(session, response, exchange, kept))
    }

    fn cache_not_modified_filter(
        &self,
        session: &Session,
        response: &ResponseHeader,
        _exchange: &mut Self::CTX,
    ) -> Result<bool> {
        Ok(filters::is_known(session, response))
    }

    fn should_serve_stale(&self, session: &mut Session, exchange: &mut Self::CTX, error: Option<&Error>) -> bool {
        filters::serves_stale(session, exchange, error)
    }

    async fn upstream_peer(&self, session: &mut Session, exchange: &mut Self::CTX) -> Result<Box<HttpPeer>> {
        asking::next_peer(session, exchange)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        out: &mut RequestHeader,
        exchange: &mut Self::CTX,
    ) -> Result<()> {
        asking::rewritten(out, session.req_header().version, exchange)?;
        filters::ask(out, exchange)
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        exchange: &mut Self::CTX,
    ) -> Result<()> {
        // Pingora 0.9.1 ends a chunked body twice when HTTP/2 ends it with an empty frame (cloudflare/pingora#935).
        if end_of_stream && body.as_ref().is_some_and(Bytes::is_empty) {
            *body = None;
        }
        // Where there is no piece, there was no body, or all of it was let through.
        let Some(chunk) = body else { return Ok(()) };
        exchange.attempts.check_body()?;
        exchange.body += chunk.len() as u64;
        if exchange.permit().is_none_or(|permit| exchange.body > permit.max_body()) {
            exchange.failure = Some(Denial::BodyTooLarge);
            return Err(Error::explain(ErrorType::HTTPStatus(413), "request body too large").into_down());
        }
        charging::charge(&self.counts, exchange, chunk.len())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Self::CTX,
    ) -> Result<()> {
        self.respond(session, response, exchange)
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        exchange: &mut Self::CTX,
    ) -> Result<Option<Duration>> {
        charging::pass(&self.counts, exchange, body, end_of_stream).map(|()| None)
    }

    fn upstream_response_body_filter(
        &self,
        _session: &mut Session,
        _body: &mut Option<Bytes>,
        _end_of_stream: bool,
        exchange: &mut Self::CTX,
    ) -> Result<Option<Duration>> {
        exchange.attempts.check_deadline().map(|()| None)
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        exchange: &mut Self::CTX,
        e: Box<Error>,
    ) -> Box<Error> {
        observe::failure(exchange, &e);
        exchange.attempts.connect_failed(e)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        e: Box<Error>,
        exchange: &mut Self::CTX,
        reused: bool,
    ) -> Box<Error> {
        let e = upstream::attribute(session.as_downstream_mut(), e);
        observe::failure(exchange, &e);
        exchange.attempts.broke(session, e, reused)
    }

    async fn fail_to_proxy(&self, session: &mut Session, e: &Error, exchange: &mut Self::CTX) -> FailToProxy {
        FailToProxy {
            error_code: failure::answer(session, e, exchange, &self.refusals).await,
            can_reuse_downstream: false,
        }
    }

    async fn logging(&self, session: &mut Session, _e: Option<&Error>, exchange: &mut Self::CTX) {
        if session.cache.lock_duration().is_some() {
            self.cache.waited();
        }
        if !caching::is_own_request(session) {
            observe::record(&self.telemetry, session, exchange);
        }
        exchange.in_flight = None;
        exchange.spent.hold = Hold::default();
        deadline::between_requests(session);
    }

    /// Failures are in the access log and the metrics; a line for each would let callers and backends fill the disk.
    fn suppress_error_log(&self, _session: &Session, _exchange: &Self::CTX, _error: &Error) -> bool {
        true
    }

    /// Leaves the query out: it may carry credentials.
    fn request_summary(&self, session: &Session, exchange: &Self::CTX) -> String {
        format!(
            "{} {} {}",
            exchange.id(),
            session.req_header().method,
            session.req_header().uri.path()
        )
    }
}
