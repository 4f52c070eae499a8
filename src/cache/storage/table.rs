//! The table of entries in memory: quick_cache's CLOCK-Pro, which a scan does not push hot entries out of, by weight.
//!
//! An entry weighs its bytes, and at least the bound divided by the entries that there may be, so that one policy keeps
//! both bounds. The table is locked by shards, each with its part of the bound; a lookup locks one for a few loads.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use super::address::Address;
use super::entry::Entry;
use super::room::Space;

/// The entries in memory.
pub(super) struct Table {
    entries: Cache<Address, Arc<Entry>, Weight, ahash::RandomState, Gather>,
    /// One writer to an address at a time, so that a head is not put on a body that it does not belong to.
    writers: [Mutex<()>; 16],
    space: Arc<Space>,
    /// Told what leaves because its shelf is full.
    unshelved: Unshelved,
    bytes: AtomicU64,
    evicted: AtomicU64,
}

/// Is told where an entry was that left because its shelf was full.
pub(super) type Unshelved = Box<dyn Fn(&Address) + Send + Sync>;

impl Table {
    /// Makes a table of so many bytes and entries, none of which is larger than the largest body and its head.
    pub(super) fn new((bytes, entries): (u64, u64), largest: u64, space: Arc<Space>, unshelved: Unshelved) -> Self {
        let shards = shards(bytes, largest);
        let weight = Weight {
            least: bytes.div_ceil(entries.max(1)),
        };
        let expected = (bytes / USUAL).min(entries).max(1);
        let options = OptionsBuilder::new()
            .shards(usize::try_from(shards).unwrap_or(1))
            // What a bound is rounded up to at each shard would be beyond it.
            .weight_capacity(bytes / shards * shards)
            // The table takes fewer shards where it expects few entries, but a shard that is large enough may hold few.
            .estimated_items_capacity(usize::try_from(expected.max(32 * shards)).unwrap_or(usize::MAX))
            .build();
        #[expect(clippy::expect_used, reason = "both of what it asks for are stated above")]
        let options = options.expect("complete");
        Self {
            entries: Cache::with_options(options, weight, ahash::RandomState::new(), Gather),
            writers: Default::default(),
            space,
            unshelved,
            bytes: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
        }
    }

    /// Finds an entry, which makes it one that is asked for.
    pub(super) fn find(&self, address: &Address) -> Option<Arc<Entry>> {
        self.entries.get(address).inspect(|entry| entry.touch())
    }

    /// Puts an entry in the place of any other; false if it is too large.
    pub(super) fn insert(&self, entry: &Arc<Entry>) -> bool {
        let address = entry.sheet().address;
        let _writer = self.writer(&address).lock();
        self.put(address, entry)
    }

    /// Puts an entry in the place of the one that it was made of; false if that is no longer there.
    pub(super) fn replace(&self, old: &Arc<Entry>, new: &Arc<Entry>) -> bool {
        let address = old.sheet().address;
        let _writer = self.writer(&address).lock();
        let is_there = self
            .entries
            .peek(&address)
            .is_some_and(|entry| Arc::ptr_eq(&entry, old));
        is_there && self.put(address, new)
    }

    /// Puts an entry where nothing is, if it is still the one to go by.
    pub(super) fn adopt(&self, entry: &Arc<Entry>, is_current: impl FnOnce() -> bool) {
        let address = entry.sheet().address;
        let _writer = self.writer(&address).lock();
        if !self.entries.contains_key(&address) && is_current() {
            self.put(address, entry);
        }
    }

    /// Takes an entry out, if it is the one that is there.
    pub(super) fn remove(&self, entry: &Arc<Entry>) -> bool {
        let address = &entry.sheet().address;
        let removed = self.entries.remove_if(address, |known| Arc::ptr_eq(known, entry));
        removed.map(|(_, entry)| self.depart(entry)).is_some()
    }

    /// Takes out whatever is at an address; false if nothing is.
    pub(super) fn clear(&self, address: &Address) -> bool {
        let removed = self.entries.remove(address);
        removed.map(|(_, entry)| self.depart(entry)).is_some()
    }

    /// Walks over the entries, each once that is there throughout; locks one shard for a moment at each step.
    pub(super) fn walk(&self) -> impl Iterator<Item = Arc<Entry>> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// Counts the entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the bytes of all entries.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    /// Counts the entries that left because others came.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Puts an entry in its place, on its shelf if it has one.
    fn put(&self, address: Address, entry: &Arc<Entry>) -> bool {
        let Some(shelf) = &entry.sheet().shelf else {
            return self.set(address, entry);
        };
        let _turn = shelf.turn();
        for leaving in shelf.admit(entry) {
            if self.remove(&leaving) {
                self.evicted.fetch_add(1, Ordering::Relaxed);
            }
            (self.unshelved)(&leaving.sheet().address);
        }
        self.set(address, entry)
    }

    fn set(&self, address: Address, entry: &Arc<Entry>) -> bool {
        let mut gathered = Gathered::default();
        self.bytes.fetch_add(entry.bytes(), Ordering::AcqRel);
        self.entries
            .insert_with_lifecycle(address, Arc::clone(entry), &mut gathered);
        let mut is_stored = true;
        for (place, gone) in gathered.0 {
            if Arc::ptr_eq(&gone, entry) {
                is_stored = false;
            } else if place != address {
                self.evicted.fetch_add(1, Ordering::Relaxed);
            }
            self.depart(gone);
        }
        is_stored
    }

    fn depart(&self, entry: Arc<Entry>) {
        self.bytes.fetch_sub(entry.bytes(), Ordering::AcqRel);
        if let Some(shelf) = &entry.sheet().shelf {
            shelf.release(&entry);
        }
        entry.leave(&self.space);
    }

    fn writer(&self, address: &Address) -> &Mutex<()> {
        let [first, ..] = &self.writers;
        let count = self.writers.len() as u64;
        let place = usize::try_from(address.mark() % count).unwrap_or(0);
        self.writers.get(place).unwrap_or(first)
    }
}

/// What an entry takes of the bound.
#[derive(Clone)]
struct Weight {
    least: u64,
}

impl Weighter<Address, Arc<Entry>> for Weight {
    fn weight(&self, _: &Address, entry: &Arc<Entry>) -> u64 {
        entry.bytes().max(self.least)
    }
}

/// Gathers what leaves, so that it is freed after the lock.
#[derive(Clone)]
struct Gather;

#[derive(Default)]
struct Gathered(smallvec::SmallVec<[(Address, Arc<Entry>); 4]>);

impl Lifecycle<Address, Arc<Entry>> for Gather {
    type RequestState = Gathered;

    fn on_evict(&self, gathered: &mut Gathered, address: Address, entry: Arc<Entry>) {
        gathered.0.push((address, entry));
    }
}

/// Returns into how many parts the table is locked: as many as threads may meet in, none so small that the largest
/// entry is more than a quarter of it.
fn shards(bytes: u64, largest: u64) -> u64 {
    let threads = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let most = (4 * threads).next_power_of_two();
    let fitting = (bytes / (4 * largest).max(1)).max(1);
    most.min(1 << fitting.ilog2())
}

/// The bytes that an entry usually has, from which the table guesses how many there will be.
const USUAL: u64 = 4 << 10;
