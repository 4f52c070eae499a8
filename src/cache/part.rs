//! Parts of bodies that are kept by themselves (RFC 9110, 14; RFC 9111, 3.3), where the catalog says so.
//!
//! The range is part of the key, so that nothing finds a part but the same request for the same range: it gets what the
//! endpoint answered to that. Nothing is cut from a part or put together of several, and so nothing is computed of what
//! an endpoint says of its place. Where the whole is kept, ranges are cut from that, and no part is asked for.

use std::fmt::Write as _;

use http::header::{
    CONTENT_RANGE, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderMap, HeaderName, Method};
use pingora_error::Result;
use pingora_http::RequestHeader;

/// What a request wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Wanted {
    /// Several ranges, or one on a condition, or something that cannot be read.
    Other,
    /// One range.
    Part(Range),
    /// Everything.
    Whole,
}

/// One range, in the one spelling that it has in keys: `0-99`, `100-` or `-5`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Range(String);

impl Range {
    /// Returns what a key has of it.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Has an endpoint asked for it, and whether it is still good by a strong tag alone: others stay the same where bytes
    /// change (RFC 9110, 8.8.1).
    ///
    /// # Errors
    ///
    /// Returns an error where the range is no field, which none should be.
    pub(super) fn ask(&self, out: &mut RequestHeader) -> Result<()> {
        if !is_strong(&out.headers, &IF_NONE_MATCH) {
            out.remove_header(&IF_NONE_MATCH);
            out.remove_header(&IF_MODIFIED_SINCE);
        }
        out.insert_header(RANGE, format!("bytes={}", self.0))
    }
}

/// Reads what a request wants. A method other than GET has no ranges (RFC 9110, 14.2).
pub(super) fn wanted(request: &RequestHeader) -> Wanted {
    let headers = &request.headers;
    if request.method != Method::GET || !headers.contains_key(RANGE) {
        return Wanted::Whole;
    }
    let has_condition = CONDITIONS.iter().any(|name| headers.contains_key(name));
    let range = only(headers, &RANGE).filter(|_| !has_condition).and_then(parse);
    range.map_or(Wanted::Other, Wanted::Part)
}

/// Tells whether a 206 is one range of something of known length (RFC 9110, 14.4).
pub(super) fn is_one(response: &HeaderMap) -> bool {
    let place = only(response, &CONTENT_RANGE).and_then(|text| {
        let (unit, place) = text.split_once(' ')?;
        let (range, length) = place.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let is_bytes = unit.eq_ignore_ascii_case(UNIT);
        is_bytes.then_some((number(first)?, number(last)?, number(length)?))
    });
    place.is_some_and(|(first, last, length)| first <= last && last < length)
}

/// Tells whether a response has a tag that no other bytes have.
pub(super) fn has_strong_tag(response: &HeaderMap) -> bool {
    is_strong(response, &ETAG)
}

fn is_strong(headers: &HeaderMap, name: &HeaderName) -> bool {
    only(headers, name).is_some_and(|tag| tag.starts_with('"'))
}

fn parse(text: &str) -> Option<Range> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.eq_ignore_ascii_case(UNIT) {
        return None;
    }
    let mut range = String::new();
    match (number(first), number(last)) {
        (Some(first), None) if last.is_empty() => _ = write!(range, "{first}-"),
        (Some(first), Some(last)) if first <= last => _ = write!(range, "{first}-{last}"),
        (None, Some(last)) if first.is_empty() && last > 0 => _ = write!(range, "-{last}"),
        (None | Some(_), None | Some(_)) => return None,
    }
    Some(Range(range))
}

/// Reads a number, which has digits alone.
fn number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// Returns the value of a field that has one line.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut lines = headers.get_all(name).iter();
    let only = lines.next().filter(|_| lines.next().is_none())?;
    only.to_str().ok()
}

const UNIT: &str = "bytes";

/// What makes an answer depend on more than what is kept.
pub(super) const CONDITIONS: [HeaderName; 5] = [
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
];

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::HOST;
    use proptest::prelude::*;

    use super::*;

    fn request(method: &str, fields: &[(HeaderName, &str)]) -> RequestHeader {
        let mut request = RequestHeader::build(method, b"/", None).unwrap();
        for (name, value) in fields {
            request.append_header(name.clone(), *value).unwrap();
        }
        request
    }

    fn found(range: &str) -> Option<String> {
        match wanted(&request("GET", &[(RANGE, range)])) {
            Wanted::Part(range) => Some(range.0),
            Wanted::Other => None,
            Wanted::Whole => panic!("{range}"),
        }
    }

    #[test]
    fn one_range_has_one_spelling() {
        for (range, expected) in [
            ("bytes=0-99", "0-99"),
            ("Bytes= 00-099 ", "0-99"),
            ("bytes=7-7", "7-7"),
            ("bytes=100-", "100-"),
            ("bytes=-5", "-5"),
        ] {
            assert_eq!(found(range).as_deref(), Some(expected), "{range}");
        }
    }

    #[test]
    fn whatever_else_a_range_is_names_no_part() {
        for range in [
            "bytes=0-1,3-4",
            "bytes=0-1,",
            "bytes=2-1",
            "bytes=-0",
            "bytes=-",
            "bytes=",
            "bytes",
            "items=0-1",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=1--2",
            "bytes=0-99999999999999999999",
            "bytes=0- 5",
        ] {
            assert_eq!(found(range), None, "{range}");
        }
        let twice = request("GET", &[(RANGE, "bytes=0-1"), (RANGE, "bytes=0-1")]);
        assert_eq!(wanted(&twice), Wanted::Other);
        for name in CONDITIONS {
            let on_condition = request("GET", &[(RANGE, "bytes=0-1"), (name, "\"1\"")]);
            assert_eq!(wanted(&on_condition), Wanted::Other);
        }
        assert_eq!(wanted(&request("HEAD", &[(RANGE, "bytes=0-1")])), Wanted::Whole);
        assert_eq!(wanted(&request("GET", &[(HOST, "a.test")])), Wanted::Whole);
    }

    #[test]
    fn a_part_says_where_it_is_of_how_much() {
        for (range, expected) in [
            ("bytes 0-99/100", true),
            ("bytes 5-5/6", true),
            ("bytes 0-100/100", false),
            ("bytes 5-4/10", false),
            ("bytes 0-9/*", false),
            ("bytes */10", false),
            ("items 0-9/10", false),
            ("bytes=0-9/10", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_RANGE, HeaderValue::from_static(range))]);
            assert_eq!(is_one(&headers), expected, "{range}");
        }
        assert!(!is_one(&HeaderMap::new()));
    }

    #[test]
    fn a_part_is_found_good_by_a_strong_tag_alone() {
        for (tag, is_asked) in [("\"1\"", true), ("W/\"1\"", false)] {
            let time = "Thu, 01 Jan 2026 00:00:00 GMT";
            let mut out = request("GET", &[(IF_NONE_MATCH, tag), (IF_MODIFIED_SINCE, time)]);
            Range("-5".to_owned()).ask(&mut out).unwrap();
            let has = [IF_NONE_MATCH, IF_MODIFIED_SINCE].map(|name| out.headers.contains_key(name));
            assert_eq!(
                (&out.headers[RANGE], has),
                (&HeaderValue::from_static("bytes=-5"), [is_asked; 2])
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_range_out_of_its_key(text in "(bytes=)?[ -~]{0,20}") {
            if let Some(range) = found(&text) {
                prop_assert!(range.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'));
                prop_assert_eq!(found(&format!("bytes={range}")), Some(range));
            }
        }
    }
}
