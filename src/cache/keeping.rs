//! What Pingora is told of a response: whether it is kept, with which head, and what it is purged by.

use std::time::SystemTime;

use http::header::{AGE, AUTHORIZATION, DATE, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName};
use pingora_cache::{CacheMeta, NoCacheReason, RespCacheable};
use pingora_error::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::admission::{Keeping, Offer, admit};
use super::directives::Directives;
use super::filters::{CACHE_TAG, SURROGATE_KEY};
use super::freshness::Times;
use super::opened::Cache;
use super::storage::{Labels, Owner, Storing};
use crate::exchange::Exchange;
use crate::hop;
use crate::model::caching::SetCookie;
use crate::rewrite;

/// Decides whether a response is kept.
///
/// # Errors
///
/// Returns an error where Pingora does not take a head.
pub fn keep(
    cache: &Cache,
    session: &Session,
    response: &ResponseHeader,
    exchange: &mut Exchange,
) -> Result<RespCacheable> {
    let request = session.req_header();
    let no = |reason: &'static str| Ok(RespCacheable::Uncacheable(NoCacheReason::Custom(reason)));
    let is_consumed = rewrite::is_kept_back(&AUTHORIZATION, &request.headers, exchange);
    let (Some(cached), Some(policy)) = (exchange.cached.as_deref(), exchange.cache_policy()) else {
        return no("off");
    };
    // Pingora's own merge takes some fields that are not to be taken (0.9.1), so it begins with what is kept.
    let mut head = match (&cached.validated, session.cache.maybe_cache_meta()) {
        (Some(_), Some(meta)) => meta.response_header().clone(),
        (Some(_) | None, _) => response.clone(),
    };
    if let Some(validated) = &cached.validated {
        update(&mut head, validated, policy.caching.set_cookie)?;
    }
    let times = Times {
        asked: cached.asked,
        answered: SystemTime::now(),
    };
    let offer = Offer {
        caching: &policy.caching,
        ours: exchange.served.snapshot.fields(),
        request: &request.headers,
        is_consumed,
        is_part: cached.part.is_some(),
        status: head.status,
        headers: &head.headers,
        times,
    };
    let kept = admit(&offer);
    if let Some(common) = cached.common.filter(|_| kept.is_ok() && !cached.is_posted) {
        let is_public = Directives::of_response(&head.headers).public;
        cache.open().commons.learn(common, is_public);
    }
    let labels = kept.is_ok().then(|| labels(exchange, &head.headers)).flatten();
    match (kept, labels) {
        (Ok(keeping), Some(storing)) => {
            let drops_cookies = policy.caching.set_cookie == SetCookie::Drop;
            clean(&mut head, drops_cookies);
            Ok(RespCacheable::Cacheable(meta(keeping, head, storing, times)))
        }
        (Ok(_), None) => no("tags"),
        (Err(reason), _) => {
            if let Some(cached) = &mut exchange.cached {
                cached.reason = Some(reason);
            }
            Ok(RespCacheable::Uncacheable(NoCacheReason::OriginNotCache))
        }
    }
}

fn meta(keeping: Keeping, head: ResponseHeader, storing: Storing, times: Times) -> CacheMeta {
    let (revalidate, error) = (keeping.stale_while_revalidate, keeping.stale_if_error);
    let mut meta = CacheMeta::new(keeping.fresh_until, times.answered, revalidate, error, head);
    meta.set_epoch_override(keeping.made);
    meta.extensions_mut().insert(storing);
    meta
}

/// Puts the fields of a validation in the place of those that are kept (RFC 9111, 3.2). What tells variants apart stays
/// as it was, as Pingora has stored it by that; cookies are new only where they are kept at all.
fn update(head: &mut ResponseHeader, validated: &HeaderMap, set_cookie: SetCookie) -> Result<()> {
    let stays =
        |name: &HeaderName| KEPT.contains(&name.as_str()) || *name == SET_COOKIE && set_cookie != SetCookie::Keep;
    for name in validated.keys().filter(|name| !stays(name)) {
        head.remove_header(name);
        for value in validated.get_all(name) {
            head.append_header(name.clone(), value.clone())?;
        }
    }
    if !validated.contains_key(DATE) {
        // What has no date is from when it came (RFC 9110, 6.6.1).
        head.insert_header(DATE, httpdate::fmt_http_date(SystemTime::now()))?;
    }
    Ok(())
}

/// Removes what is not for later (RFC 9111, 3.1), and the age, which is counted from now on.
fn clean(head: &mut ResponseHeader, drops_cookies: bool) {
    for name in hop::of_response(&head.headers) {
        head.remove_header(&name);
    }
    head.remove_header(&AGE);
    // How it came is nothing of how it goes: its length is known when it is whole.
    head.remove_header(&TRANSFER_ENCODING);
    if drops_cookies {
        head.remove_header(&SET_COOKIE);
    }
}

/// Labels an entry for purges; `None` where it has more tags than can be purged by.
fn labels(exchange: &Exchange, response: &HeaderMap) -> Option<Storing> {
    let (cached, version) = (exchange.cached.as_deref()?, exchange.version()?);
    let (tenant, api, label) = version.names();
    let owner = Owner {
        tenant,
        api,
        version: label,
    };
    let labels = Labels::new(owner, &cached.target).tagged(tenant, tags(response))?;
    Some(Storing {
        labels,
        asked: cached.stamp,
    })
}

/// Returns the tags that the origin gives a response.
fn tags(response: &HeaderMap) -> impl Iterator<Item = &str> {
    let of = |name: HeaderName, cut: fn(char) -> bool| {
        let lines = response.get_all(name).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(move |line| line.split(cut)).map(str::trim)
    };
    of(SURROGATE_KEY, char::is_whitespace)
        .chain(of(CACHE_TAG, |character| character == ','))
        .filter(|tag| !tag.is_empty())
}

/// Fields that describe a stored body or tell its variants apart, which a validation leaves as they are.
const KEPT: [&str; 10] = [
    "connection",
    "content-digest",
    "content-encoding",
    "content-length",
    "content-md5",
    "content-range",
    "etag",
    "keep-alive",
    "transfer-encoding",
    "vary",
];

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn tags_are_read_from_both_fields() {
        let mut headers = HeaderMap::new();
        headers.append("surrogate-key", HeaderValue::from_static("a  b"));
        headers.append("cache-tag", HeaderValue::from_static("c d, e,"));
        assert_eq!(tags(&headers).collect::<Vec<_>>(), ["a", "b", "c d", "e"]);
    }

    #[test]
    fn a_validation_changes_all_but_the_body() {
        let mut head = ResponseHeader::build(200, None).unwrap();
        let old = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (name, value) in [
            ("content-length", "3"),
            ("x-a", "old"),
            ("etag", "\"1\""),
            ("date", old),
        ] {
            head.append_header(name, value).unwrap();
        }
        let mut validated = HeaderMap::new();
        for (name, value) in [("content-length", "0"), ("x-a", "new"), ("x-a", "more"), ("x-b", "1")] {
            validated.append(name, HeaderValue::from_static(value));
        }
        update(&mut head, &validated, SetCookie::Drop).unwrap();
        assert_eq!(head.headers["content-length"], "3");
        assert_ne!(head.headers["date"], old, "it was not said when it was validated");
        assert_eq!(head.headers.get_all("x-a").iter().collect::<Vec<_>>(), ["new", "more"]);
        validated.insert(SET_COOKIE, HeaderValue::from_static("a=b"));
        for (set_cookie, is_new) in [
            (SetCookie::Refuse, false),
            (SetCookie::Drop, false),
            (SetCookie::Keep, true),
        ] {
            update(&mut head, &validated, set_cookie).unwrap();
            assert_eq!(head.headers.contains_key(SET_COOKIE), is_new, "{set_cookie:?}");
        }
        assert_eq!(
            (&head.headers["x-b"], &head.headers["etag"]),
            (&HeaderValue::from_static("1"), &HeaderValue::from_static("\"1\""))
        );
    }
}
