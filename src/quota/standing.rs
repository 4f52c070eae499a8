//! What a ledger answers: how each quota stands, and when to come again.

use std::time::Duration;

use smallvec::SmallVec;

/// What a ledger found, and what came of it.
#[derive(Debug)]
#[must_use = "a refusal must be obeyed, and a hold is kept as long as the request"]
pub struct Answer<T> {
    /// How each quota that was asked for stands now, in the order of the demands.
    pub standings: Standings,
    /// What was taken, or why nothing was.
    pub result: Result<T, Refusal>,
}

/// How the quotas of a take stand, in the order of its demands.
pub type Standings = SmallVec<[Standing; 8]>;

/// How a quota stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// How much may pass.
    pub quota: u64,
    /// How much of it may pass now.
    pub remaining: u64,
    /// In how many seconds, rounded up, all of it may pass again, if nothing is spent until then.
    pub reset: u32,
    /// Whether this is beyond the quota; a soft one lets it pass.
    pub is_over: bool,
    /// Whether newcomers share this count, for there is no room for more counters.
    pub is_shared: bool,
}

/// Why nothing was taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// Which demand could not be met, the first of them by its place.
    pub demand: usize,
    /// When all of them can be, if nothing else is spent until then.
    pub retry: Retry,
}

/// When to ask again; later ones are greater.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Retry {
    /// After so long, and not a microsecond sooner.
    After(Duration),
    /// When requests that are under way have ended, which nobody knows.
    Release,
    /// Not at all: more is asked than the whole quota.
    Never,
}

impl Retry {
    pub(super) fn after(micros: u64) -> Self {
        Self::After(Duration::from_micros(micros))
    }

    /// Returns the whole seconds after which it is true to ask again, at least one; none where there is no knowing.
    #[must_use]
    pub fn seconds(self) -> Option<u64> {
        match self {
            Self::After(wait) => Some(
                wait.as_micros()
                    .div_ceil(1_000_000)
                    .try_into()
                    .unwrap_or(u64::MAX)
                    .max(1),
            ),
            Self::Release | Self::Never => None,
        }
    }
}

/// Returns microseconds as whole seconds, rounded up.
pub(super) fn seconds(micros: u64) -> u32 {
    u32::try_from(micros.saturating_add(999_999) / 1_000_000).unwrap_or(u32::MAX)
}

/// So many demands are examined without an allocation; more are as well, with one.
pub(super) const FEW: usize = 12;
