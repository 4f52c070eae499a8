//! Which fields of a request reach an endpoint whose answers are kept, and which of them tell entries apart.
//!
//! What reaches an endpoint may shape its answer, so it is in the key: whoever steers an endpoint by a field gets the
//! answer to it, and nobody else does. Fields by which programs and pages describe themselves would leave everyone with
//! entries of their own; they are held back. The rest of what passes is made or checked by the gateway.

use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, FORWARDED, FROM, HOST, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, PRAGMA, RANGE, REFERER, UPGRADE_INSECURE_REQUESTS, USER_AGENT, VIA,
};
use http::{HeaderMap, HeaderName};
use pingora_error::Result;
use pingora_http::RequestHeader;
use smallvec::SmallVec;

use super::directives::Demand;
use super::variance::{LISTS, normal};
use crate::exchange::REQUEST_ID;
use crate::forwarding::{Origin, write_address};
use crate::hop;
use crate::model::caching::Caching;
use crate::registry::token::Digest;

/// What becomes of a field of a request for what is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    /// It does not reach the endpoint.
    Held,
    /// It reaches the endpoint, and is part of the key.
    Keyed,
    /// It reaches the endpoint, which has no reason to answer otherwise for it.
    Passed,
}

/// Adds to a key what stands for the fields that reach the endpoint: their digest, since keys are kept, and credentials
/// may be among them. `is_sent` tells which do otherwise.
pub fn add(key: &mut Vec<u8>, headers: &HeaderMap, caching: &Caching, is_sent: impl Fn(&HeaderName) -> bool) {
    let begin = key.len();
    write(key, headers, caching, is_sent);
    let digest = Digest::of_bytes(key.get(begin..).unwrap_or_default());
    key.truncate(begin);
    key.extend_from_slice(digest.as_bytes());
}

/// Writes the fields that reach the endpoint, in the order of their names.
fn write(key: &mut Vec<u8>, headers: &HeaderMap, caching: &Caching, is_sent: impl Fn(&HeaderName) -> bool) {
    let is_keyed = |name: &&HeaderName| fate(name, headers, caching) == Fate::Keyed && is_sent(name);
    let mut names: SmallVec<[&HeaderName; 16]> = headers.keys().filter(is_keyed).collect();
    names.sort_unstable_by_key(|name| name.as_str());
    for name in names {
        key.extend_from_slice(name.as_str().as_bytes());
        key.push(0);
        if LISTS.contains(name) {
            key.extend_from_slice(&normal(headers, name));
        } else {
            for line in headers.get_all(name) {
                key.extend_from_slice(line.as_bytes());
                // No line holds one, so that two lines differ from one with both.
                key.push(b'\n');
            }
        }
        key.push(0);
    }
}

/// Takes out of a request what is not to reach the endpoint, and says instead what every caller could.
///
/// # Errors
///
/// Returns an error where a field that was made here is not a valid one, which no input should achieve.
pub fn hold(out: &mut RequestHeader, caching: &Caching, demand: &Demand, origin: &Origin) -> Result<()> {
    let held = out.headers.keys();
    let held = held.filter(|name| fate(name, &out.headers, caching) == Fate::Held);
    let held: SmallVec<[HeaderName; 8]> = held.cloned().collect();
    for name in &held {
        out.remove_header(name);
    }
    // Ours alone: the last of them.
    if let Some(via) = out.headers.get_all(VIA).iter().next_back().cloned() {
        out.insert_header(VIA, via)?;
    }
    if !out.headers.contains_key(USER_AGENT) {
        out.insert_header(USER_AGENT, "Tollgate")?;
    }
    if demand.no_cache {
        out.insert_header(CACHE_CONTROL, "no-cache")?;
    }
    if origin.is_trusted {
        // Those before us may pass on what callers wrote of themselves; the address that was believed is one thing.
        let mut address = Vec::with_capacity(ADDRESS);
        write_address(&mut address, origin.client);
        out.insert_header(FORWARDED_FOR, address)?;
    }
    if origin.is_trusted || !caching.by_host {
        out.remove_header(&FORWARDED);
    }
    if !caching.by_host {
        out.remove_header(&FORWARDED_HOST);
    }
    Ok(())
}

fn fate(name: &HeaderName, headers: &HeaderMap, caching: &Caching) -> Fate {
    if caching.unkeyed_headers.contains(name) {
        return Fate::Passed;
    }
    if caching.headers.contains(name) {
        return Fate::Keyed;
    }
    if PASSED.contains(name) || *name == REQUEST_ID {
        return Fate::Passed;
    }
    if *name == TRACE_PARENT {
        let mut lines = headers.get_all(name).iter();
        let only = lines.next().filter(|_| lines.next().is_none());
        let is_one = only.is_some_and(|value| is_trace(value.as_bytes()));
        return if is_one { Fate::Passed } else { Fate::Held };
    }
    let text = name.as_str();
    let is_description =
        HELD.contains(name) || text.starts_with("sec-") || matches!(text, "dnt" | "priority" | "tracestate");
    let is_of_host = !caching.by_host && *name == FORWARDED_HOST;
    if is_description || *name == REAL_IP || is_of_host || hop::is_of_request(text) {
        return Fate::Held;
    }
    Fate::Keyed
}

/// Tells whether a value is that of a `traceparent`: four numbers, which say nothing (W3C Trace Context, 3.2.2).
fn is_trace(value: &[u8]) -> bool {
    value.len() == 55 && value.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
}

/// What the gateway writes or the cache reads, and what no answer depends on.
const PASSED: [HeaderName; 11] = [
    CONTENT_LENGTH,
    FORWARDED,
    FORWARDED_FOR,
    HOST,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    RANGE,
    VIA,
];

/// What describes the caller's program, or where it comes from, and what is said to caches.
const HELD: [HeaderName; 6] = [
    CACHE_CONTROL,
    FROM,
    PRAGMA,
    REFERER,
    UPGRADE_INSECURE_REQUESTS,
    USER_AGENT,
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// Room for an address as text.
const ADDRESS: usize = 40;

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::model::caching::{CacheMode, Obeyed, QueryKey, SetCookie};
    use crate::model::unit::Size;

    fn caching(headers: &[HeaderName], unkeyed: &[HeaderName]) -> Caching {
        Caching {
            mode: CacheMode::Http,
            timeout: None,
            is_shared: false,
            max_body: Size(1),
            max_entries: None,
            methods: Default::default(),
            statuses: Vec::new(),
            query: QueryKey::All,
            headers: headers.to_vec(),
            unkeyed_headers: unkeyed.to_vec(),
            by_host: true,
            obeys: Obeyed::Callers,
            set_cookie: SetCookie::Refuse,
            keeps_parts: false,
            keeps_posts: false,
        }
    }

    fn fields(lines: &[(String, String)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn key(headers: &HeaderMap) -> Vec<u8> {
        let mut key = Vec::new();
        write(&mut key, headers, &caching(&[], &[]), |_| true);
        key
    }

    #[test]
    fn no_value_is_in_the_key_itself() {
        let mut key = b"stem".to_vec();
        let headers = fields(&[("x-api-token".to_owned(), "secret".to_owned())]);
        add(&mut key, &headers, &caching(&[], &[]), |_| true);
        assert!(key.starts_with(b"stem") && key.len() == 4 + 32);
        assert!(!key.windows(6).any(|part| part == b"secret"));
    }

    #[test]
    fn the_catalog_has_the_last_word() {
        let mut headers = fields(&[]);
        headers.insert(USER_AGENT, HeaderValue::from_static("a"));
        headers.insert("x-a", HeaderValue::from_static("a"));
        let named = caching(&[USER_AGENT], &[HeaderName::from_static("x-a")]);
        assert_eq!(fate(&USER_AGENT, &headers, &named), Fate::Keyed);
        assert_eq!(fate(&HeaderName::from_static("x-a"), &headers, &named), Fate::Passed);
        assert_eq!(fate(&USER_AGENT, &headers, &caching(&[], &[])), Fate::Held);
    }

    proptest! {
        /// Names and values that would be taken for each other where parts ran together.
        #[test]
        fn fields_that_differ_make_keys_that_differ(
            one in proptest::collection::vec(("x-[ab]{1,2}", "[ab]{0,2}"), 0..4),
            other in proptest::collection::vec(("x-[ab]{1,2}", "[ab]{0,2}"), 0..4),
        ) {
            let (one, other) = (fields(&one), fields(&other));
            prop_assert_eq!(key(&one) == key(&other), one == other);
        }

        #[test]
        fn the_order_of_fields_makes_no_difference(
            mut lines in proptest::collection::hash_map("x-[a-d]", "[a-c]{0,2}", 0..4).prop_map(Vec::from_iter)
        ) {
            let one = key(&fields(&lines));
            lines.reverse();
            prop_assert_eq!(one, key(&fields(&lines)));
        }
    }
}
