//! What an exchange leaves behind, read from it and from Pingora's session when it is over.

use std::time::{Duration, SystemTime};

use http::header::{HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, StatusCode};
use pingora_core::protocols::http::ServerSession;
use pingora_error::Error;
use pingora_http::RequestHeader;
use pingora_proxy::Session;

use super::record::{Answer, Asked, By, Called, Identity, Record, Routed};
use super::{Telemetry, quotas};
use crate::credential::Flaw;
use crate::denial::Denial;
use crate::exchange::Exchange;
use crate::forwarding::Origin;
use crate::stages::Permit;
use crate::upstream::classify;

/// Counts and logs an exchange; called once for each, refusals included.
pub fn record(telemetry: &Telemetry, session: &Session, exchange: &Exchange) {
    quotas::count(exchange);
    let duration = exchange.arrived.elapsed();
    let route = exchange.meter().map(|meter| Routed {
        names: meter.names(),
        template: exchange.route().map_or("", |route| &route.template),
        by_default: exchange.permit().is_some_and(Permit::by_default),
    });
    let record = Record {
        at: exchange.at,
        id: exchange.id(),
        by: By::Gateway(exchange.served.snapshot.revision()),
        asked: asked(
            session.req_header(),
            &exchange.origin,
            exchange
                .tunnelled
                .map_or(session.body_bytes_read() as u64, |ended| ended.to_backend.bytes),
        ),
        route,
        identity: exchange.permit().and_then(Permit::caller).map(|caller| Identity {
            application: caller.application.as_ref().map(|application| application.name.as_str()),
            client: &caller.client,
            subject: &caller.subject,
        }),
        upstream: exchange.called.map(|called| Called {
            endpoint: exchange.attempts.address(),
            attempts: exchange.attempts.tries(),
            duration: exchange.answered.map(|answered| answered.duration_since(called)),
        }),
        answer: Answer {
            status: session
                .response_written()
                .map_or(0, |response| response.status.as_u16()),
            code: exchange.denial().map(|denial| denial.fault().code),
            reason: exchange.denial().map(|denial| denial.name()),
            flaw: exchange.flaw().map(Flaw::name),
            cache: exchange.cached.as_deref().map(|cached| cached.outcome),
            bytes: exchange
                .tunnelled
                .map_or(session.body_bytes_sent() as u64, |ended| ended.to_client.bytes),
            duration,
        },
    };
    telemetry.record(&record, exchange.meter());
}

/// A request that was answered beside the traffic, as far as its session does not know it.
#[derive(Debug)]
pub struct Answered<'a> {
    /// When its header had been read.
    pub at: SystemTime,
    /// From then until there was an answer.
    pub duration: Duration,
    /// What callers and logs know it by.
    pub id: &'a HeaderValue,
    /// Where it came from.
    pub origin: Origin,
    /// Why no router answered it, where none did.
    pub denial: Option<Denial>,
    /// The status of the answer.
    pub status: StatusCode,
    /// The length of its body.
    pub bytes: u64,
}

/// Logs what the admin listener answered. It is not counted: it is no traffic.
pub fn by_admin(telemetry: &Telemetry, session: &ServerSession, answered: &Answered<'_>) {
    let denial = answered.denial;
    telemetry.log(&Record {
        at: answered.at,
        id: answered.id.to_str().unwrap_or_default(),
        by: By::Admin,
        asked: asked(session.req_header(), &answered.origin, session.body_bytes_read() as u64),
        route: None,
        identity: None,
        upstream: None,
        answer: Answer {
            status: answered.status.as_u16(),
            code: denial.map(|denial| denial.fault().code),
            reason: denial.map(|denial| denial.name()),
            flaw: None,
            cache: None,
            bytes: answered.bytes,
            duration: answered.duration,
        },
    });
}

fn asked<'a>(request: &'a RequestHeader, origin: &Origin, bytes: u64) -> Asked<'a> {
    let field = |name| request.headers.get(name).map(HeaderValue::as_bytes);
    let authority = request.uri.authority().map(|authority| authority.as_str().as_bytes());
    Asked {
        client: origin.client,
        scheme: origin.scheme.as_str(),
        protocol: request.version,
        method: request.method.as_str(),
        host: authority.or_else(|| field(HOST)).unwrap_or_default(),
        path: request
            .raw_path()
            .split(|&byte| byte == b'?')
            .next()
            .unwrap_or_default(),
        user_agent: field(USER_AGENT).unwrap_or_default(),
        trace: request
            .headers
            .get(TRACEPARENT)
            .and_then(|value| trace_id(value.to_str().ok()?)),
        bytes,
    }
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Cuts the trace id out of a `traceparent` (W3C Trace Context, 3.2.2).
fn trace_id(traceparent: &str) -> Option<&str> {
    let id = traceparent.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// Counts an attempt that failed, whether or not another one answers after it.
pub fn failure(exchange: &Exchange, e: &Error) {
    let Some(failure) = classify(e) else { return };
    if let Some(meter) = exchange.meter() {
        meter.upstream_failed(failure);
    }
}
