//! What responses say of quotas: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), and the
//! `X-RateLimit-*` that came before them.
//!
//! They tell how the quotas stood when the request was held against them.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderName, HeaderValue};
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

/// Fields to be added to a response.
pub type Fields = SmallVec<[(HeaderName, HeaderValue); 5]>;

impl QuotaFields {
    /// Says how the quotas of a request stand; nothing where it is held against none.
    pub fn of(self, standings: &[(PolicyId, Standing)], tiers: &Tiers) -> Fields {
        let mut fields = Fields::new();
        if standings.is_empty() {
            return fields;
        }
        if matches!(self, Self::Both | Self::Standard) {
            fields.extend([
                (RATE_LIMIT, limits(standings, tiers)),
                (POLICY, policies(standings, tiers)),
            ]);
        }
        if matches!(self, Self::Both | Self::Legacy) {
            fields.extend(legacy(standings).into_iter().flatten());
        }
        fields
    }
}

/// Writes how each quota stands: what is left of it, and in how many seconds all of it is there again.
fn limits(standings: &[(PolicyId, Standing)], tiers: &Tiers) -> HeaderValue {
    let mut line = BytesMut::with_capacity(standings.len() * TYPICAL);
    for (id, standing) in standings {
        if !line.is_empty() {
            line.put_slice(b", ");
        }
        line.put_slice(tiers.policy(*id).name.as_bytes());
        line.put_slice(b";r=");
        put(&mut line, standing.remaining);
        if standing.reset > 0 {
            line.put_slice(b";t=");
            put(&mut line, standing.reset.into());
        }
    }
    value(line.freeze())
}

fn policies(standings: &[(PolicyId, Standing)], tiers: &Tiers) -> HeaderValue {
    let mut line = BytesMut::with_capacity(standings.len() * TYPICAL);
    for (id, _) in standings {
        if !line.is_empty() {
            line.put_slice(b", ");
        }
        line.put_slice(tiers.policy(*id).stated.as_bytes());
    }
    value(line.freeze())
}

/// Tells of the quota of which the smallest part is left.
fn legacy(standings: &[(PolicyId, Standing)]) -> Option<[(HeaderName, HeaderValue); 3]> {
    let part = |standing: &Standing| u128::from(standing.remaining) * (1 << 32) / u128::from(standing.quota.max(1));
    let (_, closest) = standings.iter().min_by_key(|(_, standing)| part(standing))?;
    Some([
        (X_LIMIT, HeaderValue::from(closest.quota)),
        (X_REMAINING, HeaderValue::from(closest.remaining)),
        (X_RESET, HeaderValue::from(closest.reset)),
    ])
}

fn put(line: &mut BytesMut, number: u64) {
    line.put_slice(itoa::Buffer::new().format(number.min(LARGEST)).as_bytes());
}

fn value(line: Bytes) -> HeaderValue {
    // Names are quoted ASCII, and the rest is ours.
    HeaderValue::from_maybe_shared(line).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Room for what is said of most quotas.
const TYPICAL: usize = 64;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
