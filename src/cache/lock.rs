//! One fetch for many: who fetches, and who waits for it.
//!
//! As Pingora's own lock (0.9.1), but for what it keeps: a fetch that was given up on stays in its table until its key is
//! asked for again, so that many keys on a slow endpoint would make it grow without end. Here such are swept out when the
//! table has doubled.
//!
//! A slow fetch is not waited for alone: each `SLOW` another of those who wait begins one beside it, and whichever is
//! whole first is for all. So one key has a handful of fetches on an endpoint that does not answer, however many ask.
//! Who has waited for `WAIT` goes alone: endpoints are given up on before that, unless the catalog is more patient.

use std::collections::HashMap;
use std::time::Duration;

use http::Extensions;
use parking_lot::Mutex;
use pingora_cache::key::{CacheHashKey, CacheKey};
use pingora_cache::lock::{CacheKeyLock, LockStatus, LockStub, Locked, WritePermit};

/// Who fetches what.
pub(super) struct FetchLock {
    shards: [Mutex<Shard>; 16],
    slow: Duration,
}

#[derive(Default)]
struct Shard {
    fetches: HashMap<u128, LockStub, ahash::RandomState>,
    /// How many there may be before those that are over are swept out.
    most: usize,
}

impl FetchLock {
    /// Makes a lock under which a fetch counts as slow after a time.
    pub(super) fn new(slow: Duration) -> Self {
        Self {
            shards: Default::default(),
            slow,
        }
    }

    fn shard(&self, hash: u128) -> &Mutex<Shard> {
        let [first, ..] = &self.shards;
        let place = usize::try_from(hash % self.shards.len() as u128).unwrap_or(0);
        self.shards.get(place).unwrap_or(first)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().fetches.len()).sum()
    }
}

impl CacheKeyLock for FetchLock {
    fn lock(&self, key: &CacheKey, stale_writer: bool) -> Locked {
        let hash = u128::from_be_bytes(key.combined_bin());
        let mut shard = self.shard(hash).lock();
        if let Some(fetch) = shard.fetches.get(&hash).filter(|fetch| !is_over(fetch)) {
            return Locked::Read(fetch.read_lock());
        }
        shard.sweep();
        let (permit, fetch) = WritePermit::new(self.slow, stale_writer, Extensions::new());
        shard.fetches.insert(hash, fetch);
        Locked::Write(permit)
    }

    fn release(&self, key: &CacheKey, mut permit: WritePermit, reason: LockStatus) {
        let hash = u128::from_be_bytes(key.combined_bin());
        let mut shard = self.shard(hash).lock();
        if permit.lock_status() == LockStatus::AgeTimeout {
            // Another fetch may be in its place.
            permit.unlock(LockStatus::AgeTimeout);
        } else {
            shard.fetches.remove(&hash);
            permit.unlock(reason);
        }
    }
}

impl Shard {
    fn sweep(&mut self) {
        if self.fetches.len() >= self.most {
            self.fetches.retain(|_, fetch| !is_over(fetch));
            self.most = 2 * self.fetches.len() + FEW;
        }
    }
}

/// Tells whether nobody waits for a fetch any longer. One that has ended is here only where it was released by another
/// key, as the request that renews an entry may have.
fn is_over(fetch: &LockStub) -> bool {
    fetch.0.lock_status() != LockStatus::Waiting
}

/// When another request begins to fetch beside one that is slow.
pub(super) const SLOW: Duration = Duration::from_secs(5);

/// When who waits goes to the endpoint alone.
pub(super) const WAIT: Duration = Duration::from_secs(60);

/// Fetches that are not worth sweeping.
const FEW: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> CacheKey {
        CacheKey::new(number.to_string(), "")
    }

    fn fetch(lock: &FetchLock, key: &CacheKey) -> WritePermit {
        match lock.lock(key, false) {
            Locked::Write(permit) => permit,
            Locked::Read(_) => panic!("another fetches"),
        }
    }

    #[test]
    fn one_fetches_until_it_has_ended() {
        let lock = FetchLock::new(SLOW);
        let permit = fetch(&lock, &key(1));
        assert!(!lock.lock(&key(1), false).is_write());
        let other = fetch(&lock, &key(2));
        lock.release(&key(2), other, LockStatus::Done);
        lock.release(&key(1), permit, LockStatus::Done);
        assert_eq!(lock.len(), 0);
        let permit = fetch(&lock, &key(1));
        lock.release(&key(1), permit, LockStatus::Done);
    }

    #[tokio::test]
    async fn what_was_given_up_on_is_swept_out() {
        let lock = FetchLock::new(Duration::ZERO);
        for number in 0..20_000 {
            let key = key(number);
            let slow = fetch(&lock, &key);
            let Locked::Read(waiting) = lock.lock(&key, false) else {
                panic!("nobody fetches")
            };
            // Who waits sees that the fetch is slow, and asks for nothing any more.
            waiting.wait().await;
            lock.release(&key, slow, LockStatus::Done);
            assert!(lock.len() <= 16 * FEW);
        }
    }

    #[tokio::test]
    async fn one_more_fetches_beside_a_slow_one_and_neither_ends_the_other() {
        let lock = FetchLock::new(Duration::ZERO);
        let slow = fetch(&lock, &key(1));
        let Locked::Read(waiting) = lock.lock(&key(1), false) else {
            panic!("nobody fetches")
        };
        waiting.wait().await;
        let beside = fetch(&lock, &key(1));
        lock.release(&key(1), slow, LockStatus::Done);
        assert!(!lock.lock(&key(1), false).is_write(), "the other goes on");
        lock.release(&key(1), beside, LockStatus::Done);
        assert_eq!(lock.len(), 0);
    }
}
