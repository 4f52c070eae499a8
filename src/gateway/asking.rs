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

/// Chooses the endpoint that is asked next.
pub(super) fn next_peer(session: &Session, exchange: &mut Exchange) -> Result<Box<HttpPeer>> {
    exchange.called.get_or_insert_with(Instant::now);
    let backend = exchange.backend().map(Arc::clone);
    let backend = backend.ok_or_else(|| Error::explain(ErrorType::InternalError, "no permit"))?;
    let call = Call {
        client: exchange.origin.client,
        headers: &session.req_header().headers,
    };
    Ok(exchange.attempts.next(&backend, call)?)
}

/// Makes the request that goes out, with what the backend is told of the caller.
pub(super) fn rewritten(out: &mut RequestHeader, came_by: Version, exchange: &Exchange) -> Result<()> {
    let (Some(permit), Some(endpoint)) = (exchange.permit(), exchange.attempts.endpoint()) else {
        return Err(Error::explain(ErrorType::InternalError, "no permit"));
    };
    rewrite::request(out, came_by, exchange, permit, endpoint)?;
    match &exchange.assertion {
        Some(assertion) => out.insert_header(&exchange.served.snapshot.fields().assertion, assertion),
        None => Ok(()),
    }
}
