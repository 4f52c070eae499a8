//! What the cache does with one exchange, while that lasts.

use std::time::SystemTime;

use http::{HeaderMap, StatusCode};
use pingora_cache::CacheKey;

use super::admission::Reason;
use super::commons::Common;
use super::directives::Demand;
use super::part::Range;
use super::storage::Stamp;

/// What the cache does with one exchange. There is none where nothing is kept of a resource.
#[derive(Debug)]
pub struct Cached {
    /// What the request asks of the cache, as far as the catalog lets it.
    pub demand: Demand,
    /// When the origin was asked, as far as ages count.
    pub asked: SystemTime,
    /// Which purges were before that.
    pub(super) stamp: Stamp,
    /// The key, until Pingora takes it.
    pub(super) key: Option<CacheKey>,
    /// The range that the key is for, where it is that of a part.
    pub(super) part: Option<Range>,
    /// Whether it is a POST, whose answer may be kept for GET.
    pub is_posted: bool,
    /// Whether what it makes worthless has been forgotten.
    pub has_forgotten: bool,
    /// The path and query that the endpoint gets, and that purges name.
    pub target: String,
    /// What the key that all callers would share hashes to, where they do not share everything.
    pub(super) common: Option<Common>,
    /// Whom an entry under that key would belong to that is not for everybody.
    pub(super) owner: Option<String>,
    /// The fields of an answer that what is kept is still good.
    pub(super) validated: Option<Box<HeaderMap>>,
    /// Until when that is fresh which answered without Pingora's state machine, where something did.
    pub(super) hit: Option<SystemTime>,
    /// What the origin answered, where it was asked.
    pub(super) status: Option<StatusCode>,
    /// Whether something was kept, which the request did not take.
    pub(super) is_declined: bool,
    /// Why the answer is not kept.
    pub reason: Option<Reason>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of asking the cache.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Outcome {
    /// It was not asked, or had nothing to say in it.
    #[default]
    Bypass,
    /// What is kept was used.
    Hit,
    /// Nothing was kept, and the answer is not either.
    Miss,
    /// What is kept was used after the origin had said that it is still good.
    Revalidated,
    /// What is kept was used though it is stale.
    Stale,
    /// Nothing was kept, and the answer is.
    Stored,
}

impl Outcome {
    /// Every one, for what counts them.
    pub const ALL: [Self; 6] = [
        Self::Bypass,
        Self::Hit,
        Self::Miss,
        Self::Revalidated,
        Self::Stale,
        Self::Stored,
    ];

    /// Tells whether the answer came from what is kept.
    pub fn is_kept(self) -> bool {
        match self {
            Self::Hit | Self::Revalidated | Self::Stale => true,
            Self::Bypass | Self::Miss | Self::Stored => false,
        }
    }

    /// Returns its name, as logs and metrics have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Revalidated => "revalidated",
            Self::Stale => "stale",
            Self::Stored => "stored",
        }
    }
}
