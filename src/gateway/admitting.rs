//! What a request is let in with: the stages' decision, the statement about its caller, and the bounds of its connection.

use std::sync::atomic::Ordering;

use http::{HeaderValue, Version};
use pingora_core::protocols::http::ServerSession;
use pingora_error::{Error, ErrorType, Result};
use pingora_proxy::Session;

use super::Gateway;
use super::seen::is_tls;
use crate::accept::possession;
use crate::admission::{Admitted, Means, Purpose, admission};
use crate::credential::{self, Subject};
use crate::exchange::Exchange;
use crate::head::Head;
use crate::stages::recorder::Silent;
use crate::stages::{Refusal, Spent};

impl Gateway {
    /// Admits, or refuses.
    pub(super) async fn admission(
        &self,
        head: &Head<'_>,
        exchange: &Exchange,
        purpose: Purpose,
        spent: &mut Spent,
    ) -> std::result::Result<Admitted, Refusal> {
        let means = Means {
            snapshot: &exchange.served.snapshot,
            limits: &self.limits,
            credentials: &self.credentials,
            counts: (&self.counts, purpose),
            now: credential::at(exchange.at),
        };
        admission(|| *head, means, spent, &mut Silent).await
    }

    /// Makes what the backend is told of the caller, where its version asks for it; without it, nothing is sent there.
    pub(super) async fn assertion(&self, exchange: &Exchange) -> Result<Option<HeaderValue>> {
        let (Some(permit), Some(version)) = (exchange.permit(), exchange.version()) else {
            return Ok(None);
        };
        let Some(caller) = permit.caller().filter(|_| version.security.backend_jwt) else {
            return Ok(None);
        };
        let about = Subject {
            caller,
            version,
            by_default: permit.by_default(),
        };
        match Box::pin(self.credentials.assertion(about, credential::now())).await {
            Some(assertion) => Ok(Some(assertion)),
            None => Err(Error::explain(
                ErrorType::InternalError,
                "no statement about the caller can be signed",
            )),
        }
    }

    /// Tells whether a connection began before anybody wanted a certificate, and somebody does now: the next one can show
    /// it. Of HTTP/2, Pingora ends none before it is idle (0.9.1).
    fn is_unasked(&self, session: &Session, exchange: &Exchange) -> bool {
        let was_asked = session.digest().is_none_or(possession::was_asked);
        is_tls(session)
            && !was_asked
            && (exchange.served.snapshot.takes_certificates() || self.credentials.view().has_certified_clients())
    }

    /// Bounds what Pingora leaves open by default: reads and writes (0.9.1). Silence between requests is the door's.
    pub(super) fn bound_connection(&self, session: &mut Session, exchange: &Exchange) {
        if self.draining.load(Ordering::Relaxed) || self.is_unasked(session, exchange) {
            session.set_keepalive(None);
        }
        session.set_read_timeout(Some(self.timeouts.read));
        session.set_write_timeout(Some(self.timeouts.write));
        session.set_total_drain_timeout(Some(self.timeouts.read));
        let is_old = session.req_header().version == Version::HTTP_10;
        if let (true, ServerSession::H1(session)) = (is_old, session.as_downstream_mut()) {
            // Whoever speaks HTTP/1.0 knows of no answer before the answer (RFC 9110, 15.2).
            session.set_ignore_info_resp(true);
        }
    }
}
