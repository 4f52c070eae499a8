//! What a count is found by: a keyed hash of names.
//!
//! Names, never indices: an index means something else in the next snapshot. Sixteen bytes of SipHash-1-3 under a
//! secret of the installation stand for the names of a quota, and sixteen more for those of a subject; the two together
//! are the key. So what is known when the catalog is compiled is hashed then, and a subject that several quotas count
//! is hashed once. Without the secret nobody can search for two subjects that share a count. The secret is kept with
//! the counts, or they would not be found again.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hash128, Hasher128 as _, SipHasher13};

/// What a count is found by.
#[derive(Clone, Copy, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Key(u64, u64);

/// What keys are made with: random once per installation, and kept with its counts.
#[derive(Clone, Copy, Deserialize, Eq, PartialEq, Serialize)]
pub struct Secret([u8; 16]);

/// The names of a subject, hashed: who or what has a count of its own in each quota that it is held against.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SubjectDigest(u64, u64);

/// The names of a subject while they are hashed. What many subjects begin with can be read once for all of them.
#[derive(Clone, Copy, Default)]
pub struct Names(SipHasher13);

/// The names of a quota, hashed apart from those of subjects.
#[derive(Clone, Copy, Debug)]
pub(super) struct QuotaDigest(u64, u64);

impl Secret {
    /// Makes these random bytes the secret.
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// Hashes the names of a subject; they must be known in this order wherever it is counted.
    #[must_use]
    pub fn subject(&self, names: &[&str]) -> SubjectDigest {
        let names = names.iter().fold(self.names(names.len()), |read, name| read.and(name));
        names.digest()
    }

    /// Begins to hash a subject that has so many names.
    #[must_use]
    pub fn names(&self, many: usize) -> Names {
        Names::new(self, many as u64)
    }

    /// Hashes the names of a quota.
    pub(super) fn quota(&self, names: &[&str]) -> QuotaDigest {
        // No subject has so many names, so that no quota cancels one out.
        let names = names
            .iter()
            .fold(Names::new(self, !(names.len() as u64)), |read, name| read.and(name));
        let SubjectDigest(first, second) = names.digest();
        QuotaDigest(first, second)
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

/// Each name is read behind its length, and all of them behind a mark that tells their number, so that no two lists read
/// the same.
impl Names {
    fn new(secret: &Secret, mark: u64) -> Self {
        let mut hasher = SipHasher13::new_with_key(&secret.0);
        hasher.write_u64(mark.to_le());
        Self(hasher)
    }

    /// Reads one name more.
    #[must_use]
    pub fn and(mut self, name: impl AsRef<[u8]>) -> Self {
        self.read(name.as_ref());
        self
    }

    /// Reads one name more.
    pub fn read(&mut self, name: &[u8]) {
        self.0.write_u64((name.len() as u64).to_le());
        self.0.write(name);
    }

    /// Returns what those that were read stand for together.
    #[must_use]
    pub fn digest(&self) -> SubjectDigest {
        let Hash128 { h1, h2 } = self.0.finish128();
        SubjectDigest(h1, h2)
    }
}

impl SubjectDigest {
    /// Names each of these apart for this subject, as each user of a resource.
    #[must_use]
    pub fn each(self, of: Self) -> Self {
        // Turned, so that the two are not exchanged for each other.
        Self(self.0.rotate_left(1) ^ of.0, self.1.rotate_left(1) ^ of.1)
    }
}

impl QuotaDigest {
    /// Returns the key of a subject's count.
    pub(super) fn key(self, subject: SubjectDigest) -> Key {
        Key(self.0 ^ subject.0, self.1 ^ subject.1)
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

/// Shows nothing: the secret is in it.
impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_run_into_each_other() {
        let secret = Secret::new([7; 16]);
        let key = |names: &[&str], subject: &[&str]| secret.quota(names).key(secret.subject(subject));
        let keys = [
            key(&["ab"], &["c"]),
            key(&["a"], &["bc"]),
            key(&["a", "b"], &["c"]),
            key(&["a"], &["b", "c"]),
            key(&["ab", ""], &["c"]),
            key(&["ab"], &["c", ""]),
            key(&["abc"], &[]),
            // A quota is no subject: neither cancels the other out, nor do they change places.
            key(&["a"], &["a"]),
            key(&["b"], &["b"]),
            key(&["c"], &["ab"]),
        ];
        for (place, one) in keys.iter().enumerate() {
            assert_eq!(keys.iter().position(|other| other == one), Some(place));
        }
    }

    #[test]
    fn names_are_the_same_read_at_once_or_one_by_one() {
        let secret = Secret::new([7; 16]);
        let begun = secret.names(3).and("network");
        for name in ["c0000201", "20010db8abcdef01", "", "a name of more than eight bytes"] {
            assert_eq!(begun.and(name).and("").digest(), secret.subject(&["network", name, ""]));
        }
        assert_ne!(begun.and("a").digest(), secret.subject(&["network", "a"]));
    }

    #[test]
    fn keys_depend_on_the_secret_and_on_nothing_else() {
        let of = |byte| {
            let secret = Secret::new([byte; 16]);
            secret.quota(&["acme", "Gold"]).key(secret.subject(&["mobile"]))
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        // Written to disk, so it must never change.
        assert_eq!(of(1).to_string(), "ccf9903b3628908602af795f1268d19e");
    }
}
