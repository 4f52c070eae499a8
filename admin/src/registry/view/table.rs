//! A map for many readers: cut into shards, so that a writer keeps few of them waiting, and never for long.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use ahash::RandomState;
use parking_lot::RwLock;

/// A map for many readers.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    /// Says where a key is; keys come from outside, so nobody else may know it.
    hasher: RandomState,
    shards: [RwLock<Map<K, V>>; SHARDS],
}

/// Every request looks several things up, each in two hashes, so they are keyed ones of the fast kind.
type Map<K, V> = HashMap<K, V, RandomState>;

impl<K: Eq + Hash, V> Table<K, V> {
    /// Returns what `read` makes of a value.
    pub(super) fn read<Q, R>(&self, key: &Q, read: impl FnOnce(&V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.shard(key).read().get(key).map(read)
    }

    /// Changes a value where it stands; what does not is made.
    pub(super) fn change<R>(&self, key: K, make: impl FnOnce() -> V, change: impl FnOnce(&mut V) -> R) -> R {
        change(self.shard(&key).write().entry(key).or_insert_with(make))
    }

    /// Changes a value that is there.
    pub(super) fn update<Q, R>(&self, key: &Q, change: impl FnOnce(&mut V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.shard(key).write().get_mut(key).map(change)
    }

    /// Puts a value; returns the one that it replaces.
    pub(super) fn put(&self, key: K, value: V) -> Option<V> {
        self.shard(&key).write().insert(key, value)
    }

    pub(super) fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.shard(key).write().remove(key)
    }

    pub(super) fn retain(&self, keep: impl Fn(&V) -> bool) {
        for shard in &self.shards {
            shard.write().retain(|_, value| keep(value));
        }
    }

    /// Shows every value, in no order.
    pub(super) fn each(&self, mut show: impl FnMut(&V)) {
        for shard in &self.shards {
            shard.read().values().for_each(&mut show);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// Returns an empty table that can replace this one.
    pub(super) fn alike(&self) -> Self {
        Self {
            hasher: self.hasher.clone(),
            ..Self::default()
        }
    }

    /// Takes the place of everything here. `other` was made by [`Table::alike`].
    pub(super) fn replace(&self, other: Self) {
        for (mine, others) in self.shards.iter().zip(other.shards) {
            // What was here is dropped after its lock.
            let _before = std::mem::replace(&mut *mine.write(), others.into_inner());
        }
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> &RwLock<Map<K, V>> {
        let [first, ..] = &self.shards;
        // The upper bits: the shard's own map begins with the lower ones.
        let place = (self.hasher.hash_one(key) >> 57) as usize % SHARDS;
        self.shards.get(place).unwrap_or(first)
    }
}

impl<K: Eq + Hash, V: Clone> Table<K, V> {
    pub(super) fn find<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.read(key, V::clone)
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| RwLock::default()),
        }
    }
}

const SHARDS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_found_until_it_is_removed_or_replaced() {
        let table = Table::default();
        for number in 0..1_000 {
            assert_eq!(table.put(number, number * 2), None);
        }
        assert_eq!((table.len(), table.find(&77)), (1_000, Some(154)));
        assert_eq!((table.remove(&77), table.find(&77)), (Some(154), None));
        table.retain(|value| value % 4 == 0);
        assert_eq!(table.len(), 500);

        let other = table.alike();
        other.put(1, 1);
        table.replace(other);
        assert_eq!((table.len(), table.find(&1), table.find(&4)), (1, Some(1), None));
    }
}
