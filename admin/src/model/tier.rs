//! A tier: a named set of quotas, and who may choose it.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::name::{GroupName, TenantName, TierName};
use super::place::Place;

/// A named set of quotas.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name, unique in its tenant and level.
    pub name: TierName,
    /// What it counts.
    pub level: TierLevel,
    /// The tenant that may use it.
    pub tenant: TenantName,
    /// The quotas of whoever no group takes; without any, nothing is counted of them.
    pub limits: Vec<Limit>,
    /// Groups of requests with quotas of their own; the first that takes a request decides.
    pub groups: Vec<Group>,
    /// Whether what is beyond a quota is refused; else it passes, and is said to be over.
    pub is_hard: bool,
    /// Whether each user has a count of its own, at level `resource`.
    pub is_per_user: bool,
    /// Who may choose it.
    pub choosers: Choosers,
    /// Where it was stated.
    pub place: Place,
}

/// Requests that have quotas of their own in a tier.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name, unique in its tier.
    pub name: GroupName,
    /// What must all be true of a request.
    pub conditions: Vec<Condition>,
    /// Their quotas; without any, nothing is counted of them.
    pub limits: Vec<Limit>,
}

/// Whose owners of applications may choose a tier.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Choosers {
    /// Everybody's.
    #[default]
    All,
    /// All but those with one of these roles.
    AllBut(Vec<String>),
    /// Those with one of these roles.
    Only(Vec<String>),
}

impl Choosers {
    /// Tells whether it does not matter who chooses.
    pub fn are_all(&self) -> bool {
        *self == Self::All
    }

    /// Tells whether somebody with these roles may choose the tier.
    pub fn include(&self, roles: &[String]) -> bool {
        let has = |wanted: &[String]| wanted.iter().any(|role| roles.contains(role));
        match self {
            Self::All => true,
            Self::AllBut(denied) => !has(denied),
            Self::Only(allowed) => has(allowed),
        }
    }
}

/// The figures of a quota.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Limit {
    /// A bucket: so many requests at once, and so many in each span of time.
    Burst {
        /// How many may come at once.
        capacity: u64,
        /// How many come back.
        rate: u64,
        /// In how long.
        per: Duration,
    },
    /// So many bytes in a window, requests and responses together.
    Bytes(u64, Window),
    /// So many requests at the same time.
    Concurrent(u64),
    /// So many requests in a window.
    Requests(u64, Window),
}

impl Limit {
    /// Returns what it counts, in one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Burst { .. } => "burst",
            Self::Bytes(..) => "bytes",
            Self::Concurrent(_) => "concurrent",
            Self::Requests(..) => "requests",
        }
    }
}

/// In which time a quota counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Window {
    /// In each window of the calendar of a time zone.
    Calendar(CalendarSpan, String),
    /// In any span of this length.
    Sliding(Duration),
}

/// How long a calendar window lasts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CalendarSpan {
    /// From one full minute to the next.
    Minute,
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// From the first of a month to the next.
    Month,
}

/// What a tier counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TierLevel {
    /// The calls of one user of an application.
    Application,
    /// The calls of a resource, or of a whole version.
    Resource,
    /// The calls of one subscription.
    Subscription,
}

/// Writes it as files do.
impl fmt::Display for TierLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Application => "application",
            Self::Resource => "resource",
            Self::Subscription => "subscription",
        })
    }
}

/// The tier without a quota, which every tenant has at every level.
pub const UNLIMITED: &str = "Unlimited";

/// The subscription tier of callers without an application, where their tenant states it; nobody can subscribe to it.
pub const UNAUTHENTICATED: &str = "Unauthenticated";
