//! What a successful unsafe request makes worthless (RFC 9111, 4.4): its own target, and what `Location` and
//! `Content-Location` name within the same origin.
//!
//! A backend may write its own addresses into these fields, or those that callers know; both are understood, as far as
//! they lead below the context of the version that answered.

use http::header::{CONTENT_LOCATION, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use reqwest::Url;

use super::reference;
use crate::target::Target;

/// Where a version answers, as callers and as its endpoint know it.
#[derive(Clone, Copy, Debug)]
pub struct Mounted<'a> {
    /// The host that was called, without its port.
    pub host: &'a str,
    /// The `Host` of the endpoint.
    pub endpoint: Option<&'a str>,
    /// The paths below which callers reach the version: as this one did, and by its name.
    pub contexts: [&'a str; 2],
    /// The path below which the endpoint has it.
    pub base: &'a str,
    /// The path of the request below both.
    pub path: &'a str,
}

/// Tells whether an answer makes what is kept worthless.
pub fn is_due(method: &Method, status: StatusCode) -> bool {
    let is_safe = SAFE.contains(&method.as_str());
    !is_safe && (status.is_success() || status.is_redirection())
}

/// Returns the paths and queries below the context that an answer names beside its own target.
pub fn named(response: &HeaderMap, mounted: Mounted<'_>) -> Vec<(String, String)> {
    let fields = [LOCATION, CONTENT_LOCATION];
    let texts = fields.iter().flat_map(|name| response.get_all(name)).take(MOST);
    let named = texts.filter_map(|value| below(value.to_str().ok()?, mounted));
    named.flatten().collect()
}

/// Tells whether an answer says of itself that it is what GET would get of its own target (RFC 9110, 8.7), by the name that
/// the endpoint has for that.
pub fn is_of_itself(response: &HeaderMap, mounted: Mounted<'_>, own: &(String, String)) -> bool {
    let mut lines = response.get_all(CONTENT_LOCATION).iter();
    let only = lines.next().filter(|_| lines.next().is_none());
    let mounted = Mounted {
        contexts: [mounted.base; 2],
        ..mounted
    };
    let named = only.and_then(|line| below(line.to_str().ok()?, mounted));
    named.is_some_and(|named| named.contains(own))
}

/// Finds the path below the context that a reference names, with each spelling of its query.
fn below(reference: &str, mounted: Mounted<'_>) -> Option<Vec<(String, String)>> {
    let reference = reference.trim();
    let own = Url::parse(&format!("http://{}{}{}", HERE, mounted.base, mounted.path)).ok()?;
    let url = own.join(reference).ok()?;
    let host = reference::host(&url)?;
    let authority = url.port().map_or_else(
        || host.to_owned(),
        |port| format!("{}:{port}", url.host_str().unwrap_or_default()),
    );
    let is_here = host == HERE
        || host.eq_ignore_ascii_case(mounted.host)
        || mounted
            .endpoint
            .is_some_and(|endpoint| endpoint.eq_ignore_ascii_case(&authority));
    if !is_here {
        return None;
    }
    let [called, full] = mounted.contexts;
    let prefixes = [called, full, mounted.base];
    let rests = prefixes.iter().filter_map(|prefix| {
        let rest = url.path().strip_prefix(prefix.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    });
    // Below the longest of them: the version is no part of the path where it is named.
    let rest = rests.min_by_key(|rest| rest.len())?;
    let rest = if rest.is_empty() { "/" } else { rest };
    let canonical = Target::parse(rest.as_bytes()).ok()?.into_path().into_owned();
    let queries = reference::queries(reference, &url);
    Some(queries.map(|query| (canonical.clone(), query.to_owned())).collect())
}

/// Methods that are registered as changing nothing (RFC 9110, 16.1.1); of any other one that is not known.
const SAFE: [&str; 8] = [
    "GET", "HEAD", "OPTIONS", "PROPFIND", "QUERY", "REPORT", "SEARCH", "TRACE",
];

/// Stands for the host of a reference that names none.
const HERE: &str = "here.invalid";

/// So many fields are looked at.
const MOST: usize = 4;

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const MOUNTED: Mounted<'static> = Mounted {
        host: "api.test",
        endpoint: Some("backend.test:9001"),
        contexts: ["/orders", "/orders/1.0"],
        base: "/v1",
        path: "/items/7",
    };

    fn found(reference: &str) -> Option<String> {
        let mut response = HeaderMap::new();
        response.insert(LOCATION, HeaderValue::from_str(reference).unwrap());
        let found = named(&response, MOUNTED).pop()?;
        Some(format!("{}?{}", found.0, found.1))
    }

    #[test]
    fn both_sides_names_for_a_resource_are_understood() {
        for (reference, expected) in [
            ("/orders/1.0/items/8", "/items/8?"),
            ("/v1/items/8?a=b", "/items/8?a=b"),
            ("8", "/items/8?"),
            ("http://api.test/orders/1.0/items", "/items?"),
            ("https://API.test:8243/orders/1.0", "/?"),
            ("http://backend.test:9001/v1/items/8", "/items/8?"),
        ] {
            assert_eq!(found(reference).as_deref(), Some(expected), "{reference}");
        }
    }

    #[test]
    fn queries_and_addresses_are_those_of_requests() {
        let mut response = HeaderMap::new();
        let here = Mounted {
            host: "::1",
            endpoint: Some("[::2]:9001"),
            ..MOUNTED
        };
        for reference in ["http://[::1]:8280/orders/1.0/a?q='x'", "http://[::2]:9001/v1/a?q='x'"] {
            response.insert(LOCATION, HeaderValue::from_str(reference).unwrap());
            let expected = ["q='x'", "q=%27x%27"].map(|query| ("/a".to_owned(), query.to_owned()));
            assert_eq!(named(&response, here), expected, "{reference}");
        }
    }

    #[test]
    fn only_its_own_name_makes_an_answer_one_to_get() {
        let own = ("/items/7".to_owned(), "a=b".to_owned());
        let is_own = |names: &[&str]| {
            let names = names.iter().map(|name| HeaderValue::from_str(name).unwrap());
            let response: HeaderMap = names.map(|name| (CONTENT_LOCATION, name)).collect();
            is_of_itself(&response, MOUNTED, &own)
        };
        for name in [
            "/v1/items/7?a=b",
            "7?a=b",
            "?a=b",
            "http://backend.test:9001/v1/items/7?a=b",
        ] {
            assert!(is_own(&[name]), "{name}");
        }
        for name in [
            "",
            "7",
            "8?a=b",
            "/orders/items/7?a=b",
            "http://other.test/v1/items/7?a=b",
            "?a=c",
        ] {
            assert!(!is_own(&[name]), "{name}");
        }
        assert!(!is_own(&["7?a=b", "7?a=b"]) && !is_own(&[]));
    }

    #[test]
    fn nobody_elses_entries_are_touched() {
        for reference in [
            "http://other.test/orders/1.0/items/8",
            "http://backend.test:9002/v1/items/8",
            "/other/items",
            "/ordersbeta/items",
            "http://[bad",
            "mailto:a@b.test",
        ] {
            assert_eq!(found(reference), None, "{reference}");
        }
    }

    #[test]
    fn only_what_was_done_counts() {
        assert!(is_due(&Method::POST, StatusCode::CREATED) && is_due(&Method::DELETE, StatusCode::FOUND));
        assert!(!is_due(&Method::POST, StatusCode::BAD_REQUEST) && !is_due(&Method::GET, StatusCode::OK));
        let other = |method: &str| is_due(&Method::from_bytes(method.as_bytes()).unwrap(), StatusCode::OK);
        assert!(other("MOVE") && other("M-SEARCH") && !other("PROPFIND"));
    }

    proptest! {
        #[test]
        fn no_reference_breaks_the_reader(reference in "[ -~]{0,80}") {
            let _ = found(&reference);
        }
    }
}
