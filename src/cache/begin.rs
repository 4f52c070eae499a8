//! What a request asks of the cache: whether anything of its kind is kept, and under which key.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName};
use pingora_cache::CacheKey;
use pingora_cache::key::CacheHashKey;
use pingora_http::RequestHeader;
use pingora_proxy::Session;

use super::cached::{Cached, Outcome};
use super::commons::Common;
use super::directives::Demand;
use super::key::{self, Asked};
use super::opened::Cache;
use super::part::{self, Range, Wanted};
use super::posted;
use crate::exchange::Exchange;
use crate::hop;
use crate::model::caching::{Obeyed, QueryKey};
use crate::model::method::MethodName;
use crate::rewrite;
use crate::snapshot::CachePolicy;

/// Finds out what a request asks for; `None` where nothing of its kind is kept.
pub(super) fn begin(cache: &Cache, session: &mut Session, exchange: &Exchange) -> Option<Box<Cached>> {
    let (policy, permit) = (exchange.cache_policy()?, exchange.permit()?);
    let has_body = !session.as_downstream_mut().is_body_empty();
    let (request, caching) = (session.req_header(), &policy.caching);
    let is_posted = posted::is_one(request, caching);
    let is_asked = MethodName::find(&request.method).is_some_and(|method| caching.methods.contains(method));
    let is_taken = is_posted || is_asked && !has_body;
    // What a body asks for is in no key, a target that is no text in no purge, and a field that goes no further would be
    // in the key of those who do not call it one of the connection.
    if !is_taken || !request.raw_path_is_utf8() || hop::nominates(&request.headers) {
        return None;
    }
    let query = rewrite::query_sent(request.raw_path(), permit, &exchange.version()?.security);
    let query = std::str::from_utf8(&query).ok()?;
    let query = query.strip_prefix('?').unwrap_or(query);
    let target = key::target(permit.path(), query, &caching.query);
    // Nothing is cut of what a POST asks for.
    if is_posted && target != key::target(permit.path(), query, &QueryKey::All) {
        return None;
    }
    let asked = Asked {
        policy,
        environment: permit.environment(),
        scheme: exchange.origin.scheme,
        host: rewrite::host_called(request),
        target: &target,
        headers: &request.headers,
    };
    let is_held = |name: &HeaderName| rewrite::is_kept_back(name, &request.headers, exchange);
    let key = asked.key(|name| !(is_held(name) || is_posted && posted::is_of_body(name)));
    let common = Common::of(&key);
    let owner = permit
        .caller()
        .filter(|_| !is_everybodys(policy))
        .map(|caller| key::owner(caller));
    let is_own = owner.is_some() && !cache.open().commons.holds(common);
    let own = owner.as_deref().filter(|_| is_own);
    let (key, part) = if caching.keeps_parts {
        whole_or_part(cache, request, key, own)
    } else {
        (Some(hashed(key, own)), None)
    };
    Some(Box::new(Cached {
        demand: demand(policy, exchange, (&request.headers, is_posted)),
        asked: SystemTime::now(),
        stamp: Default::default(),
        key,
        part,
        is_posted,
        has_forgotten: false,
        target,
        common: owner.is_some().then_some(common),
        owner: owner.filter(|_| !is_own),
        validated: None,
        hit: None,
        status: None,
        is_declined: false,
        reason: None,
        outcome: Outcome::default(),
    }))
}

/// Returns the key of what a request wants: of the whole, where that is kept or wanted, or of the range that is its own;
/// none where only the endpoint can tell what is wanted.
fn whole_or_part(
    cache: &Cache,
    request: &RequestHeader,
    key: Vec<u8>,
    own: Option<&str>,
) -> (Option<CacheKey>, Option<Range>) {
    let wanted = part::wanted(request);
    let whole = hashed(key.clone(), own);
    if wanted == Wanted::Whole || cache.store().is_some_and(|store| store.has(&whole)) {
        return (Some(whole), None);
    }
    let Wanted::Part(range) = wanted else {
        return (None, None);
    };
    let mut key = key;
    key::make_part(&mut key, &range);
    (Some(hashed(key, own)), Some(range))
}

fn hashed(mut key: Vec<u8>, own: Option<&str>) -> CacheKey {
    if let Some(owner) = own {
        key::make_own(&mut key, owner);
    }
    let mut key = CacheKey::new(key, "");
    // Hashed once, and not each time that Pingora asks (0.9.1).
    key.set_primary_bin_override(key.primary_bin());
    key
}

/// Reads what a request asks of the cache, where the catalog lets it.
fn demand(policy: &CachePolicy, exchange: &Exchange, (headers, is_posted): (&HeaderMap, bool)) -> Demand {
    let is_known = exchange.caller().is_some();
    let demand = match policy.caching.obeys {
        Obeyed::Everybody => Demand::of_request(headers),
        Obeyed::Callers if is_known => Demand::of_request(headers),
        Obeyed::Callers | Obeyed::Nobody => Demand::default(),
    };
    if is_posted {
        // It is answered by its endpoint, whatever is kept.
        Demand {
            no_store: demand.no_store,
            ..Demand::default()
        }
    } else {
        demand
    }
}

/// Tells whether all callers share what is kept of a resource: the catalog says so, or nobody is asked who they are.
fn is_everybodys(policy: &CachePolicy) -> bool {
    policy.is_open || policy.caching.is_shared
}
