//! What responses say of quotas: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), and the
//! `X-RateLimit-*` that came before them.
//!
//! They tell how the quotas stood when the request was held against them. What they are called and how much they allow
//! is the same for many requests, and is written once.

use ahash::AHashMap;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use parking_lot::RwLock;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::quota::Standing;
use crate::snapshot::LARGEST;
use crate::snapshot::tiers::{PolicyId, Tiers};

/// Which fields tell callers of their quotas.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaFields {
    /// Both kinds.
    Both,
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`, of the quota that is closest to its end.
    Legacy,
    /// None.
    None,
    /// `RateLimit` and `RateLimit-Policy`, of every quota.
    #[default]
    Standard,
}

/// Fields to be added to a response; as many as most are told of.
pub type Fields = SmallVec<[(HeaderName, HeaderValue); 2]>;

/// The values of `RateLimit-Policy` that were written for the quotas of one snapshot.
#[derive(Debug, Default)]
pub struct Policies(RwLock<AHashMap<Box<[PolicyId]>, HeaderValue>>);

impl QuotaFields {
    /// Says how the quotas of a request stand; nothing where it is held against none.
    pub fn of(self, (ids, standings): (&[PolicyId], &[Standing]), (tiers, known): (&Tiers, &Policies)) -> Fields {
        let mut fields = Fields::new();
        if ids.is_empty() {
            return fields;
        }
        if matches!(self, Self::Both | Self::Standard) {
            fields.extend([
                (RATE_LIMIT, limits((ids, standings), tiers)),
                (POLICY, known.of(ids, tiers)),
            ]);
        }
        if matches!(self, Self::Both | Self::Legacy) {
            fields.extend(legacy(standings).into_iter().flatten());
        }
        fields
    }
}

impl Policies {
    /// Returns what is said of these quotas together.
    fn of(&self, ids: &[PolicyId], tiers: &Tiers) -> HeaderValue {
        let known = self.0.read();
        if let Some(value) = known.get(ids) {
            return value.clone();
        }
        let has_room = known.len() < MOST;
        drop(known);
        let mut line = Vec::with_capacity(USUAL);
        for id in ids {
            if !line.is_empty() {
                line.extend_from_slice(b", ");
            }
            line.extend_from_slice(tiers.policy(*id).stated.as_bytes());
        }
        let value = value(line);
        // Whoever finds no room waits for nobody. As many as write at the same time may go over it.
        if has_room {
            self.0.write().insert(ids.into(), value.clone());
        }
        value
    }
}

/// Writes how each quota stands: what is left of it, and in how many seconds all of it is there again.
fn limits((ids, standings): (&[PolicyId], &[Standing]), tiers: &Tiers) -> HeaderValue {
    let mut line = Vec::with_capacity(USUAL);
    for (id, standing) in ids.iter().zip(standings) {
        if !line.is_empty() {
            line.extend_from_slice(b", ");
        }
        line.extend_from_slice(tiers.policy(*id).name.as_bytes());
        line.extend_from_slice(b";r=");
        put(&mut line, standing.remaining);
        if standing.reset > 0 {
            line.extend_from_slice(b";t=");
            put(&mut line, standing.reset.into());
        }
    }
    value(line)
}

/// Tells of the quota of which the smallest part is left.
fn legacy(standings: &[Standing]) -> Option<[(HeaderName, HeaderValue); 3]> {
    let part = |standing: &Standing| u128::from(standing.remaining) * (1 << 32) / u128::from(standing.quota.max(1));
    let closest = standings.iter().min_by_key(|standing| part(standing))?;
    Some([
        (X_LIMIT, HeaderValue::from(closest.quota)),
        (X_REMAINING, HeaderValue::from(closest.remaining)),
        (X_RESET, HeaderValue::from(closest.reset)),
    ])
}

fn put(line: &mut Vec<u8>, number: u64) {
    line.extend_from_slice(itoa::Buffer::new().format(number.min(LARGEST)).as_bytes());
}

fn value(line: Vec<u8>) -> HeaderValue {
    // Names are quoted ASCII, and the rest is ours.
    HeaderValue::from_maybe_shared(Bytes::from(line)).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Few values are longer.
const USUAL: usize = 256;

/// So many values are remembered. There are as many as sets of tiers that go together; further ones are written anew.
const MOST: usize = 1_000;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalog::Catalog;
    use crate::model::source::{NoReferences, Source};
    use crate::snapshot::compile;

    const CATALOG: &str = r#"
name = "Pets"
context = "/pets"

[[versions]]
version = "1.0"
tier = "All"
endpoints = { production = "http://a" }
resources = [{ path = "/", methods = ["GET"] }]

[[tiers]]
name = "All"
level = "resource"
limits = [{ requests = 5, per = "1m" }]
"#;

    #[test]
    fn what_is_not_remembered_is_written_anew() {
        let source = Source {
            name: "pets.toml".into(),
            text: CATALOG.into(),
        };
        let snapshot = compile(1, &Catalog::believe(&[source], &NoReferences).unwrap()).unwrap();
        let (tiers, known) = (snapshot.tiers(), Policies::default());
        let tier = snapshot.versions()[0].counted.tier.unwrap();
        let (id, policy) = tiers.every_policy(tier).next().unwrap();
        for _ in 0..2 {
            for times in 1..=MOST + 1 {
                let value = known.of(&vec![id; times], tiers);
                assert_eq!(value, vec![&*policy.stated; times].join(", ").as_str());
            }
            assert_eq!(known.0.read().len(), MOST);
        }
    }
}
