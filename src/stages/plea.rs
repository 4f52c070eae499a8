//! What is left to ask when every stage agrees: the counts. Their answer makes a permit, or a refusal.

use std::mem;

use smallvec::SmallVec;

use super::Refusal;
use super::permit::Permit;
use super::throttle::{Demands, FEW};
use crate::denial::Denial;
use crate::quota::{self, Demand, Hold, Key, Retry, Standing, Unit};
use crate::snapshot::Snapshot;
use crate::snapshot::tiers::{DenyId, PolicyId};

/// A request that every stage lets through, and what it asks of its quotas: where the stages put it, for it is large.
#[derive(Debug)]
pub struct Plea<'s, 'd> {
    pub(super) permit: Permit,
    pub(super) demands: &'d Demands<'s>,
}

/// How the quotas of a request stand, in the order in which it is held against them.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    policies: SmallVec<[PolicyId; FEW]>,
    /// Written here by the counts: copied, it would cost almost as much as to count.
    pub(crate) found: quota::Standings,
}

impl Standings {
    /// Returns each quota with how it stands.
    pub fn iter(&self) -> impl Iterator<Item = (PolicyId, Standing)> {
        self.policies().iter().copied().zip(self.found.iter().copied())
    }

    /// Returns which quotas they are.
    pub fn policies(&self) -> &[PolicyId] {
        &self.policies
    }
}

/// What a request has taken of its quotas.
#[derive(Debug, Default)]
pub struct Spent {
    /// What it takes while it is under way.
    pub hold: Hold,
    /// How its quotas stand.
    pub standings: Standings,
    /// What its bytes are charged to, as they pass.
    pub bytes: SmallVec<[Charge; 1]>,
}

/// A count of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    /// The quota.
    pub policy: PolicyId,
    /// The count.
    pub key: Key,
}

/// The rule of the catalog that a request was refused by, where it is one that counts or denies.
#[derive(Clone, Debug)]
pub enum Ground {
    /// A deny rule.
    Denied(DenyId),
    /// A quota.
    Throttled(Box<Throttled>),
}

/// Why a request was refused by its quotas.
#[derive(Clone, Debug)]
pub struct Throttled {
    /// The first that is reached.
    pub policy: PolicyId,
    /// How all of them stand.
    pub standings: Standings,
}

impl<'s> Plea<'s, '_> {
    /// Tells whether nothing is asked of the counts.
    pub fn is_empty(&self) -> bool {
        self.demands.asked.is_empty()
    }

    /// Returns what is asked of the counts.
    pub fn demands(&self) -> &[Demand<'s>] {
        &self.demands.asked
    }

    /// Tells whether the request was let in for who its caller is.
    pub fn is_by_caller(&self) -> bool {
        self.permit.caller().is_some()
    }

    /// Lets the request through as one that was counted before: nothing is asked and nothing is spent.
    pub fn waived(self) -> Permit {
        self.permit
    }

    /// Makes the answer a permit, and says what was spent on it; how the quotas stand is there already.
    ///
    /// # Errors
    ///
    /// Returns the refusal, where a quota is reached.
    pub fn decide(
        self,
        result: Result<Hold, quota::Refusal>,
        snapshot: &Snapshot,
        spent: &mut Spent,
    ) -> Result<Permit, Refusal> {
        spent.standings.policies.extend_from_slice(&self.demands.policies);
        match result {
            Ok(hold) => {
                spent.hold = hold;
                self.charge(spent);
                Ok(self.permit)
            }
            Err(refusal) => Err(self.refused(refusal, snapshot, mem::take(spent).standings)),
        }
    }

    /// Says what bytes are charged to.
    fn charge(&self, spent: &mut Spent) {
        for (policy, demand) in self.demands.policies.iter().zip(&self.demands.asked) {
            if demand.quota().limit().unit() == Unit::Bytes {
                let (policy, key) = (*policy, demand.key());
                spent.bytes.push(Charge { policy, key });
            }
        }
    }

    #[cold]
    fn refused(&self, refusal: quota::Refusal, snapshot: &Snapshot, standings: Standings) -> Refusal {
        let permit = &self.permit;
        let version = permit.version();
        let refused = |denial: Denial| denial.of(version).at(permit.route()).whose(permit.caller());
        let Some(policy) = self.demands.policies.get(refusal.demand).copied() else {
            return refused(Denial::Internal);
        };
        let reach = snapshot.version(version).counted.reach(snapshot.tiers().policy(policy));
        let ground = Ground::Throttled(Box::new(Throttled { policy, standings }));
        refused(Denial::Throttled(reach, wait(refusal.retry))).on(ground)
    }
}

/// Returns the seconds after which it is worth asking again. Nobody knows when what is under way ends, but that it does.
fn wait(retry: Retry) -> Option<u32> {
    match retry {
        Retry::After(_) => retry
            .seconds()
            .map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX)),
        Retry::Release | Retry::Never => None,
    }
}
