//! What a count is found by: a keyed hash of names.
//!
//! Names, never indices: an index means something else in the next snapshot. Sixteen bytes of SipHash-1-3 under a
//! secret of the installation stand for all of them; without the secret nobody can search for two subjects that share
//! a count. The secret is kept with the counts, or they would not be found again.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

/// What a count is found by.
#[derive(Clone, Copy, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Key(u64, u64);

/// What keys are made with: random once per installation, and kept with its counts.
#[derive(Clone, Copy, Deserialize, Eq, PartialEq, Serialize)]
pub struct Secret([u8; 16]);

/// The beginning of a key, hashed once: the names that all subjects of a quota share.
#[derive(Clone, Copy)]
pub(super) struct Stem(SipHasher13);

impl Secret {
    /// Makes these random bytes the secret.
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }
}

impl Stem {
    pub(super) fn new(secret: &Secret, names: &[&str]) -> Self {
        let mut hasher = SipHasher13::new_with_key(&secret.0);
        feed(&mut hasher, names);
        Self(hasher)
    }

    /// Returns the key of a subject.
    pub(super) fn key(&self, subject: &[&str]) -> Key {
        let mut hasher = self.0;
        feed(&mut hasher, subject);
        let hash = hasher.finish128();
        Key(hash.h1, hash.h2)
    }
}

impl Key {
    /// Returns the half that chooses the shard.
    pub(super) fn shard_bits(self) -> u64 {
        self.1
    }
}

/// Hashes the half that does not choose the shard; keys that are equal have it in common.
impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0);
    }
}

/// Feeds a list of names, each behind its length and all behind their number, so that no two lists read the same.
///
/// In whole words, the last one of a name filled up with zeros: the hash takes those fastest.
fn feed(hasher: &mut SipHasher13, names: &[&str]) {
    hasher.write_u64(names.len() as u64);
    for name in names {
        hasher.write_u64(name.len() as u64);
        let (words, rest) = name.as_bytes().as_chunks::<8>();
        for word in words {
            hasher.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            hasher.write_u64(word);
        }
    }
}

/// Shows the key as it is written to people: 32 hexadecimal digits.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0, self.1)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl fmt::Debug for Stem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stem")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_run_into_each_other() {
        let secret = Secret::new([7; 16]);
        let key = |names: &[&str], subject: &[&str]| Stem::new(&secret, names).key(subject);
        let keys = [
            key(&["ab"], &["c"]),
            key(&["a"], &["bc"]),
            key(&["a", "b"], &["c"]),
            key(&["a"], &["b", "c"]),
            key(&["ab", ""], &["c"]),
            key(&["ab"], &["c", ""]),
            key(&["abc"], &[]),
        ];
        for (place, one) in keys.iter().enumerate() {
            assert_eq!(keys.iter().position(|other| other == one), Some(place));
        }
    }

    #[test]
    fn keys_depend_on_the_secret_and_on_nothing_else() {
        let of = |byte| Stem::new(&Secret::new([byte; 16]), &["acme", "Gold"]).key(&["mobile"]);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        // Written to disk, so it must never change.
        assert_eq!(of(1).to_string().len(), 32);
    }
}
