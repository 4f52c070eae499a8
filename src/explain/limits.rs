//! How quotas stand, told: each that a request is held against, and which of them is reached.

use super::explanation;
use super::telling::Telling;
use crate::model::place::Place;
use crate::quota::Standing;
use crate::snapshot::tiers::{Policy, Tier};
use crate::stages::Standings;
use crate::stages::recorder::Fact;

impl Telling<'_> {
    /// Lists each quota that the request is held against.
    #[expect(clippy::wildcard_enum_match_arm, reason = "one kind of fact is looked for")]
    pub(super) fn limits(&self) -> Vec<explanation::Limit> {
        let standings = self.told.facts().find_map(|fact| match fact {
            Fact::Counted(standings) => Some(standings),
            _ => None,
        });
        let tiers = self.snapshot.tiers();
        let told = |(id, standing): (_, Standing)| {
            let policy = tiers.policy(id);
            told(policy, tiers.tier(policy.tier), standing)
        };
        standings
            .into_iter()
            .flat_map(|standings| standings.iter())
            .map(told)
            .collect()
    }

    /// Returns where the rule that counts or denies was stated by which a request is refused.
    #[expect(clippy::wildcard_enum_match_arm, reason = "two kinds of fact are looked for")]
    pub(super) fn ground(&self, facts: &[Fact]) -> Option<&Place> {
        let tiers = self.snapshot.tiers();
        facts.iter().find_map(|fact| match fact {
            Fact::Denied(id) => id.map(|id| &tiers.deny_rule(id).place),
            Fact::Counted(standings) => {
                let stops = |id| !tiers.policy(id).quota.is_soft();
                let over = standings.iter().find(|(id, standing)| standing.is_over && stops(*id));
                over.map(|(id, _)| &tiers.tier(tiers.policy(id).tier).place)
            }
            _ => None,
        })
    }

    /// Says in one sentence how the quotas stand.
    pub(super) fn counted(&self, standings: &Standings) -> String {
        let tiers = self.snapshot.tiers();
        let is_over = |stops: bool| {
            let mut all = standings.iter();
            all.find(|(id, standing)| standing.is_over && tiers.policy(*id).quota.is_soft() != stops)
        };
        let over = is_over(true).or_else(|| is_over(false));
        match over {
            None if standings.policies().is_empty() => "no quota is held against it".to_owned(),
            None => format!("{} quotas have room", standings.policies().len()),
            Some((id, _)) if tiers.policy(id).quota.is_soft() => {
                format!("{} is reached, and lets it pass", tiers.policy(id).name)
            }
            Some((id, standing)) => format!(
                "{} is reached: {} of {} are left, all of them in {} s",
                tiers.policy(id).name,
                standing.remaining,
                standing.quota,
                standing.reset
            ),
        }
    }
}

/// Says how a quota stands.
pub(super) fn told(policy: &Policy, tier: &Tier, standing: Standing) -> explanation::Limit {
    explanation::Limit {
        name: policy.name.trim_matches('"').to_owned(),
        level: tier.level.word().to_owned(),
        tier: tier.name.to_string(),
        quota: standing.quota,
        remaining: standing.remaining,
        reset: standing.reset,
        over: standing.is_over,
        stops: !policy.quota.is_soft(),
        rule: tier.place.to_string(),
    }
}
