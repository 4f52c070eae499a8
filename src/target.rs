//! The path of a request, as it is matched and as it is sent: one value for both.
//!
//! A path is taken in a canonical form or refused, so that a backend which decodes it once sees exactly what the
//! templates were compared with. Unreserved characters are decoded and everything else that needs encoding is encoded
//! in upper case (RFC 3986, 6.2.2); dot segments, plain backslashes, NUL and other controls, invalid encodings and
//! invalid UTF-8 are refused whatever a version says. What only some backends misread is noted and refused unless the version
//! allows it by name. The query is not looked at.

use std::borrow::Cow;

use crate::model::api::PathAllowances;

/// A request path in canonical form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target<'a> {
    path: Cow<'a, str>,
    oddities: PathAllowances,
}

/// Why a path is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BadTarget {
    /// A control character, NUL included, plain or encoded.
    Control,
    /// A segment `.` or `..`, plain or encoded.
    DotSegment,
    /// `%` without two hexadecimal digits.
    InvalidEncoding,
    /// Bytes that are not UTF-8 once decoded.
    InvalidText,
    /// A path that does not begin with a slash, or holds a backslash or a fragment.
    Malformed,
    /// A form that the version does not allow by name.
    NotAllowed,
}

impl<'a> Target<'a> {
    /// Takes a path as it arrived, without its query.
    ///
    /// # Errors
    ///
    /// Returns why the path is refused.
    pub fn parse(raw: &'a [u8]) -> Result<Self, BadTarget> {
        if raw.first() != Some(&b'/') {
            return Err(BadTarget::Malformed);
        }
        if let (true, Ok(text)) = (is_unremarkable(raw), std::str::from_utf8(raw)) {
            return Ok(Self {
                path: Cow::Borrowed(text),
                oddities: PathAllowances::default(),
            });
        }
        let path = canonical(raw)?;
        let mut oddities = PathAllowances {
            encoded_slashes: has_encoded_slash(&path),
            ..PathAllowances::default()
        };
        let mut segments = path.split('/').skip(1).peekable();
        while let Some(segment) = segments.next() {
            if pieces(segment).any(|piece| piece == "." || piece == "..") {
                return Err(BadTarget::DotSegment);
            }
            oddities.path_parameters |= segment.contains(';');
            oddities.empty_segments |= segment.is_empty() && segments.peek().is_some();
        }
        Ok(Self {
            path: Cow::Owned(path),
            oddities,
        })
    }

    /// Returns the canonical path: what mounts are compared with, and what is sent.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// Returns the canonical path itself.
    pub fn into_path(self) -> Cow<'a, str> {
        self.path
    }

    /// Checks that a version takes the unusual forms that this path has.
    ///
    /// # Errors
    ///
    /// Returns [`BadTarget::NotAllowed`] where it does not.
    pub fn check(&self, allowed: PathAllowances) -> Result<(), BadTarget> {
        let odd = self.oddities;
        let refused = (odd.empty_segments && !allowed.empty_segments)
            || (odd.encoded_slashes && !allowed.encoded_slashes)
            || (odd.path_parameters && !allowed.path_parameters);
        if refused { Err(BadTarget::NotAllowed) } else { Ok(()) }
    }
}

/// Cuts a segment where some backends would cut it: at encoded slashes, and before path parameters.
fn pieces(segment: &str) -> impl Iterator<Item = &str> {
    let parts = segment.split("%2F").flat_map(|part| part.split("%5C"));
    parts.map(|part| part.split(';').next().unwrap_or_default())
}

/// Cuts a canonical path that begins with a slash into decoded segments, as templates are compared with it.
pub fn segments(canonical: &str) -> Vec<Cow<'_, str>> {
    let path = canonical.strip_prefix('/').unwrap_or(canonical);
    path.split('/').map(decode).collect()
}

fn decode(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let pair = (byte == b'%').then(|| hex_pair(after)).flatten();
        bytes.push(pair.unwrap_or(byte));
        rest = if pair.is_some() {
            after.get(2..).unwrap_or_default()
        } else {
            after
        };
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// Tells whether nothing in a path needs a second look, which holds for most: only plain characters, no parameters, and
/// no segment that is empty or begins with a dot.
fn is_unremarkable(raw: &[u8]) -> bool {
    let mut before = b'a';
    raw.iter().all(|&byte| {
        let starts_odd = before == b'/' && (byte == b'/' || byte == b'.');
        before = byte;
        !starts_odd && PLAIN.get(usize::from(byte)).copied().unwrap_or(false) && byte != b';'
    })
}

/// Decodes what need not be encoded, encodes what must be, and refuses what no backend should see.
fn canonical(raw: &[u8]) -> Result<String, BadTarget> {
    let mut out = String::with_capacity(raw.len() + 8);
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let encoded = byte == b'%';
        let value = if encoded {
            rest = after.get(2..).unwrap_or_default();
            hex_pair(after).ok_or(BadTarget::InvalidEncoding)?
        } else {
            byte
        };
        decoded.push(value);
        match value {
            0..=0x1f | 0x7f => return Err(BadTarget::Control),
            b'\\' | b'#' | b'?' if !encoded => return Err(BadTarget::Malformed),
            _ if is_unreserved(value) || (!encoded && is_plain(value)) => out.push(char::from(value)),
            _ => push_encoded(&mut out, value),
        }
    }
    match std::str::from_utf8(&decoded) {
        Ok(_) => Ok(out),
        Err(_) => Err(BadTarget::InvalidText),
    }
}

fn push_encoded(out: &mut String, value: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    for nibble in [value >> 4, value & 15] {
        out.push(DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from));
    }
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

fn has_encoded_slash(canonical: &str) -> bool {
    canonical.contains('%') && (canonical.contains("%2F") || canonical.contains("%5C"))
}

/// What stands in a canonical path as it is, by byte.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(
            clippy::indexing_slicing,
            clippy::cast_possible_truncation,
            reason = "evaluated by the compiler"
        )]
        {
            table[byte] = is_plain(byte as u8);
        }
        byte += 1;
    }
    table
};

/// Tells what stands in a canonical path as it is: RFC 3986's pchar, and the slash.
const fn is_plain(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'/' | b':' | b'@' | b'!' | b'$' | b'&'..=b',' | b';' | b'=')
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(raw: &str) -> Result<String, BadTarget> {
        let target = Target::parse(raw.as_bytes())?;
        target.check(PathAllowances::default())?;
        Ok(target.as_str().to_owned())
    }

    #[test]
    fn a_clean_path_is_taken_as_it_is() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/a/b.c/~d_e-f",
            "/a:b@c!$&'()*+,=",
            "/..a/b..",
            "/...",
        ] {
            assert_eq!(sent(path).as_deref(), Ok(path));
        }
    }

    #[test]
    fn what_need_not_be_encoded_is_decoded_and_the_rest_is_upper_case() {
        assert_eq!(sent("/%61dmin/%7e%3a").as_deref(), Ok("/admin/~%3A"));
        assert_eq!(sent("/a b/\u{e9}/%c3%A9").as_deref(), Ok("/a%20b/%C3%A9/%C3%A9"));
        assert_eq!(sent("/100%25/%2541").as_deref(), Ok("/100%25/%2541"));
    }

    #[test]
    fn what_backends_read_in_different_ways_is_refused() {
        for (path, why) in [
            ("", BadTarget::Malformed),
            ("a", BadTarget::Malformed),
            ("*", BadTarget::Malformed),
            ("/a\\b", BadTarget::Malformed),
            ("/a#b", BadTarget::Malformed),
            ("/.", BadTarget::DotSegment),
            ("/a/../b", BadTarget::DotSegment),
            ("/a/%2e%2E/b", BadTarget::DotSegment),
            ("/a/.%2e;x=1/b", BadTarget::DotSegment),
            ("/a/..%2fb", BadTarget::DotSegment),
            ("/a/b%5c..", BadTarget::DotSegment),
            ("/a%00", BadTarget::Control),
            ("/a\u{7f}", BadTarget::Control),
            ("/a%0d%0aX: y", BadTarget::Control),
            ("/a%", BadTarget::InvalidEncoding),
            ("/a%4", BadTarget::InvalidEncoding),
            ("/a%zz", BadTarget::InvalidEncoding),
            ("/a%+1", BadTarget::InvalidEncoding),
            ("/%ff", BadTarget::InvalidText),
            ("/%c0%af", BadTarget::InvalidText),
            ("/a%2fb", BadTarget::NotAllowed),
            ("/a%5Cb", BadTarget::NotAllowed),
            ("/a//b", BadTarget::NotAllowed),
            ("//", BadTarget::NotAllowed),
            ("/a;b=c", BadTarget::NotAllowed),
        ] {
            assert_eq!(sent(path), Err(why), "{path:?}");
        }
        assert_eq!(Target::parse(b"/\xff"), Err(BadTarget::InvalidText));
    }

    #[test]
    fn a_version_may_allow_a_form_by_name() {
        let allowed = PathAllowances {
            encoded_slashes: true,
            ..PathAllowances::default()
        };
        let target = Target::parse(b"/a%2fb/c").unwrap();
        assert_eq!(target.check(allowed), Ok(()));
        assert_eq!(segments(target.as_str()), ["a/b", "c"]);
        assert_eq!(
            Target::parse(b"/a//b").unwrap().check(allowed),
            Err(BadTarget::NotAllowed)
        );
    }

    /// What a backend that decodes once makes of a path.
    fn decoded_once(path: &str) -> Vec<u8> {
        let bytes = path.as_bytes();
        let mut out = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            if bytes[at] == b'%' {
                out.push(u8::from_str_radix(&path[at + 1..at + 3], 16).unwrap());
                at += 3;
            } else {
                out.push(bytes[at]);
                at += 1;
            }
        }
        out
    }

    proptest! {
        #[test]
        fn what_is_matched_is_what_is_sent(raw in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            "/[a-c./%25eEfF;\\\\0-9]{0,30}".prop_map(String::into_bytes),
        ]) {
            if let Ok(target) = Target::parse(&raw) {
                let path = target.as_str();
                let matched = segments(path).join("/");
                prop_assert_eq!(decoded_once(&path[1..]), matched.as_bytes());
                prop_assert!(path.bytes().all(|byte| is_plain(byte) || byte == b'%'));
                let again = Target::parse(path.as_bytes());
                prop_assert_eq!(again.as_ref().map(Target::as_str), Ok(path), "taking it again changes nothing");
                prop_assert!(segments(path).iter().all(|segment| segment != "." && segment != ".."));
            }
        }
    }
}
