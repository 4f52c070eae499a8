//! What a caller is told of the cache's part in an answer (RFC 9211).

use std::fmt::Write as _;

use super::admission::Reason;
use super::cached::Outcome;

/// The cache's part in an answer.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// What came of asking the cache.
    pub outcome: Outcome,
    /// What the origin answered, where it was asked.
    pub forwarded: Option<u16>,
    /// Whether the answer was fetched for another request.
    pub collapsed: bool,
    /// Seconds for which it is fresh; negative where it is stale.
    pub ttl: Option<i64>,
    /// Why it is not kept.
    pub reason: Option<Reason>,
}

/// Writes the member of `Cache-Status` that is this cache's.
pub fn member(part: &Part) -> String {
    let mut text = String::from("Tollgate");
    let said = match part.outcome {
        Outcome::Bypass => "; fwd=bypass",
        Outcome::Hit | Outcome::Stale => "; hit",
        Outcome::Miss => "; fwd=miss",
        Outcome::Revalidated => "; fwd=stale",
        Outcome::Stored => "; fwd=miss; stored",
    };
    text.push_str(said);
    let is_forwarded = !matches!(part.outcome, Outcome::Hit | Outcome::Stale);
    if let Some(status) = part.forwarded.filter(|_| is_forwarded) {
        _ = write!(text, "; fwd-status={status}");
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
    }
}
