//! What callers are told whose path backends could read in different ways.

use crate::target::BadTarget;

/// Says what is wrong with a path.
pub(super) fn bad_target(why: BadTarget) -> &'static str {
    match why {
        BadTarget::Control => "The request path holds a control character.",
        BadTarget::DotSegment => "The request path holds a dot segment.",
        BadTarget::InvalidEncoding => "The request path holds an invalid percent-encoding.",
        BadTarget::InvalidText => "The request path is not valid UTF-8.",
        BadTarget::Malformed => "The request path is malformed.",
        BadTarget::NotAllowed => {
            "The request path holds an encoded slash or backslash, an empty segment or a path parameter, which the API does not accept."
        }
    }
}
