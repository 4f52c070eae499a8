//! What counts and what denies, compiled: tiers and their quotas, counting rules, deny rules.
//!
//! Counts are kept by the names here, never by the indices: an edited tier applies to what is already counted.

use std::ops::Range;
use std::sync::Arc;

use ahash::AHashMap;

use crate::denial::Reach;
use crate::model::condition::Condition;
use crate::model::counting_rule::Variable;
use crate::model::deny::DenyRule;
use crate::model::place::Place;
use crate::model::tier::{Choosers, TierLevel, UNLIMITED};
use crate::quota::{Names, Quota, SubjectDigest};
use crate::registry::key_pair::KeyType;

/// The index of a tier in its snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TierId(pub(super) u32);

impl TierId {
    /// Returns its place among the tiers of its snapshot, for what is kept beside them.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The index of a quota in its snapshot.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PolicyId(pub(super) u32);

/// The index of a counting rule in its snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RuleId(pub(super) u32);

/// The index of a deny rule in its snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DenyId(pub(super) u32);

/// What counts and what denies.
#[derive(Debug, Default)]
pub struct Tiers {
    pub(super) tiers: Vec<Tier>,
    pub(super) policies: Vec<Policy>,
    pub(super) rules: Vec<Rule>,
    pub(super) denying: Vec<DenyRule>,
    pub(super) chosen: AHashMap<Box<str>, Chosen>,
    pub(super) claims: Arc<[Box<str>]>,
    pub(super) network: Names,
}

/// The tiers of a tenant that are chosen by name, while traffic flows.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) application: AHashMap<Box<str>, TierId>,
    pub(super) subscription: AHashMap<Box<str>, TierId>,
}

/// What requests are held against by one tier, rule or cap.
#[derive(Debug)]
pub struct Tier {
    /// The domain of the tenant that states it.
    pub tenant: Box<str>,
    /// What it counts.
    pub level: Level,
    /// Its name; of a cap, what it protects.
    pub name: Box<str>,
    /// Whether each user has a count of its own.
    pub is_per_user: bool,
    /// Whose owners of applications may use it.
    pub choosers: Choosers,
    /// Where it was stated.
    pub place: Place,
    pub(super) groups: Vec<Group>,
    pub(super) policies: Range<u32>,
}

/// What a tier counts, as its names and metrics tell it apart.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Level {
    /// Callers without an application.
    Anonymous,
    /// The users of an application.
    Application,
    /// What endpoints take.
    Backend,
    /// What a resource, or a whole version, is asked.
    Resource,
    /// What a counting rule tells apart.
    Rule,
    /// A subscription.
    Subscription,
}

impl Level {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Application => "application",
            Self::Backend => "backend",
            Self::Resource => "resource",
            Self::Rule => "rule",
            Self::Subscription => "subscription",
        }
    }
}

/// Requests with quotas of their own.
#[derive(Debug)]
pub struct Group {
    /// What must all be true of a request.
    pub conditions: Vec<Condition>,
    pub(super) policies: Range<u32>,
}

/// One quota, and what it is called.
#[derive(Debug)]
pub struct Policy {
    /// What is counted, and how much.
    pub quota: Quota,
    /// Whose it is.
    pub tier: TierId,
    /// Its name in `RateLimit` fields, quoted.
    pub name: Box<str>,
    /// The same with its figures, as `RateLimit-Policy` has it.
    pub stated: Box<str>,
    /// What is said where it is reached, unless it is the tier of a whole version.
    pub reach: Reach,
}

/// A counting rule.
#[derive(Debug)]
pub struct Rule {
    /// What must all be true of a request that it counts.
    pub conditions: Vec<Condition>,
    /// What has a count of its own.
    pub key: Vec<Variable>,
    /// Where its names begin.
    pub names: Names,
    /// Its quotas.
    pub tier: TierId,
}

/// What counts and what denies the calls of a version.
#[derive(Debug, Default)]
pub struct Counted {
    /// The tier of the whole version, in the place of its resources' own.
    pub tier: Option<TierId>,
    /// The version, as that tier counts it.
    pub subject: SubjectDigest,
    /// The tier of callers without an application.
    pub anonymous: Option<TierId>,
    /// The counting rules.
    pub rules: Vec<RuleId>,
    /// The deny rules that do not ask who calls.
    pub denying_anybody: Vec<DenyId>,
    /// Those that do.
    pub denying_callers: Vec<DenyId>,
    pub(super) production: Option<Cap>,
    pub(super) sandbox: Option<Cap>,
}

/// What protects the endpoints of a version, and the endpoints as it counts them.
#[derive(Clone, Copy, Debug)]
pub struct Cap {
    /// Its tier.
    pub tier: TierId,
    /// What has a count of its own.
    pub subject: SubjectDigest,
}

impl Counted {
    /// Returns what is said where a quota is reached that a request to this version is held against.
    pub fn reach(&self, policy: &Policy) -> Reach {
        if self.tier == Some(policy.tier) {
            Reach::Api
        } else {
            policy.reach
        }
    }

    /// Returns what protects the endpoints for a key of this type.
    pub fn cap(&self, key_type: KeyType) -> Option<Cap> {
        match key_type {
            KeyType::Production => self.production,
            KeyType::Sandbox => self.sandbox,
        }
    }
}

/// What a name of a tier leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Named {
    /// A tier.
    Tier(TierId),
    /// The one that counts nothing.
    Unlimited,
    /// Nothing: nobody states it.
    Unknown,
}

impl Tiers {
    /// Finds the tier of a tenant that a subscription or an application has chosen.
    pub fn named(&self, tenant: &str, level: TierLevel, name: &str) -> Named {
        if name == UNLIMITED {
            return Named::Unlimited;
        }
        let found = self.chosen.get(tenant).and_then(|chosen| match level {
            TierLevel::Application => chosen.application.get(name),
            TierLevel::Subscription => chosen.subscription.get(name),
            TierLevel::Resource => None,
        });
        found.map_or(Named::Unknown, |id| Named::Tier(*id))
    }

    /// Returns what the names of callers begin with who are known by their network alone; its digits and an empty name
    /// follow.
    pub fn network(&self) -> Names {
        self.network
    }

    /// Returns the quotas of a tier for a request of which `holds` tells whether a condition is true, each beside its
    /// place.
    pub fn policies(
        &self,
        id: TierId,
        holds: impl Fn(&Condition) -> bool,
    ) -> impl Iterator<Item = (PolicyId, &Policy)> {
        let tier = self.tier(id);
        let group = tier.groups.iter().find(|group| group.conditions.iter().all(&holds));
        let range = group.map_or(&tier.policies, |group| &group.policies);
        let found = self.policies.get(range.start as usize..range.end as usize);
        (range.start..).map(PolicyId).zip(found.unwrap_or_default())
    }

    /// Returns the quotas of a tier, those of its groups among them.
    pub fn every_policy(&self, id: TierId) -> impl Iterator<Item = (PolicyId, &Policy)> {
        let tier = self.tier(id);
        let groups = tier.groups.iter().map(|group| &group.policies);
        let all = std::iter::once(&tier.policies).chain(groups).flat_map(Clone::clone);
        all.map(|index| (PolicyId(index), self.policy(PolicyId(index))))
    }

    /// Returns every tier.
    pub fn all(&self) -> &[Tier] {
        &self.tiers
    }

    /// Returns the claims that any of it asks for.
    pub fn claims(&self) -> &Arc<[Box<str>]> {
        &self.claims
    }

    /// Returns a tier that this snapshot named.
    pub fn tier(&self, id: TierId) -> &Tier {
        // As with versions: ids are minted by `compile` for this very snapshot.
        #[expect(clippy::indexing_slicing, reason = "an id is evidence of the entry")]
        &self.tiers[id.0 as usize]
    }

    /// Returns a quota that this snapshot named.
    pub fn policy(&self, id: PolicyId) -> &Policy {
        #[expect(clippy::indexing_slicing, reason = "an id is evidence of the entry")]
        &self.policies[id.0 as usize]
    }

    /// Returns a counting rule that this snapshot named.
    pub fn rule(&self, id: RuleId) -> &Rule {
        #[expect(clippy::indexing_slicing, reason = "an id is evidence of the entry")]
        &self.rules[id.0 as usize]
    }

    /// Returns a deny rule that this snapshot named.
    pub fn deny_rule(&self, id: DenyId) -> &DenyRule {
        #[expect(clippy::indexing_slicing, reason = "an id is evidence of the entry")]
        &self.denying[id.0 as usize]
    }
}
