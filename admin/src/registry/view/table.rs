//! A map for many readers: cut into shards, so that a writer keeps few of them waiting, and never for long.

use std::borrow::Borrow;
use std::hash::Hash;
use std::mem;

use ahash::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::RwLock;

/// A map for many readers. A key is hashed once for both, its shard and its place there.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    /// Says where a key is; keys come from outside, so nobody else may know it.
    hasher: RandomState,
    shards: [RwLock<HashTable<(K, V)>>; SHARDS],
}

impl<K: Eq + Hash, V> Table<K, V> {
    /// Returns what `read` makes of a value.
    pub(super) fn read<Q, R>(&self, key: &Q, read: impl FnOnce(&V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hash(key);
        let shard = self.shard(hash).read();
        shard.find(hash, is(key)).map(|(_, value)| read(value))
    }

    /// Changes a value where it stands; what does not is made.
    pub(super) fn change<R>(&self, key: K, make: impl FnOnce() -> V, change: impl FnOnce(&mut V) -> R) -> R {
        let hash = self.hash(&key);
        let mut shard = self.shard(hash).write();
        let entry = shard.entry(hash, is(&key), |(key, _)| self.hash(key));
        change(&mut entry.or_insert_with(|| (key, make())).into_mut().1)
    }

    /// Changes a value that is there.
    pub(super) fn update<Q, R>(&self, key: &Q, change: impl FnOnce(&mut V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hash(key);
        let mut shard = self.shard(hash).write();
        shard.find_mut(hash, is(key)).map(|(_, value)| change(value))
    }

    /// Puts a value; returns the one that it replaces.
    pub(super) fn put(&self, key: K, value: V) -> Option<V> {
        let hash = self.hash(&key);
        let mut shard = self.shard(hash).write();
        match shard.entry(hash, is(&key), |(key, _)| self.hash(key)) {
            Entry::Occupied(mut held) => Some(mem::replace(&mut held.get_mut().1, value)),
            Entry::Vacant(place) => {
                place.insert((key, value));
                None
            }
        }
    }

    pub(super) fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hash(key);
        let mut shard = self.shard(hash).write();
        let held = shard.find_entry(hash, is(key)).ok()?;
        let ((_, value), _) = held.remove();
        Some(value)
    }

    pub(super) fn retain(&self, keep: impl Fn(&V) -> bool) {
        for shard in &self.shards {
            shard.write().retain(|(_, value)| keep(value));
        }
    }

    /// Shows every value, in no order.
    pub(super) fn each(&self, mut show: impl FnMut(&V)) {
        for shard in &self.shards {
            shard.read().iter().for_each(|(_, value)| show(value));
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
            let _before = mem::replace(&mut *mine.write(), others.into_inner());
        }
    }

    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    fn shard(&self, hash: u64) -> &RwLock<HashTable<(K, V)>> {
        let [first, ..] = &self.shards;
        // Bits from the middle: where in a shard a value is, the lowest say; the highest seven tell it from the others
        // there before it is looked at, which they cannot if they are the same for the whole shard.
        let place = (hash >> 40) as usize % SHARDS;
        self.shards.get(place).unwrap_or(first)
    }
}

/// Tells whether an entry is that of a key.
fn is<K: Borrow<Q>, Q: Eq + ?Sized, V>(key: &Q) -> impl Fn(&(K, V)) -> bool {
    move |(known, _)| known.borrow() == key
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
            shards: std::array::from_fn(|_| RwLock::new(HashTable::new())),
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
