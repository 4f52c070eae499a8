//! What the response cache makes of an exchange beside its own filters: requests that the gateway makes for itself, the
//! answer to who wants no other than what is kept, and what unsafe requests make worthless.

use pingora_cache::{NoCacheReason, RespCacheable};
use pingora_error::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::Gateway;
use crate::admission::Purpose;
use crate::cache::invalidation::{Mounted, is_due, is_of_itself, named};
use crate::cache::posted;
use crate::cache::purge::forget;
use crate::cache::storage::Kind;
use crate::denial::Denial;
use crate::exchange::{Exchange, Verdict};
use crate::quota::Moment;
use crate::snapshot::VersionId;
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

/// Where a request was sent.
struct Sent<'a> {
    to: Mounted<'a>,
    /// The path below the context, and the query.
    own: (String, String),
    id: VersionId,
}

impl Gateway {
    /// Forgets what a successful unsafe request makes worthless (RFC 9111, 4.4), where that has not been done; returns how
    /// many purges that were.
    pub(super) fn invalidate(&self, session: &Session, response: &ResponseHeader, exchange: &Exchange) -> usize {
        let is_cached = exchange.version().is_some_and(|version| version.is_cached);
        let is_done = exchange.cached.as_deref().is_some_and(|cached| cached.has_forgotten);
        if !is_cached || is_done || !is_due(&session.req_header().method, response.status) {
            return 0;
        }
        let Some(sent) = sent(session, exchange) else { return 0 };
        let named = named(&response.headers, sent.to);
        let mut purges = 0;
        for (path, query) in named.iter().chain([&sent.own]) {
            let to = (&exchange.served.snapshot, Kind::Hard);
            purges += usize::from(forget(&self.cache, sent.id, (path, query), to));
        }
        purges
    }

    /// Has the answer to a POST kept where it is what GET would get, once what the POST changed is forgotten.
    pub(super) fn posted(
        &self,
        session: &Session,
        response: &ResponseHeader,
        exchange: &mut Exchange,
        kept: RespCacheable,
    ) -> RespCacheable {
        let cached = exchange.cached.as_deref().filter(|cached| cached.is_posted);
        let Some(cached) = cached else { return kept };
        let RespCacheable::Cacheable(mut meta) = kept else {
            return kept;
        };
        let before = posted::moment(&self.cache);
        let is_of_itself =
            || sent(session, exchange).is_some_and(|sent| is_of_itself(&response.headers, sent.to, &sent.own));
        if !posted::is_kept(&self.cache, session, cached, &meta) || !is_of_itself() {
            return RespCacheable::Uncacheable(NoCacheReason::Custom("post"));
        }
        let own = self.invalidate(session, response, exchange);
        if let Some(cached) = exchange.cached.as_deref_mut() {
            cached.has_forgotten = true;
        }
        if posted::renew(&self.cache, &mut meta, (before, own)) {
            RespCacheable::Cacheable(meta)
        } else {
            RespCacheable::Uncacheable(NoCacheReason::Custom("purged"))
        }
    }
}

/// Tells where a request was sent.
fn sent<'a>(session: &'a Session, exchange: &'a Exchange) -> Option<Sent<'a>> {
    let request = session.req_header();
    let Verdict::Permitted(permit) = &exchange.verdict else {
        return None;
    };
    let version = exchange.served.snapshot.version(permit.version());
    let query = rewrite::query_sent(request.raw_path(), permit, &version.security);
    let query = String::from_utf8_lossy(&query);
    let called = request.uri.path().strip_suffix(permit.path());
    let endpoint = exchange.attempts.endpoint();
    let to = Mounted {
        host: head::host(&request.headers, &request.uri, request.version).unwrap_or_default(),
        endpoint: endpoint.and_then(|endpoint| endpoint.host.to_str().ok()),
        contexts: [called.unwrap_or(&version.context), &version.context],
        base: endpoint.map_or("", |endpoint| &endpoint.base),
        path: permit.path(),
    };
    let own = (
        permit.path().to_owned(),
        query.strip_prefix('?').unwrap_or(&query).to_owned(),
    );
    Some(Sent {
        to,
        own,
        id: permit.version(),
    })
}
