//! What an exchange leaves behind, read from it and from Pingora's session when it is over.

use http::HeaderName;
use http::header::{HOST, USER_AGENT};
use pingora_error::Error;
use pingora_proxy::Session;

use super::Telemetry;
use super::record::{Answer, Asked, Called, Identity, Record, Routed};
use crate::credential::Flaw;
use crate::exchange::Exchange;
use crate::stages::Permit;
use crate::upstream::classify;

/// Counts and logs an exchange; called once for each, refusals included.
pub fn record(telemetry: &Telemetry, session: &Session, exchange: &Exchange) {
    let duration = exchange.arrived.elapsed();
    let route = exchange.meter().map(|meter| Routed {
        names: meter.names(),
        template: exchange.route().map_or("", |route| &route.template),
        by_default: exchange.permit().is_some_and(Permit::by_default),
    });
    let record = Record {
        at: exchange.at,
        id: exchange.id(),
        revision: exchange.served.snapshot.revision(),
        asked: asked(session, exchange),
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
            bytes: exchange
                .tunnelled
                .map_or(session.body_bytes_sent() as u64, |ended| ended.to_client.bytes),
            duration,
        },
    };
    telemetry.record(&record, exchange.meter());
}

fn asked<'a>(session: &'a Session, exchange: &'a Exchange) -> Asked<'a> {
    let request = session.req_header();
    let field = |name| request.headers.get(name).map(http::HeaderValue::as_bytes);
    let authority = request.uri.authority().map(|authority| authority.as_str().as_bytes());
    Asked {
        client: exchange.origin.client,
        scheme: exchange.origin.scheme.as_str(),
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
        bytes: exchange
            .tunnelled
            .map_or(session.body_bytes_read() as u64, |ended| ended.to_backend.bytes),
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
