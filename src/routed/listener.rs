//! A router on a listener of its own, for those who run the gateway.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use pingora_core::apps::http_app::ServeHttp;
use pingora_core::protocols::http::ServerSession;

use super::{Routed, Visitor, outgoing};
use crate::accept::{deadline, possession};
use crate::denial::Denial;
use crate::exchange::{REQUEST_ID, request_id};
use crate::forwarding::{Origin, Trust, certificate};
use crate::head::Scheme;
use crate::model::api::PathAllowances;
use crate::reply;
use crate::target::Target;
use crate::telemetry::Telemetry;
use crate::telemetry::observe::{self, Answered};

/// A router as an application for a listener of its own.
#[derive(Debug)]
pub struct Listener {
    /// What answers.
    pub routed: Routed,
    /// Whose forwarding fields are believed.
    pub trust: Trust,
    /// The field in which trusted proxies put the caller's certificate, if they do.
    pub vouches: Option<HeaderName>,
    /// Where every request is logged.
    pub telemetry: Arc<Telemetry>,
    /// Whoever takes longer than this to take any of an answer is cut.
    pub write_timeout: Duration,
}

impl Listener {
    async fn answer(&self, session: &mut ServerSession, origin: &Origin) -> Result<Response<Bytes>, Denial> {
        let request = session.req_header();
        let raw = request.raw_path();
        let raw = raw.split(|&byte| byte == b'?').next().unwrap_or_default();
        let target = Target::parse(raw).map_err(Denial::BadTarget)?;
        // Resources have slashes in their names. Nothing behind this listener takes a path apart but its router.
        let encoded_slashes = target.as_str().starts_with("/admin/v1/");
        let allowed = PathAllowances {
            encoded_slashes,
            ..PathAllowances::default()
        };
        target.check(allowed).map_err(Denial::BadTarget)?;
        let path = target.as_str().to_owned();
        let visitor = Visitor {
            client: origin.client,
            scheme: origin.scheme,
            certificate: self.certificate(session, origin),
        };
        self.routed.answer(session, &path, visitor).await
    }

    fn origin(&self, session: &ServerSession) -> Origin {
        let is_tls = session.digest().is_some_and(|digest| digest.ssl_digest.is_some());
        let peer = session.client_addr().and_then(|address| address.as_inet());
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
        let scheme = if is_tls { Scheme::Https } else { Scheme::Http };
        self.trust.origin(peer, scheme, &session.req_header().headers)
    }

    /// Returns the certificate that TLS has proven, or that a trusted proxy vouches for, as the gateway's own listeners
    /// do: where proxies vouch for certificates, their own is not the caller's.
    fn certificate(&self, session: &ServerSession, origin: &Origin) -> Option<Vec<u8>> {
        if let Some(name) = self.vouches.as_ref().filter(|_| origin.is_trusted) {
            return certificate(&session.req_header().headers, name).map(|shown| shown.der().to_vec());
        }
        let shown = session.digest().and_then(possession::shown);
        shown.map(|shown| shown.der().to_vec())
    }
}

#[async_trait]
impl ServeHttp for Listener {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        deadline::header_read(session);
        session.set_read_timeout(Some(self.routed.patience));
        session.set_write_timeout(Some(self.write_timeout));
        let (at, arrived) = (SystemTime::now(), Instant::now());
        let id = request_id(&session.req_header().headers, at);
        let method = session.req_header().method.clone();
        let origin = self.origin(session);
        let answered = self.answer(session, &origin).await;
        let denial = answered.as_ref().err().copied();
        if !session.is_body_done() {
            // Nobody reads what is left of it.
            session.set_keepalive(None);
        }
        let answer = answered.unwrap_or_else(|denial| refusal(session, &id, denial));
        let sent = outgoing(answer, &method, &id);
        deadline::between_requests(session);
        let response = match sent {
            Ok((header, body)) => {
                let mut response = Response::new(body.map_or_else(Vec::new, |body| body.to_vec()));
                *response.status_mut() = header.status;
                response.headers_mut().clone_from(&header.headers);
                response
            }
            Err(_) => broken(&method),
        };
        let answered = Answered {
            at,
            duration: arrived.elapsed(),
            id: &id,
            origin,
            denial,
            status: response.status(),
            bytes: response.body().len() as u64,
        };
        observe::by_admin(&self.telemetry, session, &answered);
        response
    }
}

fn refusal(session: &ServerSession, id: &HeaderValue, denial: Denial) -> Response<Bytes> {
    let fault = denial.fault();
    let (kind, text) = reply::told(&session.req_header().headers, id, fault);
    let length = HeaderValue::from(text.len());
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = fault.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REQUEST_ID, id.clone());
    response
}

fn broken(method: &Method) -> Response<Vec<u8>> {
    let body = if method == Method::HEAD {
        &b""[..]
    } else {
        b"internal error\n"
    };
    let mut response = Response::new(body.to_vec());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    response
}
