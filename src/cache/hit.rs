//! A hit that takes nothing of Pingora's state machine: what is kept is whole, fresh and in memory, and the request
//! asks for all of it.
//!
//! Most hits are such. Pingora (0.9.1) makes a head for itself and five boxes of each, and asks in steps what is known
//! at once here. Whatever is not so simple goes its way, which decides the same by the same functions.

use std::time::SystemTime;

use http::header::{AGE, RANGE};
use http::{HeaderValue, Method, Response, Version};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use super::begin::begin;
use super::filters::variance_of;
use super::opened::Cache;
use super::part::CONDITIONS;
use super::reuse::{Entry, Use, judge};
use super::storage::Whole;
use crate::exchange::Exchange;

/// Finds what answers a request as it is, and notes in the exchange that it does.
pub fn find(cache: &Cache, session: &mut Session, exchange: &mut Exchange) -> Option<Whole> {
    if exchange.cache_policy().is_none() || !wants_all(session.req_header()) {
        return None;
    }
    exchange.cached = begin(cache, session, exchange);
    let whole = variant(cache, session, exchange)?;
    let cached = exchange.cached.as_deref_mut()?;
    let (made, fresh_until) = whole.times();
    let entry = Entry {
        made,
        fresh_until,
        headers: &whole.head().headers,
    };
    let now = SystemTime::now();
    if fresh_until < now || judge(entry, &cached.demand, now) != Use::Usual {
        return None;
    }
    cached.hit = Some(fresh_until);
    Some(whole)
}

/// Tells whether a request asks for what is kept as a whole, and on no condition.
fn wants_all(request: &RequestHeader) -> bool {
    let mut conditions = CONDITIONS.iter().chain([&RANGE]);
    matches!(request.method, Method::GET | Method::HEAD) && !conditions.any(|name| request.headers.contains_key(name))
}

/// Finds the variant that is for a request.
fn variant(cache: &Cache, session: &Session, exchange: &Exchange) -> Option<Whole> {
    let cached = exchange.cached.as_deref().filter(|cached| !cached.demand.no_store)?;
    let (key, store) = (cached.key.as_ref()?, cache.store()?);
    let first = store.whole(key)?;
    let response = (&first.head().headers, first.variance().is_some());
    let variance = variance_of(response, exchange, session.req_header());
    if variance.is_none() || variance == first.variance() {
        return Some(first);
    }
    let mut key = key.clone();
    key.set_variance_key(variance?);
    let other = store.whole(&key)?;
    // The first one that was stored tells when all of them were forgotten.
    (other.variance() == variance && !other.is_older_than(&first)).then_some(other)
}

/// Makes the head of an answer of what is kept, which says how old that is (RFC 9111, 4).
pub fn head(whole: &Whole) -> ResponseHeader {
    let kept = whole.head();
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.status = kept.status;
    parts.version = Version::HTTP_11;
    parts.headers.clone_from(&kept.headers);
    let (made, _) = whole.times();
    let age = made.elapsed().unwrap_or_default().as_secs();
    parts.headers.insert(AGE, HeaderValue::from(age));
    ResponseHeader::from(parts)
}
