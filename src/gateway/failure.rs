//! What a failure after admission means for the caller, in the same shape as a refusal.

use pingora_error::{Error, ErrorSource, ErrorType};
use pingora_proxy::Session;

use super::refused;
use crate::denial::Denial;
use crate::exchange::Exchange;
use crate::explain::refusals::Refusals;
use crate::reply;
use crate::upstream::{Failure, classify};

/// Answers a caller whose exchange failed, where it is still there and has seen nothing of a response, and returns the
/// status that logs are to know.
pub(super) async fn answer(session: &mut Session, e: &Error, exchange: &mut Exchange, refusals: &Refusals) -> u16 {
    exchange.failure = exchange.failure.or_else(|| denial(e));
    let Some(denial) = exchange.failure else {
        return CLIENT_GONE;
    };
    if denial.fault().status.is_client_error() {
        refused::remember(refusals, session, exchange, denial);
    }
    if session.response_written().is_none() {
        // The request may be half read, so the connection cannot be trusted with another one.
        session.set_keepalive(None);
        if let Err(e) = reply::refuse(session, exchange, denial).await {
            tracing::debug!(error = %e, "the caller went away before it was answered");
        }
    }
    denial.fault().status.as_u16()
}

/// The status that logs know a vanished caller by; nothing with it is ever sent.
const CLIENT_GONE: u16 = 499;

/// How Pingora names a body in chunks that is none (0.9.1).
const MALFORMED: [&str; 2] = ["InvalidChunk", "InvalidTrailerEnd"];

/// Tells what a failure means for the caller; `None` where the caller is gone.
fn denial(e: &Error) -> Option<Denial> {
    match classify(e) {
        Some(Failure::NoEndpoint) => Some(Denial::BackendSuspended),
        Some(Failure::Unresolved) => Some(Denial::BackendUnresolved),
        Some(Failure::ConnectFailed) => Some(Denial::BackendUnreachable),
        Some(Failure::ConnectTimedOut) => Some(Denial::BackendConnectTimeout),
        Some(Failure::TimedOut) => Some(Denial::BackendTimeout),
        Some(Failure::Broken) => Some(Denial::BackendBroken),
        None => match (e.esource(), e.etype()) {
            (ErrorSource::Downstream, ErrorType::ReadTimedout) => Some(Denial::BodyTimeout),
            (ErrorSource::Downstream, kind) if MALFORMED.contains(&kind.as_str()) => Some(Denial::MalformedBody),
            (ErrorSource::Downstream, _) => None,
            _ => Some(Denial::Internal),
        },
    }
}
