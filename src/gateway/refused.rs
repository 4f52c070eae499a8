//! What is remembered of a refusal, so that it can be explained by its request id.

use http::header::HOST;
use pingora_proxy::Session;

use crate::denial::Denial;
use crate::exchange::Exchange;
use crate::explain::refusals::{Refusals, Sketch};

/// Remembers a refusal, before the caller is told: whoever asks with the id from the answer finds it.
pub(super) fn remember(refusals: &Refusals, session: &Session, exchange: &Exchange, denial: Denial) {
    if refusals.keeps_nothing() {
        return;
    }
    let request = session.req_header();
    let authority = request.uri.authority().map(|authority| authority.as_str().as_bytes());
    let host = || request.headers.get(HOST).map(http::HeaderValue::as_bytes);
    refusals.keep(&Sketch {
        id: exchange.id(),
        at: exchange.at,
        method: request.method.as_str(),
        // Without the query, which may hold credentials.
        path: request
            .raw_path()
            .split(|&byte| byte == b'?')
            .next()
            .unwrap_or_default(),
        host: authority.or_else(host).unwrap_or_default(),
        client: exchange.origin.client,
        denial,
        flaw: exchange.flaw(),
        version: exchange.version(),
        route: exchange.route(),
        rule: exchange.rule(),
        caller: exchange.caller().map(|caller| &**caller),
        snapshot: &exchange.served.snapshot,
    });
}
