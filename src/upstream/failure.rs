//! What went wrong between us and an endpoint, said in a few words.
//!
//! Which status and which body a failure becomes is decided by whoever answers the caller.

use http::StatusCode;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::client::PING_TIMEDOUT;
use pingora_error::{Error, ErrorSource, ErrorType};
use pingora_http::ResponseHeader;

/// Why no endpoint answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure {
    /// None was fit to be tried.
    NoEndpoint,
    /// None has an address: their names lead nowhere.
    Unresolved,
    /// No connection came about: refused, unreachable, or not whom we expected.
    ConnectFailed,
    /// No connection came about in time.
    ConnectTimedOut,
    /// A connection came about, the answer did not, or not to its end, in time.
    TimedOut,
    /// The connection broke, or what came over it was not HTTP.
    Broken,
}

/// Why no endpoint of a backend is fit to be tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoEndpoint {
    /// Each is set aside, found broken, or has no address.
    #[error("no endpoint is fit to be tried")]
    SetAside,
    /// None has an address.
    #[error("no endpoint's name could be resolved")]
    Unresolved,
}

/// A call that took too long as a whole, although nothing in it stood still.
pub(super) const LATE: ErrorType = ErrorType::Custom("Late");

const NO_ENDPOINT: &str = "NoEndpoint";
const UNRESOLVED: &str = "Unresolved";

impl From<NoEndpoint> for Box<Error> {
    fn from(cause: NoEndpoint) -> Self {
        let kind = match cause {
            NoEndpoint::SetAside => NO_ENDPOINT,
            NoEndpoint::Unresolved => UNRESOLVED,
        };
        Error::because(ErrorType::Custom(kind), "choosing an endpoint", cause).into_up()
    }
}

/// Says what an error tells about the endpoint; nothing when it is the caller's doing or our own.
pub fn classify(error: &Error) -> Option<Failure> {
    if error.esource != ErrorSource::Upstream {
        return None;
    }
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever is not known to be the endpoint's doing is not"
    )]
    match error.etype {
        ErrorType::Custom(NO_ENDPOINT) => Some(Failure::NoEndpoint),
        ErrorType::Custom(UNRESOLVED) => Some(Failure::Unresolved),
        PING_TIMEDOUT | LATE => Some(Failure::TimedOut),
        ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout => Some(Failure::ConnectTimedOut),
        ErrorType::ConnectRefused
        | ErrorType::ConnectNoRoute
        | ErrorType::ConnectError
        | ErrorType::ConnectProxyFailure
        | ErrorType::TLSWantX509Lookup
        | ErrorType::TLSHandshakeFailure
        | ErrorType::HandshakeError
        | ErrorType::InvalidCert => Some(Failure::ConnectFailed),
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => Some(Failure::TimedOut),
        ErrorType::ReadError
        | ErrorType::WriteError
        | ErrorType::ConnectionClosed
        | ErrorType::InvalidHTTPHeader
        | ErrorType::H1Error
        | ErrorType::H2Error
        | ErrorType::H2Downgrade
        | ErrorType::InvalidH2 => Some(Failure::Broken),
        _ => None,
    }
}

/// Refuses an upgrade that no request asked for: what an endpoint sends after it is not HTTP.
///
/// # Errors
///
/// What came is not the answer to the request.
pub fn check_answer(head: &ResponseHeader) -> Result<(), Box<Error>> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::explain(ErrorType::InvalidHTTPHeader, "an upgrade that was not asked for").into_up());
    }
    Ok(())
}

/// Takes silence for the caller's doing while the caller still owes a part of its body: an endpoint need not answer
/// before it has all of it, and callers must not be able to set an endpoint aside for everyone.
pub fn attribute(session: &mut ServerSession, mut error: Box<Error>) -> Box<Error> {
    let is_silence = error.esource == ErrorSource::Upstream && error.etype == ErrorType::ReadTimedout;
    if is_silence && session.response_written().is_none() && !session.is_body_done() {
        error.as_down();
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_endpoint_did_is_a_failure_of_it() {
        assert_eq!(
            classify(&Error::new_up(ErrorType::ConnectRefused)),
            Some(Failure::ConnectFailed)
        );
        assert_eq!(
            classify(&Error::new_up(ErrorType::ReadTimedout)),
            Some(Failure::TimedOut)
        );
        assert_eq!(
            classify(&Error::new_up(ErrorType::InvalidHTTPHeader)),
            Some(Failure::Broken)
        );
        assert_eq!(classify(&Error::new_down(ErrorType::ReadTimedout)), None);
        assert_eq!(classify(&Error::new_in(ErrorType::ConnectRefused)), None);
        assert_eq!(classify(&Error::new_up(ErrorType::InternalError)), None);
    }

    #[test]
    fn no_endpoint_survives_the_way_through_pingora() {
        for (cause, failure) in [
            (NoEndpoint::SetAside, Failure::NoEndpoint),
            (NoEndpoint::Unresolved, Failure::Unresolved),
        ] {
            let error: Box<Error> = cause.into();
            assert!(!error.retry());
            assert_eq!(classify(&error), Some(failure));
            assert_eq!(classify(&error.more_context("peer")), Some(failure));
        }
    }
}
