//! Where an entry is: what a cache key hashes to, and which variant of it.

use pingora_cache::key::{CacheHashKey, HashBinary};

/// The place of an entry. Entries keep their whole key beside it, so that two keys of one hash never meet.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Address {
    primary: HashBinary,
    variance: Option<HashBinary>,
}

impl Address {
    /// Returns the place of a key, or of one variant of it.
    pub fn of(key: &impl CacheHashKey) -> Self {
        Self {
            primary: key.primary_bin(),
            variance: key.variance_bin(),
        }
    }

    /// Returns what a purge of this one place is known by.
    pub(super) fn mark(&self) -> u64 {
        let [first, ..] = halves(self.primary);
        first ^ self.variance.map_or(0, |variance| halves(variance)[1])
    }
}

/// Splits a hash into its two numbers.
fn halves(hash: HashBinary) -> [u64; 2] {
    let whole = u128::from_le_bytes(hash);
    #[expect(clippy::cast_possible_truncation, reason = "each takes its half")]
    [whole as u64, (whole >> 64) as u64]
}
