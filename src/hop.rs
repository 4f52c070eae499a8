//! The fields of one hop: what belongs to a connection, and what `Connection` says does (RFC 9110, 7.6.1).
//!
//! Framing is left to whoever writes the message. An upgrade that goes on is written anew by whoever carries it.

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName};

/// Tells whether a field of a request must not go further, whether `Connection` says so or not. Nothing of an upgrade
/// does, nor what is meant for us alone, nor a coding that whoever sends the body chooses again.
pub fn is_of_request(name: &str) -> bool {
    let is_ours = || {
        matches!(
            name,
            "http2-settings" | "proxy-authenticate" | "proxy-authorization" | "upgrade"
        )
    };
    is_of_connection(name) || is_ours() || matches!(name, "te" | "trailer" | "transfer-encoding")
}

/// Returns the fields of a response that must not go further, but for `Upgrade`, which depends on the status.
///
/// Most messages have none of them, so the names are looked at, rather than looked up, and none is copied in vain.
pub fn of_response(headers: &HeaderMap) -> Vec<HeaderName> {
    let fixed = headers.keys().filter(|name| is_of_connection(name.as_str()));
    let mut found = fixed.cloned().collect();
    add_nominated(headers, &mut found);
    found
}

/// Adds what `Connection` names, where it is among what was found.
pub fn add_nominated(headers: &HeaderMap, found: &mut Vec<HeaderName>) {
    if found.contains(&CONNECTION) {
        let named = nominated(headers).filter_map(|token| HeaderName::from_bytes(token).ok());
        found.extend(named.filter(|name| *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING));
    }
}

/// Tells whether `Connection` names a field that would go further otherwise.
pub fn nominates(headers: &HeaderMap) -> bool {
    nominated(headers)
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .any(|name| headers.contains_key(&name) && !is_of_request(name.as_str()))
}

/// Tells whether a field belongs to a connection whether it says so or not.
fn is_of_connection(name: &str) -> bool {
    matches!(name, "connection" | "keep-alive" | "proxy-connection")
}

/// Tells whether `Connection` names what is no field, too much, or what a caller must not take from a request.
pub fn is_abused(headers: &HeaderMap) -> bool {
    nominated(headers).enumerate().any(|(place, token)| {
        let is_ours = || OURS.iter().any(|name| token.eq_ignore_ascii_case(name.as_bytes()));
        place + 1 >= MOST || !token.iter().all(is_token) || is_ours()
    })
}

fn nominated(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(CONNECTION).into_iter();
    let tokens = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    tokens.map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

/// What routing and forwarding rest on.
const OURS: [&str; 5] = [
    "host",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// Pingora 0.9.1 breaks off at so many names, without an answer.
const MOST: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(CONNECTION, value.parse().unwrap())])
    }

    #[test]
    fn what_is_named_and_what_is_known_goes_no_further() {
        let mut headers = connection("close, X-Hop, Content-Length");
        for name in ["x-hop", "x-public", "content-length", "keep-alive", "te", "upgrade"] {
            headers.insert(HeaderName::from_static(name), "1".parse().unwrap());
        }
        let left = |fields: Vec<HeaderName>| {
            let mut left = headers.clone();
            fields.iter().for_each(|name| drop(left.remove(name)));
            let mut names: Vec<_> = left.keys().map(ToString::to_string).collect();
            names.sort();
            names
        };
        let names = headers.keys().filter(|name| is_of_request(name.as_str()));
        let mut unsent = names.cloned().collect();
        add_nominated(&headers, &mut unsent);
        assert_eq!(left(unsent), ["content-length", "x-public"]);
        assert_eq!(
            left(of_response(&headers)),
            ["content-length", "te", "upgrade", "x-public"]
        );
    }

    #[test]
    fn a_request_keeps_what_forwarding_rests_on() {
        for value in [
            "HOST",
            "a, x-Forwarded-For",
            "bad token",
            "\"host\"",
            "a,b,c,d,e,f,g,h,i,j",
        ] {
            assert!(is_abused(&connection(value)), "{value}");
        }
        for value in ["", "keep-alive, Upgrade,, x-hop", "a,b,c,d,e,f,g,h,i"] {
            assert!(!is_abused(&connection(value)), "{value}");
        }
    }
}
