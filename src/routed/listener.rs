//! A router on a listener of its own, for those who run the gateway.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use pingora_core::apps::http_app::ServeHttp;
use pingora_core::protocols::http::ServerSession;

use super::{Routed, Visitor, outgoing};
use crate::accept::deadline;
use crate::denial::Denial;
use crate::exchange::{REQUEST_ID, request_id};
use crate::forwarding::Trust;
use crate::head::Scheme;
use crate::model::api::PathAllowances;
use crate::reply;
use crate::target::Target;

/// A router as an application for a listener of its own.
#[derive(Debug)]
pub struct Listener {
    routed: Routed,
    trust: Trust,
    write_timeout: Duration,
}

impl Listener {
    /// Serves a router; whoever takes longer than `write_timeout` to take any of an answer is cut.
    pub fn new(routed: Routed, trust: Trust, write_timeout: Duration) -> Self {
        Self {
            routed,
            trust,
            write_timeout,
        }
    }

    async fn answer(&self, session: &mut ServerSession) -> Result<Response<Bytes>, Denial> {
        let request = session.req_header();
        let raw = request.raw_path();
        let raw = raw.split(|&byte| byte == b'?').next().unwrap_or_default();
        let target = Target::parse(raw).map_err(Denial::BadTarget)?;
        target.check(PathAllowances::default()).map_err(Denial::BadTarget)?;
        let path = target.as_str().to_owned();
        let visitor = self.visitor(session);
        self.routed.answer(session, &path, visitor).await
    }

    fn visitor(&self, session: &ServerSession) -> Visitor {
        let is_tls = session.digest().is_some_and(|digest| digest.ssl_digest.is_some());
        let peer = session.client_addr().and_then(|address| address.as_inet());
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
        let scheme = if is_tls { Scheme::Https } else { Scheme::Http };
        let origin = self.trust.origin(peer, scheme, &session.req_header().headers);
        Visitor {
            client: origin.client,
            scheme: origin.scheme,
            certificate: None,
        }
    }
}

#[async_trait]
impl ServeHttp for Listener {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        deadline::header_read(session);
        session.set_read_timeout(Some(self.routed.patience));
        session.set_write_timeout(Some(self.write_timeout));
        let id = request_id(&session.req_header().headers, SystemTime::now());
        let method = session.req_header().method.clone();
        let answered = self.answer(session).await;
        if !session.is_body_done() {
            // Nobody reads what is left of it.
            session.set_keepalive(None);
        }
        let answer = answered.unwrap_or_else(|denial| refusal(session, &id, denial));
        let sent = outgoing(answer, &method, &id);
        deadline::between_requests(session);
        match sent {
            Ok((header, body)) => {
                let mut response = Response::new(body.map_or_else(Vec::new, |body| body.to_vec()));
                *response.status_mut() = header.status;
                response.headers_mut().clone_from(&header.headers);
                response
            }
            Err(_) => broken(&method),
        }
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
