//! What a caller is told of the cache's part in an answer (RFC 9211).

use std::fmt::Write as _;

use super::admission::Reason;
use super::cached::Outcome;

/// The cache's part in an answer.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// What came of asking the cache.
    pub outcome: Outcome,
    /// Why the origin was asked, where it was.
    pub cause: Cause,
    /// What the origin answered, where it was asked.
    pub forwarded: Option<u16>,
    /// Whether the answer was fetched for another request.
    pub collapsed: bool,
    /// Seconds for which it is fresh; negative where it is stale.
    pub ttl: Option<i64>,
    /// Why it is not kept.
    pub reason: Option<Reason>,
}

/// Why the origin was asked (RFC 9211, 2.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// The cache was not to be asked.
    Bypass,
    /// Its method is answered by the origin alone.
    Method,
    /// Nothing that could be used was kept.
    Miss,
    /// The request did not take what is kept.
    Request,
    /// What is kept is stale.
    Stale,
}

impl Cause {
    fn name(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::Miss => "miss",
            Self::Request => "request",
            Self::Stale => "stale",
        }
    }
}

/// Writes the member of `Cache-Status` that is this cache's.
pub fn member(part: &Part) -> String {
    let mut text = String::from("Tollgate");
    if matches!(part.outcome, Outcome::Hit | Outcome::Stale) {
        text.push_str("; hit");
    } else {
        _ = write!(text, "; fwd={}", part.cause.name());
        if part.outcome == Outcome::Stored {
            text.push_str("; stored");
        }
        if let Some(status) = part.forwarded {
            _ = write!(text, "; fwd-status={status}");
        }
    }
    if part.collapsed {
        text.push_str("; collapsed");
    }
    if let Some(ttl) = part.ttl {
        _ = write!(text, "; ttl={ttl}");
    }
    if let Some(reason) = part.reason {
        _ = write!(text, "; detail={}", reason.name());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_what_happened() {
        let part = Part {
            outcome: Outcome::Hit,
            cause: Cause::Miss,
            forwarded: None,
            collapsed: false,
            ttl: Some(-3),
            reason: None,
        };
        assert_eq!(member(&part), "Tollgate; hit; ttl=-3");
        let part = Part {
            outcome: Outcome::Miss,
            forwarded: Some(200),
            ttl: None,
            reason: Some(Reason::SetCookie),
            ..part
        };
        assert_eq!(member(&part), "Tollgate; fwd=miss; fwd-status=200; detail=set-cookie");
        let part = Part {
            outcome: Outcome::Stored,
            cause: Cause::Request,
            ttl: Some(60),
            reason: None,
            ..part
        };
        assert_eq!(member(&part), "Tollgate; fwd=request; stored; fwd-status=200; ttl=60");
    }
}
