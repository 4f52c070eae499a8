//! Which responses the disk has: found, bounded and evicted in memory, without asking the file system.

use std::mem::size_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use super::super::address::Address;
use super::super::cost;
use super::super::labels::Labels;
use super::super::purge::{Purges, Standing, Verdict};

/// The files that there are.
pub(super) struct Index {
    records: Cache<Address, Arc<Record>, Weight, ahash::RandomState, Gather>,
    bytes: AtomicU64,
}

/// A file that is there, or about to be.
pub(super) struct Record {
    pub(super) address: Address,
    pub(super) labels: Labels,
    pub(super) standing: Standing,
    /// The bytes of its file, in blocks.
    pub(super) bytes: u64,
    /// Whether its file is there.
    pub(super) is_written: AtomicBool,
}

impl Record {
    /// Holds it against the purges.
    pub(super) fn verdict(&self, purges: &Purges) -> Verdict {
        purges.verdict(self.address.mark(), &self.labels, &self.standing)
    }

    fn memory(&self) -> u64 {
        let (target, tags) = self.labels.heap();
        (size_of::<Self>() + cost::block(target) + cost::block(tags) + cost::PLACE) as u64
    }
}

impl Index {
    /// Makes an index of files of so many bytes together, that itself takes no more than so many of memory.
    pub(super) fn new(bytes: u64, memory: u64) -> Self {
        let weight = Weight {
            per_byte: bytes.div_ceil(memory.max(1)),
        };
        let expected = usize::try_from(memory / 512).unwrap_or(usize::MAX).max(64);
        let options = OptionsBuilder::new()
            .shards(1)
            .weight_capacity(bytes)
            .estimated_items_capacity(expected)
            .build();
        #[expect(clippy::expect_used, reason = "both of what it asks for are stated above")]
        let options = options.expect("complete");
        Self {
            records: Cache::with_options(options, weight, ahash::RandomState::new(), Gather),
            bytes: AtomicU64::new(0),
        }
    }

    /// Finds a file.
    pub(super) fn find(&self, address: &Address) -> Option<Arc<Record>> {
        self.records.get(address)
    }

    /// Tells whether a record is the one that is there.
    pub(super) fn has(&self, record: &Arc<Record>) -> bool {
        let known = self.records.peek(&record.address);
        known.is_some_and(|known| Arc::ptr_eq(&known, record))
    }

    /// Adds a record and returns those that have to go for it, whose files are to be removed; it may be among them.
    pub(super) fn insert(&self, record: &Arc<Record>) -> Vec<Arc<Record>> {
        let mut gathered = Gathered::default();
        self.bytes.fetch_add(record.bytes, Ordering::AcqRel);
        self.records
            .insert_with_lifecycle(record.address, Arc::clone(record), &mut gathered);
        for gone in &gathered.0 {
            self.bytes.fetch_sub(gone.bytes, Ordering::AcqRel);
        }
        gathered.0
    }

    /// Takes a record out; false if it is no longer there.
    pub(super) fn remove(&self, record: &Arc<Record>) -> bool {
        let removed = self
            .records
            .remove_if(&record.address, |known| Arc::ptr_eq(known, record));
        if removed.is_some() {
            self.bytes.fetch_sub(record.bytes, Ordering::AcqRel);
        }
        removed.is_some()
    }

    /// Walks over the records.
    pub(super) fn walk(&self) -> impl Iterator<Item = Arc<Record>> {
        self.records.iter().map(|(_, record)| record)
    }

    /// Counts the files.
    pub(super) fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// Returns the bytes of the files.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }
}

/// What a file takes of the disk's bound, or its record of the memory's, as a share of the disk's.
#[derive(Clone)]
struct Weight {
    per_byte: u64,
}

impl Weighter<Address, Arc<Record>> for Weight {
    fn weight(&self, _: &Address, record: &Arc<Record>) -> u64 {
        record.bytes.max(record.memory() * self.per_byte)
    }
}

/// Gathers what has to go.
#[derive(Clone)]
struct Gather;

#[derive(Default)]
struct Gathered(Vec<Arc<Record>>);

impl Lifecycle<Address, Arc<Record>> for Gather {
    type RequestState = Gathered;

    fn on_evict(&self, gathered: &mut Gathered, _: Address, record: Arc<Record>) {
        gathered.0.push(record);
    }
}
