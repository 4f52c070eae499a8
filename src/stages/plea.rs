//! What is left to ask when every stage agrees: the counts. Their answer makes a permit, or a refusal.

use smallvec::SmallVec;

use super::Refusal;
use super::permit::Permit;
use super::throttle::{Demands, FEW};
use crate::denial::Denial;
use crate::quota::{Answer, Demand, Hold, Key, Retry, Standing, Unit};
use crate::snapshot::tiers::{DenyId, PolicyId};

/// A request that every stage lets through, and what it asks of its quotas.
#[derive(Debug)]
pub struct Plea<'s> {
    permit: Permit,
    demands: Demands<'s>,
}

/// How the quotas of a request stand, in the order in which it is held against them.
pub type Standings = SmallVec<[(PolicyId, Standing); FEW]>;

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
    /// What is said where it is reached.
    pub denial: Denial,
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

impl<'s> Plea<'s> {
    pub(super) fn new(permit: Permit, demands: Demands<'s>) -> Self {
        Self { permit, demands }
    }

    /// Returns what is asked of the counts.
    pub fn demands(&self) -> &[Demand<'s>] {
        &self.demands.demands
    }

    /// Tells whether the request was let in for who its caller is.
    pub fn is_by_caller(&self) -> bool {
        self.permit.caller().is_some()
    }

    /// Lets the request through as one that was counted before: nothing is asked and nothing is spent.
    pub fn waived(self) -> Permit {
        self.permit
    }

    /// Makes the answer a permit and what was spent on it.
    ///
    /// # Errors
    ///
    /// Returns the refusal, where a quota is reached.
    pub fn decide(self, answer: Answer<Hold>) -> Result<(Permit, Spent), Refusal> {
        let Self { permit, demands } = self;
        let asked = demands.asked.iter().map(|(policy, _)| *policy);
        let standings: Standings = asked.zip(answer.standings).collect();
        match answer.result {
            Ok(hold) => Ok((
                permit,
                Spent {
                    hold,
                    standings,
                    bytes: charges(&demands),
                },
            )),
            Err(refusal) => {
                let first = demands.asked.get(refusal.demand);
                let denial = first.map_or(Denial::Internal, |(_, reach)| {
                    Denial::Throttled(*reach, wait(refusal.retry))
                });
                let refused = denial.of(permit.version()).at(permit.route()).whose(permit.caller());
                Err(match first {
                    Some((policy, _)) => refused.on(Ground::Throttled(Box::new(Throttled {
                        policy: *policy,
                        standings,
                    }))),
                    None => refused,
                })
            }
        }
    }
}

fn charges(demands: &Demands<'_>) -> SmallVec<[Charge; 1]> {
    let pairs = demands.demands.iter().zip(&demands.asked);
    let bytes = pairs.filter(|(demand, _)| demand.quota().limit().unit() == Unit::Bytes);
    bytes
        .map(|(demand, (policy, reach))| Charge {
            policy: *policy,
            key: demand.key(),
            denial: Denial::Throttled(*reach, None),
        })
        .collect()
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
