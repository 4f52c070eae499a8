//! A quota of the catalog, ready to be counted, and a demand on it.
//!
//! Its names are hashed once, when the catalog is compiled.

use serde::{Deserialize, Serialize};

use super::key::{Key, QuotaDigest, Secret, SubjectDigest};
use super::limit::{Limit, Unit};

/// A limit with the name that its counts are kept by.
#[derive(Clone, Debug)]
pub struct Quota {
    limit: Limit,
    is_soft: bool,
    subjects: Subjects,
    digest: QuotaDigest,
    secret: Secret,
    /// What those count on who come when there is no room.
    overflow: Key,
}

/// Who can make up new subjects of a quota, and so new counters.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Subjects {
    /// Anyone, as with addresses and header fields. They get three quarters of the counters at most.
    Invented,
    /// Only who keeps the catalog or the registry, as with applications and resources.
    Registered,
}

/// What a request asks of a quota for a subject.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    quota: &'a Quota,
    key: Key,
    amount: u64,
}

impl Quota {
    /// Names a limit: its tenant, its level, its tier, and which of the tier's limits it is.
    ///
    /// Two limits must not share a name: they would share a count.
    #[must_use]
    pub fn new(limit: Limit, subjects: Subjects, names: &[&str], secret: &Secret) -> Self {
        let digest = secret.quota(names);
        Self {
            limit,
            is_soft: false,
            subjects,
            digest,
            secret: *secret,
            // Subjects are named by at least one part, so this is nobody's.
            overflow: digest.key(secret.subject(&[])),
        }
    }

    /// Lets what is beyond the quota pass: it is counted, and said to be over.
    #[must_use]
    pub fn soft(self) -> Self {
        Self { is_soft: true, ..self }
    }

    /// Asks for what a request takes of a subject, which is named by one part or more: one request; or a byte left.
    #[must_use]
    pub fn of(&self, subject: &[&str]) -> Demand<'_> {
        self.of_key(self.key(self.subject(subject)))
    }

    /// Hashes the names of a subject, as all quotas do that were made with the same secret.
    #[must_use]
    pub fn subject(&self, names: &[&str]) -> SubjectDigest {
        self.secret.subject(names)
    }

    /// Returns what the count of a subject is found by.
    #[must_use]
    pub fn key(&self, subject: SubjectDigest) -> Key {
        self.digest.key(subject)
    }

    /// Asks what [`Quota::of`] does, for a subject whose key is known.
    #[must_use]
    pub fn of_key(&self, key: Key) -> Demand<'_> {
        Demand {
            quota: self,
            key,
            amount: self.least(),
        }
    }

    /// Returns the figures.
    #[must_use]
    pub fn limit(&self) -> &Limit {
        &self.limit
    }

    /// Tells whether what is beyond the quota passes.
    #[must_use]
    pub fn is_soft(&self) -> bool {
        self.is_soft
    }

    /// Returns the same quota with other figures; its counts are the same.
    pub(super) fn with_limit(&self, limit: Limit) -> Self {
        Self { limit, ..self.clone() }
    }

    pub(super) fn overflow(&self) -> Key {
        self.overflow
    }

    /// Returns what a request takes before anything has passed.
    fn least(&self) -> u64 {
        match self.limit.unit() {
            Unit::Bytes => 0,
            Unit::Requests => 1,
        }
    }

    pub(super) fn subjects(&self) -> Subjects {
        self.subjects
    }
}

impl<'a> Demand<'a> {
    /// Asks for so much instead. What is under way counts as one all the same.
    #[must_use]
    pub fn amounting(self, amount: u64) -> Self {
        let amount = if self.limit().is_concurrent() { 1 } else { amount };
        Self { amount, ..self }
    }

    /// Returns what the count is found by.
    #[must_use]
    pub fn key(&self) -> Key {
        self.key
    }

    /// Returns the quota that is asked.
    #[must_use]
    pub fn quota(&self) -> &'a Quota {
        self.quota
    }

    /// Asks the same of a quota whose counts are the same.
    pub(super) fn on<'b>(&self, quota: &'b Quota) -> Demand<'b> {
        Demand {
            quota,
            key: self.key,
            amount: self.amount,
        }
    }

    /// Returns what it asks, to be asked where the quota is a copy.
    pub(super) fn parts(&self) -> (Key, u64) {
        (self.key, self.amount)
    }

    /// Asks a quota for what another demand asked of a copy of it.
    pub(super) fn from_parts(quota: &'a Quota, (key, amount): (Key, u64)) -> Self {
        Self { quota, key, amount }
    }

    pub(super) fn amount(&self) -> u64 {
        self.amount
    }

    pub(super) fn limit(&self) -> &'a Limit {
        &self.quota.limit
    }

    pub(super) fn overflow(&self) -> Key {
        self.quota.overflow
    }
}
