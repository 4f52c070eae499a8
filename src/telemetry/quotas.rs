//! Counts of requests by the tiers that they are held against.
//!
//! The labels are names of the catalog, so there are as many lines as tiers, rules and caps; what the catalog no longer
//! states is forgotten.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::denial::Denial;
use crate::exchange::{Exchange, Verdict};
use crate::snapshot::tiers::{Tier, TierId};
use crate::stages::Ground;

/// What counts the requests that are held against a tier; clones count into the same place.
#[derive(Clone, Debug, Default)]
pub struct QuotaMeter(Arc<[AtomicU64; OUTCOMES.len()]>);

/// The meters of all tiers.
#[derive(Debug, Default)]
pub(super) struct QuotaMeters(Mutex<HashMap<Labels, QuotaMeter>>);

#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct Labels {
    tenant: Box<str>,
    level: &'static str,
    tier: Box<str>,
}

/// What became of a request, as far as a tier is concerned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// It was beyond a quota that lets pass.
    Over,
    /// It was within the quotas.
    Passed,
    /// It was refused by one of them.
    Refused,
}

/// In the order of [`Outcome`].
const OUTCOMES: [&str; 3] = ["over", "passed", "refused"];

impl QuotaMeter {
    fn count(&self, outcome: Outcome) {
        let [over, passed, refused] = &*self.0;
        let counter = match outcome {
            Outcome::Over => over,
            Outcome::Passed => passed,
            Outcome::Refused => refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts a request for each tier that it was held against, when it is over. What was refused by one tier is not counted
/// for the others: nothing was taken of them.
pub(super) fn count(exchange: &Exchange) {
    let tiers = exchange.served.snapshot.tiers();
    let meter = |id: TierId, outcome| {
        if let Some(meter) = exchange.served.quota_meter(id) {
            meter.count(outcome);
        }
    };
    match &exchange.verdict {
        Verdict::Refused(refusal) => {
            if let Some(Ground::Throttled(throttled)) = &refusal.ground {
                meter(tiers.policy(throttled.policy).tier, Outcome::Refused);
            }
        }
        Verdict::Permitted(_) => {
            // The quotas of a tier stand side by side.
            let standings = exchange.spent.standings.iter();
            let mut all = standings
                .map(|(id, standing)| (tiers.policy(id).tier, standing.is_over))
                .peekable();
            while let Some((tier, mut is_over)) = all.next() {
                while let Some((_, other)) = all.next_if(|(next, _)| *next == tier) {
                    is_over |= other;
                }
                meter(tier, if is_over { Outcome::Over } else { Outcome::Passed });
            }
            // Bytes ran out on the way.
            let charge = exchange.spent.bytes.first();
            if let (Some(Denial::Throttled(..)), Some(charge)) = (exchange.failure, charge) {
                meter(tiers.policy(charge.policy).tier, Outcome::Refused);
            }
        }
        Verdict::Answered(_) | Verdict::Own | Verdict::Pending => {}
    }
}

impl Labels {
    fn of(tier: &Tier) -> Self {
        Self {
            tenant: tier.tenant.clone(),
            level: tier.level.word(),
            tier: tier.name.clone(),
        }
    }
}

impl QuotaMeters {
    pub(super) fn find(&self, tier: &Tier) -> QuotaMeter {
        self.0.lock().entry(Labels::of(tier)).or_default().clone()
    }

    pub(super) fn keep_only<'a>(&self, tiers: impl Iterator<Item = &'a Tier>) {
        let kept: HashSet<Labels> = tiers.map(Labels::of).collect();
        self.0.lock().retain(|labels, _| kept.contains(labels));
    }
}

impl Collector for QuotaMeters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let meters = self.0.lock();
        let mut meters: Vec<_> = meters
            .iter()
            .map(|(labels, meter)| (labels.clone(), meter.clone()))
            .collect();
        meters.sort_by(|one, other| one.0.cmp(&other.0));
        let (name, help) = REQUESTS;
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, meter) in &meters {
            let counts = meter.0.iter().map(|count| count.load(Ordering::Relaxed));
            for (outcome, count) in OUTCOMES.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
                let series = [
                    ("tenant", &*labels.tenant),
                    ("level", labels.level),
                    ("tier", &*labels.tier),
                    ("outcome", outcome),
                ];
                family
                    .encode_family(&series)?
                    .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        Ok(())
    }
}

const REQUESTS: (&str, &str) = (
    "tollgate_quota_requests",
    "Requests by the tier, rule or cap that they were held against, and what became of them there",
);
