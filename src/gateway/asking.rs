//! What goes to an endpoint: to which one, and as which request.

use std::sync::Arc;
use std::time::Instant;

use http::Version;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorType, Result};
use pingora_http::RequestHeader;
use pingora_proxy::Session;

use crate::exchange::Exchange;
use crate::rewrite;
use crate::upstream::Call;

/// Chooses the endpoint that is asked next, and returns how to connect to it.
pub(super) fn next_peer(session: &Session, exchange: &mut Exchange) -> Result<Box<HttpPeer>> {
    choose(session, exchange)?;
    peer(exchange)
}

/// Returns how to connect to the endpoint that was chosen.
pub(super) fn peer(exchange: &Exchange) -> Result<Box<HttpPeer>> {
    exchange.attempts.peer().ok_or_else(unadmitted)
}

/// Chooses the endpoint that is asked next.
pub(super) fn choose(session: &Session, exchange: &mut Exchange) -> Result<()> {
    exchange.called.get_or_insert_with(Instant::now);
    let backend = exchange.backend().map(Arc::clone);
    let backend = backend.ok_or_else(unadmitted)?;
    let call = Call {
        client: exchange.origin.client,
        headers: &session.req_header().headers,
    };
    Ok(exchange.attempts.choose(&backend, call)?)
}

/// Makes the request that goes out, with what the backend is told of the caller.
pub(super) fn rewritten(out: &mut RequestHeader, came_by: Version, exchange: &Exchange) -> Result<()> {
    let (Some(permit), Some(endpoint)) = (exchange.permit(), exchange.attempts.endpoint()) else {
        return Err(unadmitted());
    };
    rewrite::request(out, came_by, exchange, permit, endpoint)?;
    match &exchange.assertion {
        Some(assertion) => out.insert_header(&exchange.served.snapshot.fields().assertion, assertion),
        None => Ok(()),
    }
}

/// What no request meets: it was not admitted, or no endpoint was chosen for it.
fn unadmitted() -> Box<Error> {
    Error::explain(ErrorType::InternalError, "no permit, or no endpoint")
}
