//! A limit: the figures that counts are held against.
//!
//! A limit is a plain value of the catalog. It holds no count, so that another figure applies at once to what was
//! counted under the one before.

use std::time::Duration;

use thiserror::Error;

use super::calendar::Calendar;
use super::clock::micros;

/// The figures that a count is held against.
#[derive(Clone, Debug)]
pub struct Limit {
    kind: Kind,
    unit: Unit,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Bytes that pass. A take needs one byte left and spends none; they are charged as they pass.
    Bytes,
    /// Requests.
    Requests,
}

/// How a limit counts.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// So many in each window of a calendar.
    Calendar { quota: u64, calendar: Calendar },
    /// So many at the same time.
    Concurrent { quota: u64 },
    /// So many in any span of so many microseconds.
    Sliding { quota: u64, window: u64 },
    /// A bucket of so many tokens, of which so many come back per so many microseconds.
    Tokens { capacity: u64, rate: u64, per: u64 },
}

/// Why figures are no limit.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum BadLimit {
    /// The span is shorter than a millisecond or longer than ten years.
    #[error("a span must be between a millisecond and ten years")]
    Span,
}

impl Limit {
    /// So many in any span of this length.
    ///
    /// # Errors
    ///
    /// Returns [`BadLimit::Span`] where the span is shorter than a millisecond or longer than ten years.
    pub fn sliding(unit: Unit, quota: u64, window: Duration) -> Result<Self, BadLimit> {
        let window = span(window)?;
        let kind = Kind::Sliding { quota, window };
        Ok(Self { kind, unit })
    }

    /// So many in each window of a calendar.
    #[must_use]
    pub fn calendar(unit: Unit, quota: u64, calendar: Calendar) -> Self {
        let kind = Kind::Calendar { quota, calendar };
        Self { kind, unit }
    }

    /// As many requests at once as a bucket holds, and no more over time than come back to it: `rate` in each `per`.
    ///
    /// # Errors
    ///
    /// Returns [`BadLimit::Span`] where `per` is shorter than a millisecond or longer than ten years.
    pub fn burst(rate: u64, per: Duration, capacity: u64) -> Result<Self, BadLimit> {
        let kind = Kind::Tokens {
            capacity,
            rate,
            per: span(per)?,
        };
        let unit = Unit::Requests;
        Ok(Self { kind, unit })
    }

    /// So many requests at the same time.
    #[must_use]
    pub fn concurrent(quota: u64) -> Self {
        let kind = Kind::Concurrent { quota };
        let unit = Unit::Requests;
        Self { kind, unit }
    }

    /// Returns what is counted.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Returns how much may pass in a window, at once, or at the same time.
    #[must_use]
    pub fn quota(&self) -> u64 {
        match self.kind {
            Kind::Calendar { quota, .. } | Kind::Concurrent { quota } | Kind::Sliding { quota, .. } => quota,
            Kind::Tokens { capacity, .. } => capacity,
        }
    }

    /// Tells whether it counts what is under way, and not what has passed.
    #[must_use]
    pub fn is_concurrent(&self) -> bool {
        matches!(self.kind, Kind::Concurrent { .. })
    }

    pub(super) fn with_kind(&self, kind: Kind) -> Self {
        Self { kind, unit: self.unit }
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.kind
    }
}

fn span(span: Duration) -> Result<u64, BadLimit> {
    let micros = micros(span);
    if (SHORTEST..=LONGEST).contains(&micros) {
        Ok(micros)
    } else {
        Err(BadLimit::Span)
    }
}

/// A millisecond.
const SHORTEST: u64 = 1_000;

/// Ten years.
const LONGEST: u64 = 3_660 * 86_400 * 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_within_reason() {
        for (span, expected) in [
            (Duration::ZERO, Err(BadLimit::Span)),
            (Duration::from_micros(999), Err(BadLimit::Span)),
            (Duration::from_millis(1), Ok(1)),
            (Duration::from_secs(86_400 * 366), Ok(1)),
            (Duration::MAX, Err(BadLimit::Span)),
        ] {
            assert_eq!(
                Limit::sliding(Unit::Bytes, 1, span).map(|limit| limit.quota()),
                expected
            );
            assert_eq!(Limit::burst(u64::MAX, span, 1).map(|limit| limit.quota()), expected);
        }
    }
}
