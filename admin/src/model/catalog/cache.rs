//! What makes a stated cache believed.

use std::num::NonZeroU64;
use std::time::Duration;

use http::HeaderName;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONNECTION, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, PRAGMA, RANGE};

use super::page::{Spot, unrepeated};
use crate::model::backend::HostHeader;
use crate::model::caching::{CacheMode, Caching, QueryKey, SetCookie};
use crate::model::document::{Cache, Version};
use crate::model::method::MethodName;
use crate::model::unit::Size;
use crate::model::violation::Violation;

/// Believes what is kept of responses. `methods` are those of the resource that states it.
pub(super) fn believe(
    spot: &Spot<'_>,
    stated: &Cache,
    methods: Option<&[MethodName]>,
    found: &mut Vec<Violation>,
) -> Caching {
    check_idle(spot, stated, methods, found);
    check_timeout(spot, stated, found);
    check_methods(spot, stated, found);
    check_statuses(spot, stated, found);
    if stated.max_body == Some(Size(0)) {
        let violation = spot.key("max_body").blame("`max_body` must be more than zero");
        found.push(violation.fix("write a size such as `\"1MiB\"`, or `mode = \"off\"`"));
    }
    if stated.max_entries == Some(0) {
        let violation = spot.key("max_entries").blame("`max_entries` must be more than zero");
        found.push(violation.fix("write a number such as `500`, or `mode = \"off\"`"));
    }
    if stated.set_cookie == SetCookie::Keep && stated.mode == CacheMode::Fixed {
        let violation = spot
            .key("set_cookie")
            .blame("cookies are kept only where the response says how long, which `fixed` does not ask");
        found.push(violation.fix("write `set_cookie = \"drop\"`, or `mode = \"http\"`"));
    }
    let methods = stated.methods.as_deref().unwrap_or(&SAFE);
    Caching {
        mode: stated.mode,
        timeout: stated.timeout.map(|timeout| timeout.0),
        is_shared: stated.shared,
        max_body: stated.max_body.unwrap_or(DEFAULT_BODY),
        max_entries: stated.max_entries.and_then(NonZeroU64::new),
        methods: methods.iter().copied().collect(),
        statuses: stated.statuses.clone().unwrap_or_default(),
        query: query(spot, stated, found),
        headers: headers(&spot.key("headers"), &stated.headers, None, found),
        unkeyed_headers: headers(
            &spot.key("unkeyed_headers"),
            &stated.unkeyed_headers,
            Some(&stated.headers),
            found,
        ),
        by_host: !stated.ignore_host,
        obeys: stated.obeys,
        set_cookie: stated.set_cookie,
        keeps_parts: stated.parts,
        keeps_posts: stated.posts,
    }
}

/// Blames what would be kept for everybody though its endpoint is told of one caller, or of one host.
pub(super) fn check_tellers(spot: &Spot<'_>, stated: &Version, found: &mut Vec<Violation>) {
    let resources = stated.resources.iter().enumerate().filter_map(|(index, resource)| {
        let at = spot.key("resources").element(index).key("cache");
        resource.cache.as_ref().map(|cache| (at, cache))
    });
    let endpoints = stated.endpoints.as_ref();
    let keeps_host = endpoints.is_some_and(|endpoints| endpoints.host == HostHeader::Keep);
    let own = stated.cache.as_ref().map(|cache| (spot.key("cache"), cache));
    for (at, cache) in own.into_iter().chain(resources) {
        if cache.shared && stated.backend_jwt {
            let violation = at
                .key("shared")
                .blame("callers cannot share responses to what `backend_jwt` says of one of them");
            found.push(violation.fix("remove `shared`, or `backend_jwt`"));
        }
        if cache.ignore_host && keeps_host {
            let violation = at
                .key("ignore_host")
                .blame("hosts cannot share responses where `host = \"keep\"` tells endpoints which was called");
            found.push(violation.fix("remove `ignore_host`, or `host` in `endpoints`"));
        }
    }
}

/// Blames what means nothing where nothing is kept.
fn check_idle(spot: &Spot<'_>, stated: &Cache, methods: Option<&[MethodName]>, found: &mut Vec<Violation>) {
    if stated.mode == CacheMode::Off && !spot.lost("mode") {
        for key in KEYS.into_iter().filter(|key| spot.states(key)) {
            let violation = spot
                .key(key)
                .blame(format!("nothing is kept, so `{key}` means nothing"));
            found.push(violation.fix(format!("remove `{key}`, or write `mode = \"http\"`")));
        }
        return;
    }
    if methods.is_some_and(|methods| !methods.contains(&MethodName::Get)) {
        let violation = spot.blame("a resource without GET has nothing that is kept");
        found.push(violation.fix("remove `cache`"));
    }
}

fn check_timeout(spot: &Spot<'_>, stated: &Cache, found: &mut Vec<Violation>) {
    let at = spot.key("timeout");
    match stated.timeout {
        None if stated.mode == CacheMode::Fixed && !spot.lost("timeout") => {
            let violation = spot.blame("`mode = \"fixed\"` needs a `timeout`");
            found.push(violation.fix("add `timeout = \"300s\"`, or write `mode = \"http\"`"));
        }
        Some(timeout) if timeout.0 < SHORTEST || timeout.0 > LONGEST => {
            let violation = at.blame("`timeout` must be between a second and a year");
            found.push(violation.fix("write a time such as `\"300s\"`, or `mode = \"off\"`"));
        }
        None | Some(_) => {}
    }
}

fn check_methods(spot: &Spot<'_>, stated: &Cache, found: &mut Vec<Violation>) {
    let (list, methods) = (spot.key("methods"), stated.methods.as_deref());
    unrepeated(&list, methods.unwrap_or_default(), found);
    if methods.is_some_and(<[MethodName]>::is_empty) {
        let violation = list.blame("without methods nothing is kept");
        found.push(violation.fix("write `methods = [\"GET\", \"HEAD\"]`, or `mode = \"off\"`"));
    }
    for (index, method) in methods.unwrap_or_default().iter().enumerate() {
        if !SAFE.contains(method) {
            let violation = list.element(index).blame("only GET and HEAD are answered from a cache");
            found.push(violation.fix("remove it"));
        }
    }
}

fn check_statuses(spot: &Spot<'_>, stated: &Cache, found: &mut Vec<Violation>) {
    let (list, statuses) = (spot.key("statuses"), stated.statuses.as_deref());
    unrepeated(&list, statuses.unwrap_or_default(), found);
    if statuses.is_some_and(<[u16]>::is_empty) {
        let violation = list.blame("without statuses nothing is kept");
        found.push(violation.fix("write `statuses = [200]`, or `mode = \"off\"`"));
    }
    for (index, status) in statuses.unwrap_or_default().iter().enumerate() {
        if !(200..=599).contains(status) || [206, 304].contains(status) {
            let violation = list
                .element(index)
                .blame(format!("a response with status {status} cannot be kept"));
            found.push(violation.fix("name final statuses other than 206 and 304"));
        }
    }
}

fn query(spot: &Spot<'_>, stated: &Cache, found: &mut Vec<Violation>) -> QueryKey {
    for (key, list) in [("query", &stated.query), ("ignore_query", &stated.ignore_query)] {
        unrepeated(&spot.key(key), list.as_deref().unwrap_or_default(), found);
    }
    match (&stated.query, &stated.ignore_query) {
        (Some(_), Some(_)) => {
            let violation = spot
                .key("ignore_query")
                .blame("`query` says already what tells entries apart");
            found.push(violation.fix("keep one of `query` and `ignore_query`"));
            QueryKey::All
        }
        (Some(only), None) => QueryKey::Only(only.clone()),
        (None, Some(ignored)) => QueryKey::Except(ignored.clone()),
        (None, None) => QueryKey::All,
    }
}

/// Believes names of request fields; of those that are to be in no key, `keyed` are the ones that are.
fn headers(
    list: &Spot<'_>,
    stated: &[String],
    keyed: Option<&[String]>,
    found: &mut Vec<Violation>,
) -> Vec<HeaderName> {
    let mut names = Vec::with_capacity(stated.len());
    for (index, text) in stated.iter().enumerate() {
        let at = list.element(index);
        let is_keyed = keyed.is_some_and(|keyed| keyed.iter().any(|known| known.eq_ignore_ascii_case(text)));
        match HeaderName::from_bytes(text.as_bytes()) {
            Ok(name) if name == AUTHORIZATION && keyed.is_none() => found.push(
                at.blame("credentials that reach the endpoint tell entries apart anyway")
                    .fix("remove it"),
            ),
            Ok(name) if NEVER.contains(&name) => found.push(
                at.blame(format!("`{text}` does not tell responses apart"))
                    .fix("remove it"),
            ),
            Ok(_) if is_keyed => found.push(
                at.blame(format!("`{text}` tells entries apart by `headers`"))
                    .fix("keep it in one of `headers` and `unkeyed_headers`"),
            ),
            Ok(name) => names.push(name),
            Err(_) => found.push(
                at.blame(format!("`{text}` is not the name of a header field"))
                    .fix("write a name such as `X-Region`"),
            ),
        }
    }
    let lower: Vec<String> = stated.iter().map(|name| name.to_ascii_lowercase()).collect();
    unrepeated(list, &lower, found);
    names
}

const SAFE: [MethodName; 2] = [MethodName::Get, MethodName::Head];
const DEFAULT_BODY: Size = Size(1 << 20);
const SHORTEST: Duration = Duration::from_secs(1);
/// A year, as RFC 9111 section 5.2.2.1 calls forever.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// What belongs to one hop, or is read by the cache itself.
const NEVER: [HeaderName; 7] = [
    CACHE_CONTROL,
    CONNECTION,
    HOST,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    PRAGMA,
    RANGE,
];

/// Every key but `mode`.
const KEYS: [&str; 15] = [
    "timeout",
    "shared",
    "max_body",
    "max_entries",
    "methods",
    "statuses",
    "query",
    "ignore_query",
    "headers",
    "unkeyed_headers",
    "ignore_host",
    "obeys",
    "set_cookie",
    "parts",
    "posts",
];
