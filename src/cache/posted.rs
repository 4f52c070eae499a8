//! Answers to POST that are kept for GET (RFC 9110, 9.3.3; RFC 9111, 4), where the catalog says so: those that say how long
//! they are fresh, and by `Content-Location` that they are what GET would get.
//!
//! A POST itself is never answered from what is kept, waits for nobody's fetch and lets nobody wait for it. What describes
//! its body is not in the key, since GET has none: that the answer does not depend on it is what `Content-Location` says.

use http::header::{RANGE, TE};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use pingora_cache::CacheMeta;
use pingora_http::RequestHeader;
use pingora_proxy::Session;

use super::cached::Cached;
use super::directives::Directives;
use super::freshness::{self, Times};
use super::opened::Cache;
use super::part::CONDITIONS;
use super::storage::{Stamp, Storing};
use crate::model::caching::Caching;
use crate::model::method::MethodName;

/// Tells whether the answer to a request may be kept for GET. One on a condition has it checked by the endpoint, and
/// Pingora (0.9.1) would take that out; gRPC is known by its `TE`, which does not reach the endpoint of what is kept.
pub(super) fn is_one(request: &RequestHeader, caching: &Caching) -> bool {
    let mut conditions = CONDITIONS.iter().chain([&RANGE, &TE]);
    request.method == Method::POST
        && caching.keeps_posts
        && caching.methods.contains(MethodName::Get)
        && !conditions.any(|name| request.headers.contains_key(name))
}

/// Tells whether a field describes a body.
pub(super) fn is_of_body(name: &HeaderName) -> bool {
    name.as_str().starts_with("content-")
}

/// Tells whether an answer is kept that could be: it says how long it is fresh, and nothing purged it while it was under
/// way.
pub fn is_kept(cache: &Cache, session: &Session, cached: &Cached, meta: &CacheMeta) -> bool {
    let response = meta.response_header();
    let is_purged = || {
        let known = cache.store().zip(meta.extensions().get::<Storing>());
        known.is_none_or(|(store, storing)| store.is_purged(session.cache.cache_key(), storing))
    };
    response.status == StatusCode::OK && says_how_long(&response.headers, cached) && !is_purged()
}

fn says_how_long(response: &HeaderMap, cached: &Cached) -> bool {
    let directives = Directives::of_response(response);
    let times = Times {
        asked: cached.asked,
        answered: cached.asked,
    };
    !directives.no_cache && freshness::stated(&directives, response, times).is_some()
}

/// Returns the present moment among purges.
pub fn moment(cache: &Cache) -> Stamp {
    cache.open().doors.store().stamp()
}

/// Takes note that what the POST made worthless is forgotten, by so many purges since a moment: what is kept of its answer
/// is newer than that. Returns false where somebody else has purged since, which the answer would escape.
pub fn renew(cache: &Cache, meta: &mut CacheMeta, (before, own): (Stamp, usize)) -> bool {
    let now = moment(cache);
    if let Some(storing) = meta.extensions_mut().get_mut::<Storing>() {
        storing.asked = now;
    }
    now.since(before) == own as u64
}
