//! What Pingora's cache state machine is told about one exchange: each function is one callback's.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, StatusCode, Version};
use pingora_cache::key::HashBinary;
use pingora_cache::{CacheKey, CacheMeta, CachePhase, ForcedFreshness, NoCacheReason};
use pingora_core::protocols::http::conditional_filter::not_modified_filter;
use pingora_error::{Error, ErrorSource, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use super::begin::begin;
use super::cached::{Cached, Outcome};
use super::directives::{Directives, SURROGATE_CONTROL};
use super::opened::{Cache, patience};
use super::reuse::{Entry, Use, is_unmodified, judge};
use super::status::{self, Cause, member};
use super::storage::Shelving;
use super::{fields, variance};
use crate::exchange::Exchange;
use crate::snapshot::Shelf;

/// Enables the cache for a request that may be answered from it.
pub fn enable(cache: &Cache, session: &mut Session, exchange: &mut Exchange) {
    let cached = exchange.cached.take().or_else(|| begin(cache, session, exchange));
    let Some(mut cached) = cached else { return };
    let (Some(policy), Some(key), false) = (exchange.cache_policy(), &cached.key, cached.demand.no_store) else {
        exchange.cached = Some(cached);
        return;
    };
    let opened = cache.open();
    cached.stamp = opened.doors.store().stamp();
    if cached.is_posted {
        session.cache.enable(opened.doors.unread(), None, None, None, None);
        session.ignore_downstream_range = true;
    } else {
        let (storage, lock) = (opened.doors.storage(key.primary_key()), Some(opened.lock));
        let cache = &mut session.cache;
        cache.enable(storage, None, Some(opened.predictor), lock, Some(patience()));
    }
    // What the store refuses anyway is to be remembered as too large, so that nobody waits for it.
    let most = usize::try_from(policy.caching.max_body.0.min(cache.most())).unwrap_or(usize::MAX);
    session.cache.set_max_file_size_bytes(most);
    exchange.cached = Some(cached);
}

/// Hands out the key.
///
/// # Errors
///
/// Returns an error where there is none, so that the cache is turned off.
pub fn take_key(exchange: &mut Exchange) -> Result<CacheKey> {
    let shelf = exchange.cache_policy().and_then(|policy| policy.shelf);
    match exchange.cached.as_mut().and_then(|cached| cached.key.take()) {
        Some(mut key) => {
            if let Some(Shelf { mark, most }) = shelf {
                key.extensions.insert(Shelving { mark, most });
            }
            Ok(key)
        }
        None => Err(Error::explain(ErrorType::InternalError, "no cache was asked for")),
    }
}

/// Tells the variants of a response apart.
pub fn variance_of(
    (response, is_variant): (&HeaderMap, bool),
    exchange: &Exchange,
    request: &RequestHeader,
) -> Option<HashBinary> {
    let cached = exchange.cached.as_deref();
    let owner = cached.and_then(|cached| cached.owner.as_deref());
    let owner = owner.filter(|_| !Directives::of_response(response).public);
    // Pingora takes an entry without variants for everybody's, but one that was stored as a variant may have become
    // one by a validation only: it stays whose it is.
    variance::variance(response, &request.headers, owner).or_else(|| is_variant.then(variance::no_variance).flatten())
}

/// Decides whether what was found is used.
pub fn found(session: &mut Session, meta: &CacheMeta, exchange: &mut Exchange) -> Option<ForcedFreshness> {
    let cached = exchange.cached.as_deref_mut()?;
    let entry = Entry {
        made: meta.epoch(),
        fresh_until: meta.fresh_until(),
        headers: meta.headers(),
    };
    let is_part = meta.response_header().status == StatusCode::PARTIAL_CONTENT;
    if is_part != cached.part.is_some() {
        // No key leads here; but a part is never to be taken for the whole.
        return Some(ForcedFreshness::ForceMiss);
    }
    if entry.fresh_until < entry.made && session.cache.phase() == CachePhase::CacheKey {
        // Each request asks the origin for itself: none may wait for another one's answer.
        session.cache.set_cache_lock(None, None);
    }
    let verdict = judge(entry, &cached.demand, SystemTime::now());
    cached.is_declined = verdict == Use::Ask;
    match verdict {
        Use::AsItIs => Some(ForcedFreshness::ForceFresh),
        Use::Ask => Some(ForcedFreshness::ForceExpired),
        Use::Usual => None,
    }
}

/// Tells whether a caller already has what is kept.
pub fn is_known(session: &Session, response: &ResponseHeader) -> bool {
    let request = session.req_header();
    let is_unmodified = || response.status == StatusCode::OK && is_unmodified(&request.headers, &response.headers);
    not_modified_filter(request, response) || is_unmodified()
}

/// Tells whether the origin may be asked.
pub fn may_ask(session: &Session, exchange: &Exchange) -> bool {
    let only_kept = exchange
        .cached
        .as_deref()
        .is_some_and(|cached| cached.demand.only_if_cached);
    !only_kept || session.as_downstream().as_subrequest().is_some()
}

/// Takes out of a request what could shape a response that others get, and is in no key; from now on the origin's time
/// counts.
///
/// # Errors
///
/// Returns an error where a field that was made here is not a valid one, which no input should achieve.
pub fn ask(out: &mut RequestHeader, exchange: &mut Exchange) -> Result<()> {
    let Some(mut cached) = exchange.cached.take() else {
        return Ok(());
    };
    cached.asked = SystemTime::now();
    if let Some(range) = &cached.part {
        range.ask(out)?;
    }
    let policy = exchange.cache_policy();
    let held = policy.map(|policy| fields::hold(out, &policy.caching, &cached.demand, &exchange.origin));
    exchange.cached = Some(cached);
    held.unwrap_or(Ok(()))
}

/// Takes note of an answer of the origin.
pub fn answered(response: &ResponseHeader, exchange: &mut Exchange) {
    let Some(cached) = exchange
        .cached
        .as_deref_mut()
        .filter(|_| !response.status.is_informational())
    else {
        return;
    };
    cached.status = Some(response.status);
    if response.status == StatusCode::NOT_MODIFIED {
        cached.validated = Some(Box::new(response.headers.clone()));
    }
    exchange.attempts.answered(response);
}

/// Tells whether what is stale is used: while it is asked for again, or where the origin failed.
pub fn serves_stale(session: &Session, exchange: &mut Exchange, error: Option<&Error>) -> bool {
    let Some(error) = error else {
        // Pingora (0.9.1) asks again by a request of HTTP/1, which it cannot make of another one.
        return session.req_header().version != Version::HTTP_2;
    };
    if let ErrorType::HTTPStatus(status) = error.etype
        && let Ok(head) = ResponseHeader::build(status, None)
    {
        answered(&head, exchange);
    }
    error.esource == ErrorSource::Upstream
}

/// Tells whether an answer comes from what is kept.
pub fn is_from_cache(session: &Session, exchange: &Exchange) -> bool {
    let is_hit = exchange.cached.as_deref().is_some_and(|cached| cached.hit.is_some());
    is_hit
        || matches!(
            session.cache.phase(),
            CachePhase::Hit
                | CachePhase::Revalidated
                | CachePhase::RevalidatedNoCache(_)
                | CachePhase::Stale
                | CachePhase::StaleUpdating
        )
}

/// Says in an answer what the cache did, and takes out what was meant for it.
///
/// # Errors
///
/// Returns an error where a field that was made here is not a valid one, which no input should achieve.
pub fn tell(session: &Session, response: &mut ResponseHeader, exchange: &mut Exchange) -> Result<()> {
    let Some(cached) = exchange.cached.as_deref_mut() else {
        return Ok(());
    };
    cached.outcome = match cached.hit {
        Some(_) => Outcome::Hit,
        None if cached.is_posted && session.cache.phase() != CachePhase::Miss => Outcome::Bypass,
        None => outcome(session.cache.phase()),
    };
    let fresh_until = || session.cache.maybe_cache_meta().map(CacheMeta::fresh_until);
    let part = status::Part {
        outcome: cached.outcome,
        cause: cause(session.cache.phase(), cached),
        forwarded: cached.status.map(|status| status.as_u16()),
        collapsed: session.cache.lock_duration().is_some(),
        ttl: cached.hit.or_else(fresh_until).map(left),
        reason: cached.reason,
    };
    for name in [SURROGATE_KEY, SURROGATE_CONTROL, CACHE_TAG] {
        response.remove_header(&name);
    }
    response.append_header(CACHE_STATUS, member(&part))?;
    Ok(())
}

/// Tells how many seconds there are until a time; fewer than none after it.
fn left(until: SystemTime) -> i64 {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match until.duration_since(SystemTime::now()) {
        Ok(left) => seconds(left),
        Err(past) => -seconds(past.duration()) - 1,
    }
}

fn cause(phase: CachePhase, cached: &Cached) -> Cause {
    match phase {
        _ if cached.is_declined => Cause::Request,
        _ if cached.is_posted => Cause::Method,
        CachePhase::Expired | CachePhase::Revalidated | CachePhase::RevalidatedNoCache(_) => Cause::Stale,
        CachePhase::Disabled(NoCacheReason::NeverEnabled) | CachePhase::Bypass => Cause::Bypass,
        CachePhase::Hit
        | CachePhase::Miss
        | CachePhase::Stale
        | CachePhase::StaleUpdating
        | CachePhase::Disabled(_)
        | CachePhase::Uninit
        | CachePhase::CacheKey => Cause::Miss,
    }
}

fn outcome(phase: CachePhase) -> Outcome {
    match phase {
        CachePhase::Hit => Outcome::Hit,
        CachePhase::Stale | CachePhase::StaleUpdating => Outcome::Stale,
        CachePhase::Revalidated | CachePhase::RevalidatedNoCache(_) => Outcome::Revalidated,
        CachePhase::Miss | CachePhase::Expired => Outcome::Stored,
        CachePhase::Disabled(NoCacheReason::NeverEnabled) | CachePhase::Bypass => Outcome::Bypass,
        CachePhase::Disabled(_) | CachePhase::Uninit | CachePhase::CacheKey => Outcome::Miss,
    }
}

pub(super) const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");
pub(super) const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
