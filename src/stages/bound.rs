//! Refuses what is too large or malformed before anything is looked up.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

use crate::denial::Denial;
use crate::head::Head;
use crate::hop;
use crate::settings::Limits;
use crate::target::Target;

/// Checks a head against the gateway's bounds and takes its path.
pub(super) fn bound<'a>(head: &Head<'a>, limits: &Limits) -> Result<Target<'a>, Denial> {
    if head.target_bytes > limits.uri_bytes {
        return Err(Denial::UriTooLong);
    }
    if head.headers.len() > limits.header_count || header_bytes(head) > limits.header_bytes {
        return Err(Denial::HeadTooLarge);
    }
    if has_bare_line_feed(head.raw) {
        return Err(Denial::BareLineFeed);
    }
    framing(head.headers)?;
    if hop::is_abused(head.headers) {
        return Err(Denial::AbusedConnection);
    }
    Target::parse(head.path).map_err(Denial::BadTarget)
}

/// Refuses a length or a coding of the body that somebody on the way could read in another way (RFC 9112, 6).
fn framing(headers: &HeaderMap) -> Result<(), Denial> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    if codings.any(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")) {
        return Err(Denial::UnknownCoding);
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let is_plain = lengths
        .next()
        .is_none_or(|length| length.as_bytes().iter().all(u8::is_ascii_digit));
    if is_plain && lengths.next().is_none() {
        Ok(())
    } else {
        Err(Denial::MalformedBody)
    }
}

fn header_bytes(head: &Head<'_>) -> usize {
    head.headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}

/// Tells whether a line ends without a carriage return, which Pingora 0.9.1 lets pass: proxies that disagree about
/// where a line ends can be made to disagree about where a request ends (RFC 9112, 2.2).
fn has_bare_line_feed(raw: &[u8]) -> bool {
    let pairs = raw.iter().zip(raw.get(1..).unwrap_or_default());
    // Without a way out at the first one, many are looked at in one step.
    let is_bare = pairs.fold(false, |found, (&before, &byte)| {
        found | (byte == b'\n') & (before != b'\r')
    });
    is_bare || raw.first() == Some(&b'\n')
}
