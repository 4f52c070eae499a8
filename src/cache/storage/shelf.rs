//! Parts of the table with a bound of their own: so many entries of one version, or of one resource.
//!
//! A newcomer takes the place of one of the same shelf: the first, going round, that was not asked for since the last time
//! (CLOCK). The bound holds at every moment, since one newcomer at a time goes in, and after the other has left.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};
use pingora_cache::key::CacheKey;

use super::address::Address;
use super::entry::Entry;

/// On which shelf an entry is, which whoever builds a `CacheKey` puts into its extensions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shelving {
    /// Stands for the shelf's name.
    pub mark: u64,
    /// How many entries it takes.
    pub most: u64,
}

/// The shelves that have entries.
#[derive(Default)]
pub(super) struct Shelves(Mutex<HashMap<u64, Weak<Shelf>, ahash::RandomState>>);

/// One shelf.
pub(super) struct Shelf {
    most: AtomicU64,
    turn: Mutex<()>,
    clock: Mutex<Clock>,
}

#[derive(Default)]
struct Clock {
    slots: Vec<Option<(Address, Weak<Entry>)>>,
    places: HashMap<Address, usize, ahash::RandomState>,
    free: Vec<usize>,
    hand: usize,
}

impl Shelves {
    /// Finds or makes the shelf that a key names, with the bound that is stated now.
    pub(super) fn of(&self, key: &CacheKey) -> Option<Arc<Shelf>> {
        let Shelving { mark, most } = *key.extensions.get()?;
        let mut shelves = self.0.lock();
        if let Some(shelf) = shelves.get(&mark).and_then(Weak::upgrade) {
            shelf.most.store(most, Ordering::Relaxed);
            return Some(shelf);
        }
        shelves.retain(|_, shelf| shelf.strong_count() > 0);
        let shelf = Arc::new(Shelf {
            most: AtomicU64::new(most),
            turn: Mutex::default(),
            clock: Mutex::default(),
        });
        shelves.insert(mark, Arc::downgrade(&shelf));
        Some(shelf)
    }
}

impl Shelf {
    /// Waits for the turn to put an entry there; it ends when the entry is in the table.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock()
    }

    /// Gives an entry a place, and returns those that are to leave before it comes.
    pub(super) fn admit(&self, entry: &Arc<Entry>) -> Vec<Arc<Entry>> {
        let address = entry.sheet().address;
        let most = usize::try_from(self.most.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let mut clock = self.clock.lock();
        // What it replaces makes room for it.
        clock.vacate(&address);
        let mut leaving = Vec::new();
        while clock.places.len() >= most.max(1) {
            leaving.extend(clock.evict());
        }
        clock.close_up();
        clock.add(address, entry);
        leaving
    }

    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.clock.lock().slots.len()
    }

    /// Gives back the place of an entry, if it has one.
    pub(super) fn release(&self, entry: &Entry) {
        self.clock.lock().release(entry);
    }
}

impl Clock {
    fn add(&mut self, address: Address, entry: &Arc<Entry>) {
        let slot = Some((address, Arc::downgrade(entry)));
        let place = self.free.pop().unwrap_or(self.slots.len());
        match self.slots.get_mut(place) {
            Some(known) => *known = slot,
            None => self.slots.push(slot),
        }
        self.places.insert(address, place);
    }

    /// Takes out the next that was not asked for; after a round the next one, whatever was asked for meanwhile.
    fn evict(&mut self) -> Option<Arc<Entry>> {
        for step in 0_usize.. {
            let place = self.hand % self.slots.len().max(1);
            self.hand = place + 1;
            let Some((address, entry)) = self.slots.get(place).and_then(Option::as_ref) else {
                continue;
            };
            let (address, entry) = (*address, entry.upgrade());
            let is_used = entry.as_ref().is_some_and(|entry| entry.take_use());
            if !is_used || step > self.slots.len() {
                self.vacate(&address);
                return entry;
            }
        }
        None
    }

    /// Takes out empty slots where most are, as after a bound was lowered, so that nobody goes round among them.
    fn close_up(&mut self) {
        if self.slots.len() > 4 * self.places.len() + FEW {
            self.slots.retain(Option::is_some);
            self.slots.shrink_to_fit();
            let places = self.slots.iter().enumerate();
            let places = places.filter_map(|(place, slot)| slot.as_ref().map(|(address, _)| (*address, place)));
            self.places = places.collect();
            (self.free, self.hand) = (Vec::new(), 0);
        }
    }

    fn release(&mut self, entry: &Entry) {
        let address = &entry.sheet().address;
        let known = self.places.get(address).and_then(|place| self.slots.get(*place));
        let is_it = |(_, known): &(Address, Weak<Entry>)| std::ptr::eq(known.as_ptr(), entry);
        if known.and_then(Option::as_ref).is_some_and(is_it) {
            self.vacate(address);
        }
    }

    fn vacate(&mut self, address: &Address) {
        if let Some(place) = self.places.remove(address) {
            if let Some(slot) = self.slots.get_mut(place) {
                *slot = None;
            }
            self.free.push(place);
        }
    }
}

/// Slots that are not worth closing up.
const FEW: usize = 64;
