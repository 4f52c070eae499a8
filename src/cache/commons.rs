//! Which responses of resources that ask who calls are everybody's: those that their origins call `public`.
//!
//! Only the response says so, and the key is asked for before. So each caller begins with keys of their own, which
//! nobody else waits for; once a response to one was public, what is asked alike is asked by the key that all share.
//! Forgetting one costs a fetch, and no more: an entry under the shared key that is not public has a variant for each
//! caller.

use std::hash::Hasher as _;

use quick_cache::sync::Cache;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// What a key that all callers would share hashes to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Common(u128);

impl Common {
    /// Hashes a key.
    pub fn of(key: &[u8]) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write(key);
        Self(hasher.finish128().into())
    }
}

/// The keys under which responses were public of late.
pub struct Commons(Cache<Common, ()>);

impl Commons {
    /// Remembers none, and at most so many.
    pub fn new(most: usize) -> Self {
        Self(Cache::new(most))
    }

    /// Tells whether responses under a key were public of late.
    pub fn holds(&self, common: Common) -> bool {
        self.0.get(&common).is_some()
    }

    /// Takes note of a response under a key.
    pub fn learn(&self, common: Common, is_public: bool) {
        if is_public {
            self.0.insert(common, ());
        } else {
            self.0.remove(&common);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_response_decides_and_nothing_grows() {
        let commons = Commons::new(100);
        let [one, other] = [Common::of(b"one"), Common::of(b"other")];
        commons.learn(one, true);
        assert!(commons.holds(one) && !commons.holds(other));
        commons.learn(one, false);
        assert!(!commons.holds(one));
        for number in 0..10_000_u32 {
            commons.learn(Common::of(&number.to_be_bytes()), true);
        }
        assert!(commons.0.len() <= 100);
    }
}
