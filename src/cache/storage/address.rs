//! Where an entry is: what a cache key hashes to, and which variant of it.

use pingora_cache::key::{CacheHashKey, HashBinary};
use serde::{Deserialize, Serialize};

/// The place of an entry. Entries keep their whole key beside it, so that two keys of one hash never meet.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
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

    /// Returns the name of its file: its hashes in hexadecimal.
    pub(super) fn name(&self) -> String {
        let primary = u128::from_be_bytes(self.primary);
        match self.variance.map(u128::from_be_bytes) {
            None => format!("{primary:032x}"),
            Some(variance) => format!("{primary:032x}-{variance:032x}"),
        }
    }

    /// Tells whether a file's name could be one of these.
    pub(super) fn is_name(name: &str) -> bool {
        let is_hash =
            |part: &str| part.len() == 32 && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match name.split_once('-') {
            None => is_hash(name),
            Some((primary, variance)) => is_hash(primary) && is_hash(variance),
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
