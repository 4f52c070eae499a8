//! Refuses what is too large or malformed before anything is looked up.

use http::HeaderMap;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};

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
    let fields = Fields::of(head.headers);
    if head.headers.len() > limits.header_count || fields.bytes > limits.header_bytes {
        return Err(Denial::HeadTooLarge);
    }
    if has_bare_line_feed(head.raw) {
        return Err(Denial::BareLineFeed);
    }
    if fields.has_unknown_coding {
        return Err(Denial::UnknownCoding);
    }
    if fields.lengths > 1 || fields.has_malformed_length {
        return Err(Denial::MalformedBody);
    }
    if fields.names_hops && hop::is_abused(head.headers) {
        return Err(Denial::AbusedConnection);
    }
    Target::parse(head.path).map_err(Denial::BadTarget)
}

/// What is asked of all fields, in one pass over them: most requests have none of those that are looked for.
#[derive(Default)]
struct Fields {
    bytes: usize,
    lengths: usize,
    /// A length or a coding of the body that somebody on the way could read in another way (RFC 9112, 6).
    has_malformed_length: bool,
    has_unknown_coding: bool,
    names_hops: bool,
}

impl Fields {
    fn of(headers: &HeaderMap) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers {
            fields.bytes += name.as_str().len() + value.len();
            if *name == CONTENT_LENGTH {
                fields.lengths += 1;
                fields.has_malformed_length |= !value.as_bytes().iter().all(u8::is_ascii_digit);
            } else if *name == TRANSFER_ENCODING {
                fields.has_unknown_coding |= !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
            } else if *name == CONNECTION {
                fields.names_hops = true;
            }
        }
        fields
    }
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
