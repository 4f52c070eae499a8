//! What the response cache makes of an exchange beside its own filters: requests that the gateway makes for itself, the
//! answer to who wants no other than what is kept, and what unsafe requests make worthless.

use pingora_error::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::Gateway;
use crate::admission::Purpose;
use crate::cache::invalidation::{Mounted, is_due, named};
use crate::cache::purge::forget;
use crate::cache::storage::Kind;
use crate::denial::Denial;
use crate::exchange::{Exchange, Verdict};
use crate::quota::Moment;
use crate::{head, reply, rewrite};

/// Tells whether the gateway itself asks: to renew what is kept, after the caller was answered from that.
pub(super) fn is_own_request(session: &Session) -> bool {
    session.as_downstream().as_subrequest().is_some()
}

/// Tells what a request is admitted for: what renews the cache has been counted when its caller came.
pub(super) fn purpose(session: &Session, arrived: Moment) -> Purpose {
    if is_own_request(session) {
        Purpose::Waive
    } else {
        Purpose::Spend(arrived)
    }
}

/// Answers who wants no other than what is kept (RFC 9111, 5.2.1.7).
pub(super) async fn refuse(session: &mut Session, exchange: &mut Exchange) -> Result<()> {
    exchange.failure = Some(Denial::NotCached);
    reply::refuse(session, exchange, Denial::NotCached).await
}

impl Gateway {
    /// Forgets what a successful unsafe request makes worthless (RFC 9111, 4.4).
    pub(super) fn invalidate(&self, session: &Session, response: &ResponseHeader, exchange: &Exchange) {
        let request = session.req_header();
        let is_cached = exchange.version().is_some_and(|version| version.is_cached);
        if !is_cached || !is_due(&request.method, response.status) {
            return;
        }
        let Verdict::Permitted(permit) = &exchange.verdict else {
            return;
        };
        let version = exchange.served.snapshot.version(permit.version());
        let raw = request.raw_path();
        let query = rewrite::query_sent(raw, permit, &version.security);
        let query = String::from_utf8_lossy(&query);
        let own = (
            permit.path().to_owned(),
            query.strip_prefix('?').unwrap_or(&query).to_owned(),
        );
        let called = request.uri.path().strip_suffix(permit.path());
        let endpoint = exchange.attempts.endpoint();
        let mounted = Mounted {
            host: head::host(&request.headers, &request.uri, request.version).unwrap_or_default(),
            endpoint: endpoint.and_then(|endpoint| endpoint.host.to_str().ok()),
            contexts: [called.unwrap_or(&version.context), &version.context],
            base: endpoint.map_or("", |endpoint| &endpoint.base),
            path: permit.path(),
        };
        for (path, query) in named(&response.headers, mounted).iter().chain([&own]) {
            let to = (&exchange.served.snapshot, Kind::Hard);
            forget(&self.cache, permit.version(), (path, query), to);
        }
    }
}
