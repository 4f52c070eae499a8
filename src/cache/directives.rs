//! What `Cache-Control` says, of a response and of a request (RFC 9111, 5.2).
//!
//! Pingora reads the field, and `sfv` those of RFC 9213; what they mean is told here, and always for the stricter side: a `private` or a `no-cache`
//! that names fields counts as one that names none (RFC 9111, 5.2.2.4 allows it), and a time that cannot be read is no
//! time at all (4.2.1).

use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderName};
use pingora_cache::cache_control::{CacheControl, DirectiveKey};
use sfv::{BareItem, ListEntry, Parser};

/// What a response says of being kept.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Directives {
    /// It may not be kept.
    pub no_store: bool,
    /// It may not be used without asking the origin.
    pub no_cache: bool,
    /// It is for one caller.
    pub private: bool,
    /// It is for every caller.
    pub public: bool,
    /// It may not be used when it is stale.
    pub must_revalidate: bool,
    /// It may not be kept by who does not understand its status.
    pub must_understand: bool,
    /// Whether `s-maxage` is there.
    pub is_for_shared: bool,
    /// How long it is fresh, in seconds, where it says so.
    pub lifetime: Option<u32>,
    /// How long it may be used while it is asked for again, in seconds.
    pub stale_while_revalidate: u32,
    /// How long it may be used where the origin fails, in seconds.
    pub stale_if_error: u32,
    /// Whether it says anything of how long it is fresh.
    pub is_explicit: bool,
}

/// What a request asks of the cache, in seconds where it is a time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Demand {
    /// The answer is not to be kept, nor taken from what is kept.
    pub no_store: bool,
    /// The origin is to be asked.
    pub no_cache: bool,
    /// The origin is not to be asked.
    pub only_if_cached: bool,
    /// The answer may not be older.
    pub max_age: Option<u32>,
    /// The answer may be stale for so long.
    pub max_stale: Option<u32>,
    /// The answer must be fresh for so long still.
    pub min_fresh: Option<u32>,
}

impl Directives {
    /// Reads what a response says. A field that is meant for caches like this one is obeyed instead of `Cache-Control`
    /// where it says anything of keeping (RFC 9213, 2.2); `Expires` is not looked at here.
    pub fn of_response(headers: &HeaderMap) -> Self {
        let targeted = TARGETED.iter().find_map(|name| targeted(headers, name));
        targeted.unwrap_or_else(|| Self::of_cache_control(headers))
    }

    /// Reads what `Cache-Control` says of a response.
    pub fn of_cache_control(headers: &HeaderMap) -> Self {
        let Some(control) = CacheControl::from_headers_named(CACHE_CONTROL.as_str(), headers) else {
            return Self::default();
        };
        let has = |name: &str| control.has_directive(&DirectiveKey::from_lowercase(name));
        let time = |name: &str| seconds(&control, &DirectiveKey::from_lowercase(name));
        Self::told(&has, &time)
    }

    fn told(has: &dyn Fn(&str) -> bool, seconds: &dyn Fn(&str) -> u32) -> Self {
        let is_for_shared = has("s-maxage");
        let lifetime = match (is_for_shared, has("max-age")) {
            (true, _) => Some(seconds("s-maxage")),
            (false, true) => Some(seconds("max-age")),
            (false, false) => None,
        };
        let at_most = |name| if has(name) { seconds(name) } else { 0 };
        Self {
            no_store: has("no-store"),
            no_cache: has("no-cache"),
            private: has("private"),
            public: has("public"),
            must_revalidate: has("must-revalidate") || has("proxy-revalidate") || is_for_shared,
            must_understand: has("must-understand"),
            is_for_shared,
            lifetime,
            stale_while_revalidate: at_most("stale-while-revalidate"),
            stale_if_error: at_most("stale-if-error"),
            is_explicit: lifetime.is_some(),
        }
    }
}

/// Reads a field that is meant for caches like this one: a dictionary of RFC 9651, or it says nothing (RFC 9213, 2.1).
/// Some write its names in capitals.
fn targeted(headers: &HeaderMap, name: &HeaderName) -> Option<Directives> {
    if !headers.contains_key(name) {
        return None;
    }
    let lines: Vec<&str> = headers
        .get_all(name)
        .iter()
        .map(|line| line.to_str().ok())
        .collect::<Option<_>>()?;
    let text = lines.join(",").to_ascii_lowercase();
    let members = Parser::parse_dictionary(text.as_bytes()).ok()?;
    let value = |name: &str| match members.get(name)? {
        ListEntry::Item(item) => Some(&item.bare_item),
        ListEntry::InnerList(_) => None,
    };
    let has = |name: &str| members.contains_key(name) && value(name).and_then(BareItem::as_bool) != Some(false);
    let seconds = |name: &str| {
        let number = value(name).and_then(BareItem::as_int);
        number.map_or(0, |number| u32::try_from(number.max(0)).unwrap_or(u32::MAX))
    };
    let says = members.keys().any(|name| SAYING.contains(&name.as_str()));
    says.then(|| Directives {
        is_explicit: true,
        ..Directives::told(&has, &seconds)
    })
}

impl Demand {
    /// Reads what a request asks.
    pub fn of_request(headers: &HeaderMap) -> Self {
        let Some(control) = CacheControl::from_headers_named(CACHE_CONTROL.as_str(), headers) else {
            // What it is worth without the field that replaced it (RFC 9111, 5.4).
            let old = headers.get(PRAGMA).and_then(|value| value.to_str().ok());
            let no_cache = old.is_some_and(|value| value.eq_ignore_ascii_case("no-cache"));
            return Self {
                no_cache,
                ..Self::default()
            };
        };
        let time = |name| {
            let key = DirectiveKey::from_lowercase(name);
            control.has_directive(&key).then(|| seconds(&control, &key))
        };
        // Without a time, any staleness is welcome (RFC 9111, 5.2.1.2).
        let max_stale = match control.directives.get(&DirectiveKey::from_lowercase("max-stale")) {
            Some(None) => Some(u32::MAX),
            Some(Some(_)) | None => time("max-stale"),
        };
        Self {
            no_store: control.no_store(),
            no_cache: control.has_directive(&DirectiveKey::NoCache),
            only_if_cached: control.only_if_cached(),
            max_age: time("max-age"),
            max_stale,
            min_fresh: time("min-fresh"),
        }
    }
}

/// Reads a time; one that cannot be read is none.
fn seconds(control: &CacheControl, key: &DirectiveKey) -> u32 {
    let value = control.directives.get(key).and_then(Option::as_ref);
    value.and_then(|value| value.parse_as_delta_seconds().ok()).unwrap_or(0)
}

/// Fields that are meant for caches like this one, the preferred one first.
const TARGETED: [HeaderName; 2] = [HeaderName::from_static("cdn-cache-control"), SURROGATE_CONTROL];

/// What is meant for caches alone, and goes no further.
pub(super) const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");

/// What says anything of keeping.
const SAYING: [&str; 8] = [
    "max-age",
    "must-revalidate",
    "no-cache",
    "no-store",
    "private",
    "proxy-revalidate",
    "public",
    "s-maxage",
];

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn told(fields: &[(&'static str, &'static str)]) -> Directives {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Directives::of_response(&headers)
    }

    #[test]
    fn a_shared_cache_prefers_what_is_said_to_it() {
        assert_eq!(told(&[("cache-control", "max-age=5, s-maxage=9")]).lifetime, Some(9));
        let targeted = [("cache-control", "no-store"), ("cdn-cache-control", "max-age=7")];
        assert_eq!((told(&targeted).lifetime, told(&targeted).no_store), (Some(7), false));
        let empty = [("cache-control", "no-store"), ("cdn-cache-control", "")];
        assert!(told(&empty).no_store, "an empty field says nothing");
        let other = [
            ("cache-control", "private"),
            ("surrogate-control", "content=\"ESI/1.0\""),
        ];
        assert!(told(&other).private, "what says nothing of keeping leaves what does");
        let broken = [("cache-control", "private"), ("cdn-cache-control", "max-age=60, =")];
        assert!(told(&broken).private, "what is no dictionary says nothing");
        let odd = [("cache-control", "max-age=9"), ("cdn-cache-control", "max-age=\"60\"")];
        assert_eq!(told(&odd).lifetime, Some(0), "a time that is no number");
    }

    #[test]
    fn doubt_is_for_the_stricter_side() {
        assert!(told(&[("cache-control", "private=\"set-cookie\"")]).private);
        assert!(told(&[("cache-control", "No-Cache=\"a\", max-age=1")]).no_cache);
        for unreadable in ["max-age=abc", "max-age=-1", "max-age=1.5", "max-age"] {
            let fields: &'static str = unreadable;
            assert_eq!(told(&[("cache-control", fields)]).lifetime, Some(0), "{unreadable}");
        }
        assert!(told(&[("cache-control", "max-age=99999999999999999999")]).lifetime > Some(1 << 30));
        assert!(
            !told(&[("cache-control", "a=\"no-store\"")]).no_store,
            "a word inside a string"
        );
    }

    #[test]
    fn a_request_says_what_it_takes() {
        let mut headers = HeaderMap::new();
        headers.insert("pragma", HeaderValue::from_static("No-Cache"));
        assert!(Demand::of_request(&headers).no_cache);
        headers.insert(
            "cache-control",
            HeaderValue::from_static("max-stale, min-fresh=3, only-if-cached"),
        );
        let demand = Demand::of_request(&headers);
        assert_eq!((demand.max_stale, demand.min_fresh), (Some(u32::MAX), Some(3)));
        assert!(demand.only_if_cached && !demand.no_cache);
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert("cache-control", value.clone());
                headers.insert("cdn-cache-control", value);
                let _ = (Directives::of_response(&headers), Demand::of_request(&headers));
            }
        }

        #[test]
        fn no_store_is_seen_wherever_it_stands(before in "[a-z-]{1,9}(=[0-9]{1,5})?", after in "[a-z-]{1,9}") {
            let value = format!("{before} ,\tNO-STORE, {after}");
            let mut headers = HeaderMap::new();
            headers.insert("cache-control", HeaderValue::from_str(&value).unwrap());
            prop_assert!(Directives::of_response(&headers).no_store && Demand::of_request(&headers).no_store);
        }
    }
}
