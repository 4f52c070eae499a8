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

    /// Reads what [`Self::to_text`] wrote.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let bits = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32)?;
        Some(Self(bits.to_be_bytes()))
    }

    /// Writes it as 32 hexadecimal digits, for the store that gateways share.
    pub(super) fn to_text(self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
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
/// In one piece where they are short: small pieces cost more than to put them together.
fn feed(hasher: &mut SipHasher13, names: &[&str]) {
    let mut text = [0; SHORT];
    match join(&mut text, names).and_then(|length| text.get(..length)) {
        Some(text) => hasher.write(text),
        None => {
            hasher.write(&(names.len() as u64).to_le_bytes());
            for name in names {
                hasher.write(&(name.len() as u64).to_le_bytes());
                hasher.write(name.as_bytes());
            }
        }
    }
}

/// Writes names one behind the other, and returns how long that is; nothing where it does not fit.
fn join(text: &mut [u8; SHORT], names: &[&str]) -> Option<usize> {
    text.first_chunk_mut()?.clone_from(&(names.len() as u64).to_le_bytes());
    let mut end = 8;
    for name in names {
        let rest = text.get_mut(end..end + 8 + name.len())?;
        let (length, rest) = rest.split_first_chunk_mut()?;
        *length = (name.len() as u64).to_le_bytes();
        rest.copy_from_slice(name.as_bytes());
        end += 8 + name.len();
    }
    Some(end)
}

/// So many bytes are put together.
const SHORT: usize = 128;

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
    fn long_names_are_hashed_as_short_ones_are() {
        let secret = Secret::new([7; 16]);
        let long = "x".repeat(SHORT);
        let mut whole = SipHasher13::new_with_key(&secret.0);
        let length = (SHORT as u64).to_le_bytes();
        whole.write(&[&1_u64.to_le_bytes(), &length[..], long.as_bytes(), &0_u64.to_le_bytes()].concat());
        let hash = whole.finish128();
        assert_eq!(Stem::new(&secret, &[&long]).key(&[]), Key(hash.h1, hash.h2));
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
