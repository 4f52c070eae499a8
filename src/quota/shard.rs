//! A part of the ledger, behind one lock: counters by key, what is under way, and the room there is.
//!
//! Counters that hold nothing are forgotten a few at a time: each newcomer pays for looking at some, so that nobody
//! waits for a walk through all of them. A counter that holds something is never forgotten.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::clock::Moment;
use super::counter::Counter;
use super::demand::Subjects;
use super::key::Key;
use super::sharing::Note;

/// A part of the ledger.
#[derive(Debug)]
pub(super) struct Shard {
    entries: IndexMap<Key, Entry, BuildHasherDefault<Place>>,
    /// How many requests are under way. Bounded by the connections there are, so not by the room for counters.
    pub(super) holds: Holds,
    /// How many are under way in the process that this one takes over from.
    pub(super) elsewhere: Holds,
    /// What the store, and so other gateways, do not know yet.
    pub(super) notes: HashMap<Key, Note, BuildHasherDefault<Place>>,
    /// How many the store knows to be under way here.
    pub(super) told_holds: Holds,
    /// Of which counts of what is under way the store is to be told.
    pub(super) due_holds: HashSet<Key, BuildHasherDefault<Place>>,
    /// So many counters have room, those that newcomers share not counted.
    room: usize,
    invented: usize,
    shared: usize,
    /// Those that newcomers share in the whole ledger.
    shared_anywhere: Arc<AtomicUsize>,
    /// Where to look next for counters that hold nothing.
    cursor: usize,
}

pub(super) type Holds = HashMap<Key, u64, BuildHasherDefault<Place>>;

/// A counter, and who can have made it necessary.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) counter: Counter,
    pub(super) owner: Owner,
}

/// Whose a counter is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum Owner {
    /// One subject's.
    Subject(Subjects),
    /// That of all newcomers for whom there was no room.
    Newcomers,
}

impl Shard {
    pub(super) fn new(room: usize, shared_anywhere: Arc<AtomicUsize>) -> Self {
        Self {
            entries: IndexMap::default(),
            holds: HashMap::default(),
            elsewhere: HashMap::default(),
            notes: HashMap::default(),
            told_holds: HashMap::default(),
            due_holds: HashSet::default(),
            room,
            invented: 0,
            shared: 0,
            shared_anywhere,
            cursor: 0,
        }
    }

    /// Returns where a counter is; true until one is forgotten.
    pub(super) fn find(&self, key: Key) -> Option<usize> {
        self.entries.get_index_of(&key)
    }

    pub(super) fn at(&mut self, place: usize) -> Option<&mut Counter> {
        self.entries.get_index_mut(place).map(|(_, entry)| &mut entry.counter)
    }

    pub(super) fn get(&mut self, key: Key) -> Option<&mut Counter> {
        self.entries.get_mut(&key).map(|entry| &mut entry.counter)
    }

    /// Returns how many requests are under way, here and where this process takes over from.
    pub(super) fn held(&self, key: Key) -> u64 {
        let count = |holds: &Holds| holds.get(&key).copied().unwrap_or_default();
        count(&self.holds).saturating_add(count(&self.elsewhere))
    }

    /// Counts one more request as under way.
    pub(super) fn hold(&mut self, key: Key) {
        let held = self.holds.entry(key).or_default();
        *held = held.saturating_add(1);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (Key, &Entry)> {
        self.entries.iter().map(|(key, entry)| (*key, entry))
    }

    /// Tells whether a new counter has room, after forgetting a few that hold nothing where there is none.
    pub(super) fn has_room(&mut self, subjects: Subjects, now: Moment) -> bool {
        if !self.is_full(subjects) {
            return true;
        }
        self.sweep(LOOKS_WHEN_FULL, now);
        !self.is_full(subjects)
    }

    fn is_full(&self, subjects: Subjects) -> bool {
        let kept = self.entries.len() - self.shared;
        let for_invented = self.room - self.room / 4;
        kept >= self.room || subjects == Subjects::Invented && self.invented >= for_invented
    }

    /// Returns the counter of a key: what it has, or this one.
    pub(super) fn entry(&mut self, key: Key, owner: Owner, new: Counter) -> &mut Counter {
        let entry = self.entries.entry(key);
        if let indexmap::map::Entry::Vacant(_) = entry {
            match owner {
                Owner::Subject(Subjects::Invented) => self.invented += 1,
                Owner::Subject(Subjects::Registered) => {}
                Owner::Newcomers => {
                    self.shared += 1;
                    self.shared_anywhere.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        &mut entry.or_insert(Entry { counter: new, owner }).counter
    }

    pub(super) fn remove(&mut self, key: Key) -> bool {
        self.find(key).is_some_and(|place| self.remove_at(place))
    }

    fn remove_at(&mut self, place: usize) -> bool {
        let Some((key, entry)) = self.entries.swap_remove_index(place) else {
            return false;
        };
        // Nothing of it is in force, so there is nothing to tell.
        self.notes.remove(&key);
        match entry.owner {
            Owner::Subject(Subjects::Invented) => self.invented -= 1,
            Owner::Subject(Subjects::Registered) => {}
            Owner::Newcomers => {
                self.shared -= 1;
                self.shared_anywhere.fetch_sub(1, Ordering::Relaxed);
            }
        }
        true
    }

    /// Looks at so many counters and forgets those that hold nothing; the others give back room they do not use.
    pub(super) fn sweep(&mut self, looks: usize, now: Moment) {
        for _ in 0..looks.min(self.entries.len()) {
            if self.cursor >= self.entries.len() {
                self.cursor = 0;
            }
            let Some((_, entry)) = self.entries.get_index_mut(self.cursor) else {
                return;
            };
            if entry.counter.is_idle(now) {
                // The last one takes its place and is looked at next.
                self.remove_at(self.cursor);
            } else {
                entry.counter.shrink();
                self.cursor += 1;
            }
        }
    }

    /// Gives back the memory of counters that are gone, where that is most of it.
    pub(super) fn shrink(&mut self) {
        if self.entries.capacity() > 4 * self.entries.len() + SMALL {
            self.entries.shrink_to(2 * self.entries.len());
        }
    }
}

/// Takes half of a key for its hash: keys are hashes.
#[derive(Debug, Default)]
pub(super) struct Place(u64);

impl Hasher for Place {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, bits: u64) {
        self.0 = bits;
    }
}

/// So many counters a newcomer looks at.
pub(super) const LOOKS: usize = 2;

/// So many counters a newcomer looks at where there is no room.
const LOOKS_WHEN_FULL: usize = 16;

/// So few counters are not worth giving back.
const SMALL: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_as_large_as_the_memory_that_is_promised() {
        assert!(size_of::<Entry>() <= 72, "{}", size_of::<Entry>());
    }
}
