//! Refuses what is too large or malformed before anything is looked up.

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
    if hop::is_abused(head.headers) {
        return Err(Denial::AbusedConnection);
    }
    Target::parse(head.path).map_err(Denial::BadTarget)
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
    memchr::memchr_iter(b'\n', raw).any(|at| at.checked_sub(1).and_then(|before| raw.get(before)) != Some(&b'\r'))
}
