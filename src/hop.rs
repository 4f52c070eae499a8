//! The fields of one hop: what belongs to a connection, and what `Connection` says does (RFC 9110, 7.6.1).
//!
//! Framing is left to whoever writes the message, `Upgrade` to whoever knows whether one is under way.

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName};

/// Returns the fields of a message that must not go further.
pub fn fields(headers: &HeaderMap) -> Vec<HeaderName> {
    let named = nominated(headers).filter_map(|token| HeaderName::from_bytes(token).ok());
    let named = named.filter(|name| *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING);
    let fixed = FIXED.into_iter();
    named.chain(fixed).filter(|name| headers.contains_key(name)).collect()
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

/// Those that belong to a connection whether it says so or not.
const FIXED: [HeaderName; 3] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

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
        for name in ["x-hop", "x-public", "content-length", "keep-alive"] {
            headers.insert(HeaderName::from_static(name), "1".parse().unwrap());
        }
        assert_eq!(fields(&headers), ["x-hop", "connection", "keep-alive"]);
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
