//! What Pingora's cache state machine is told about one exchange: each function is one callback's.

use std::time::{Duration, SystemTime};

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, StatusCode};
use pingora_cache::key::HashBinary;
use pingora_cache::{CacheKey, CacheMeta, CachePhase, ForcedFreshness, NoCacheReason};
use pingora_error::{Error, ErrorSource, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use super::cached::{Cached, Outcome};
use super::directives::{Demand, Directives};
use super::key::{self, Asked};
use super::opened::{Cache, patience};
use super::reuse::{Entry, Use, judge};
use super::status::{Part, member};
use crate::exchange::Exchange;
use crate::head;
use crate::model::caching::Obeyed;
use crate::model::method::MethodName;
use crate::rewrite;
use crate::snapshot::CachePolicy;

/// Enables the cache for a request that may be answered from it.
pub fn enable(cache: &Cache, session: &mut Session, exchange: &mut Exchange) {
    let Some(mut cached) = begin(session, exchange) else {
        return;
    };
    let Some(policy) = exchange.cache_policy().filter(|_| !cached.demand.no_store) else {
        exchange.cached = Some(cached);
        return;
    };
    let opened = cache.open();
    cached.stamp = opened.doors.store().stamp();
    let storage = opened.doors.storage(&cached.key);
    session.cache.enable(
        storage,
        None,
        Some(opened.predictor),
        Some(opened.lock),
        Some(patience()),
    );
    let most = usize::try_from(policy.caching.max_body.0).unwrap_or(usize::MAX);
    session.cache.set_max_file_size_bytes(most);
    exchange.cached = Some(cached);
}

/// Finds out what a request asks for; `None` where nothing of its kind is kept.
fn begin(session: &Session, exchange: &Exchange) -> Option<Box<Cached>> {
    let (policy, permit) = (exchange.cache_policy()?, exchange.permit()?);
    let (request, caching) = (session.req_header(), &policy.caching);
    let is_taken = MethodName::find(&request.method).is_some_and(|method| caching.methods.contains(method));
    // What a body asks for is in no key, and a target that is no text in no purge.
    let has_body = request.headers.contains_key(TRANSFER_ENCODING)
        || request.headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0");
    if !is_taken || has_body || !request.raw_path_is_utf8() {
        return None;
    }
    let query = rewrite::query_sent(request.raw_path(), permit, &exchange.version()?.security);
    let asked = Asked {
        policy,
        environment: permit.environment(),
        scheme: exchange.origin.scheme,
        host: head::host(&request.headers, &request.uri, request.version),
        path: permit.path(),
        query: std::str::from_utf8(&query).ok()?.trim_start_matches('?'),
        headers: &request.headers,
    };
    Some(Box::new(Cached {
        demand: demand(policy, exchange, &request.headers),
        asked: SystemTime::now(),
        stamp: Default::default(),
        key: asked.key(),
        target: asked.target(),
        owner: permit.caller().map(|caller| key::owner(caller)),
        validated: None,
        status: None,
        reason: None,
        outcome: Outcome::default(),
    }))
}

/// Reads what a request asks of the cache, where the catalog lets it.
fn demand(policy: &CachePolicy, exchange: &Exchange, headers: &HeaderMap) -> Demand {
    let is_known = exchange.caller().is_some();
    match policy.caching.obeys {
        Obeyed::Everybody => Demand::of_request(headers),
        Obeyed::Callers if is_known => Demand::of_request(headers),
        Obeyed::Callers | Obeyed::Nobody => Demand::default(),
    }
}

/// Hands out the key.
///
/// # Errors
///
/// Returns an error where there is none, so that the cache is turned off.
pub fn take_key(exchange: &mut Exchange) -> Result<CacheKey> {
    match &mut exchange.cached {
        Some(cached) => Ok(CacheKey::new(std::mem::take(&mut cached.key), "")),
        None => Err(Error::explain(ErrorType::InternalError, "no cache was asked for")),
    }
}

/// Tells the variants of a response apart.
pub fn variance(meta: &CacheMeta, exchange: &Exchange, request: &RequestHeader) -> Option<HashBinary> {
    let cached = exchange.cached.as_deref();
    let owner = cached.and_then(|cached| cached.owner.as_deref());
    let owner = owner.filter(|_| !is_for_all(exchange, meta.headers()));
    // Pingora takes an entry without variants for everybody's, but one that was stored as a variant may have become
    // one by a validation only: it stays whose it is.
    key::variance(meta.headers(), &request.headers, owner)
        .or_else(|| meta.variance().is_some().then(key::no_variance).flatten())
}

/// Tells whether all callers share a response: the catalog says so, or the origin, or nobody is asked who they are.
fn is_for_all(exchange: &Exchange, response: &HeaderMap) -> bool {
    let says = |policy: &CachePolicy| policy.is_open || policy.caching.is_shared;
    exchange.cache_policy().is_some_and(says) || Directives::of_response(response).public
}

/// Decides whether what was found is used.
pub fn found(session: &mut Session, meta: &CacheMeta, exchange: &Exchange) -> Option<ForcedFreshness> {
    let cached = exchange.cached.as_deref()?;
    let directives = Directives::of_response(meta.headers());
    let entry = Entry {
        made: meta.epoch(),
        fresh_until: meta.fresh_until(),
        must_revalidate: directives.must_revalidate || directives.no_cache,
    };
    if entry.fresh_until < entry.made && session.cache.phase() == CachePhase::CacheKey {
        // Each request asks the origin for itself: none may wait for another one's answer.
        session.cache.set_cache_lock(None, None);
    }
    match judge(entry, &cached.demand, SystemTime::now()) {
        Use::AsItIs => Some(ForcedFreshness::ForceFresh),
        Use::Ask => Some(ForcedFreshness::ForceExpired),
        Use::Usual => None,
    }
}

/// Tells whether the origin may be asked.
pub fn may_ask(session: &Session, exchange: &Exchange) -> bool {
    let only_kept = exchange
        .cached
        .as_deref()
        .is_some_and(|cached| cached.demand.only_if_cached);
    !only_kept || session.as_downstream().as_subrequest().is_some()
}

/// Takes out of a request what could shape a response that others get, and is in no key: fields by which a caller tells
/// some backends another method, path or host.
pub fn shield(session: &Session, out: &mut RequestHeader, exchange: &Exchange) {
    let Some(policy) = exchange.cache_policy() else { return };
    if !session.cache.enabled() && !session.cache.bypassing() {
        return;
    }
    let caching = &policy.caching;
    for name in STEERING
        .iter()
        .filter(|name| !caching.headers.iter().any(|known| known == **name))
    {
        out.remove_header(*name);
    }
    if !caching.by_host {
        out.remove_header("forwarded");
        out.remove_header("x-forwarded-host");
    }
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
pub fn serves_stale(exchange: &mut Exchange, error: Option<&Error>) -> bool {
    let Some(error) = error else { return true };
    if let ErrorType::HTTPStatus(status) = error.etype
        && let Ok(head) = ResponseHeader::build(status, None)
    {
        answered(&head, exchange);
    }
    error.esource == ErrorSource::Upstream
}

/// Tells whether an answer comes from what is kept.
pub fn is_from_cache(session: &Session) -> bool {
    matches!(
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
    cached.outcome = outcome(session.cache.phase());
    let meta = session.cache.maybe_cache_meta();
    let part = Part {
        outcome: cached.outcome,
        forwarded: cached.status.map(|status| status.as_u16()),
        collapsed: session.cache.lock_duration().is_some(),
        ttl: meta.map(|meta| left(meta.fresh_until())),
        reason: cached.reason,
    };
    for name in [SURROGATE_KEY, SURROGATE_CONTROL, CACHE_TAG] {
        response.remove_header(name);
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

pub(super) const SURROGATE_KEY: &str = "surrogate-key";
const SURROGATE_CONTROL: &str = "surrogate-control";
pub(super) const CACHE_TAG: &str = "cache-tag";
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What some frameworks take for the method, the path or the host of a request.
const STEERING: [&str; 10] = [
    "x-forwarded-path",
    "x-forwarded-server",
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-url",
    "x-rewrite-url",
];
