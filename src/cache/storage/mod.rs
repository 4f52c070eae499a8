//! Where stored responses are: in memory within a bound, purged at once.
//!
//! It owns bytes, and knows nothing of what may be stored, for whom, or for how long. [`Doors`] is what Pingora's
//! cache state machine comes in by; purges and figures are asked of the [`Store`] itself.
//!
//! # The bound
//!
//! Everything that grows with what is stored counts toward [`Bounds::memory`]: keys, heads, labels, bodies, the
//! entries' places in the table, rounded as the allocator rounds. Seven eighths are for the table; one is for bodies
//! on their way: those being stored, and those that left the table while somebody reads them. A response for which
//! there is no room on the way is passed on without being stored.
//!
//! With a disk, an eighth of the table's is for its index.
//!
//! # What a hit costs
//!
//! One table lookup under a read lock, a comparison of the key, two loads for the purges. [`Whole`] copies nothing; who
//! comes by a door gets what Pingora asks for: a copy of the head's map (its values are shared) and five small boxes.
//! The body is shared either way.

mod address;
mod body;
mod cost;
mod disk;
mod doors;
mod entry;
mod fill;
mod fills;
mod labels;
mod lengths;
mod meta;
mod purge;
mod reader;
mod room;
mod shelf;
mod table;
mod whole;
mod writer;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;
use pingora_cache::CacheMeta;
use pingora_cache::key::CacheKey;
use pingora_error::{Error, ErrorType, Result};
use tokio::sync::Notify;

pub use self::address::Address;
use self::disk::Disk;
pub use self::disk::{DiskBounds, DiskFigures};
pub use self::doors::Doors;
use self::entry::Entry;
use self::fill::Fill;
use self::fills::Fills;
pub use self::labels::{Labels, MOST_TAGS, Owner, Scope, Selector, Storing};
use self::lengths::Lengths;
pub use self::purge::{Kind, Stamp};
use self::purge::{Purges, Standing, Verdict};
use self::room::Space;
use self::shelf::Shelves;
pub use self::shelf::Shelving;
use self::table::Table;
pub use self::whole::Whole;

/// How much may be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// Bytes of memory, whatever they are for.
    pub memory: u64,
    /// Entries in memory.
    pub entries: u64,
    /// Bytes of one body.
    pub max_body: u64,
    /// The disk, if there is to be one.
    pub disk: Option<DiskBounds>,
}

/// The stored responses.
pub struct Store {
    table: Table,
    space: Arc<Space>,
    fills: Fills,
    purges: Arc<Purges>,
    disk: Option<Arc<Disk>>,
    shelves: Shelves,
    lengths: Lengths,
    max_body: u64,
    /// Up to which purge everything has been held against them; locked by who walks over it.
    settled: Mutex<Stamp>,
    due: Notify,
    numbers: AtomicU64,
    refused: AtomicU64,
    broken: AtomicU64,
}

/// What the store holds and has done, for the metrics.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// Entries in memory.
    pub entries: u64,
    /// Bytes that they take of the bound.
    pub bytes: u64,
    /// Bodies being stored, and bodies that left the table while somebody reads them.
    pub on_their_way: u64,
    /// Bytes that those have taken of the bound.
    pub bytes_on_their_way: u64,
    /// Entries that left because others came.
    pub evictions: u64,
    /// Responses that were not stored: too large, or no room for them on their way.
    pub refused: u64,
    /// Responses that ended, or whose request ended, before they were whole.
    pub broken: u64,
    /// Purges that something may not have been held against.
    pub purges: u64,
    /// The disk, if there is one.
    pub disk: Option<DiskFigures>,
}

/// What a lookup finds.
enum Found {
    /// A whole response, which a purge may have made stale since a time.
    Entry(Arc<Entry>, Option<SystemTime>),
    /// One that is being stored.
    Fill(Arc<Fill>),
}

impl Store {
    /// Makes an empty store.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        let part = bounds.memory / 8;
        let parts = if bounds.disk.is_some() { 2 } else { 1 };
        let space = Space::new(part);
        let purges = Arc::new(Purges::default());
        let open = |disk| Arc::new(Disk::open(disk, part, Arc::clone(&purges)));
        let disk = bounds.disk.map(open);
        let left = disk.clone();
        let unshelved = move |address: &Address| _ = left.as_ref().map(|disk| disk.forget(address));
        let table = Table::new(
            (bounds.memory - parts * part, bounds.entries),
            bounds.max_body,
            Arc::clone(&space),
            Box::new(unshelved),
        );
        Arc::new(Self {
            table,
            space,
            fills: Fills::default(),
            purges,
            disk,
            shelves: Shelves::default(),
            lengths: Lengths::new(),
            max_body: bounds.max_body,
            settled: Mutex::default(),
            due: Notify::new(),
            numbers: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            broken: AtomicU64::new(0),
        })
    }

    /// Returns the present moment among purges; to be asked before the origin is, for [`Storing`].
    pub fn stamp(&self) -> Stamp {
        self.purges.stamp()
    }

    /// Purges what a selector names, in force when it returns: for entries, and for responses that their origin was
    /// asked for before, when they come to be stored.
    ///
    /// It costs one insertion, whatever it names and however much there is; each entry is held against it when it is
    /// next asked for. [`settle`](Self::settle) gives the memory back, which is due when [`due`](Self::due) is notified.
    /// With a disk, the next process knows of it within moments, or when [`persist`](Self::persist) returns.
    pub fn purge(&self, selector: &Selector<'_>, kind: Kind, now: SystemTime) {
        let (mark, prefix) = selector.mark();
        self.add(mark, prefix, (kind, now));
    }

    /// Waits until what was purged so far holds for the next process, too, whatever becomes of this one. It blocks.
    ///
    /// # Errors
    ///
    /// Fails if the disk cannot be told.
    pub fn persist(&self) -> io::Result<()> {
        self.disk.as_ref().map_or(Ok(()), |disk| disk.persist())
    }

    /// Is notified when so much is purged that it is time to settle.
    pub fn due(&self) -> &Notify {
        &self.due
    }

    /// Walks over everything once, to give back what is purged, where anything is.
    ///
    /// It takes some 100 ns an entry, a lock for a moment at each, so it belongs on a thread that may block. Walks do
    /// not overlap: who comes while one is under way waits for it.
    pub fn settle(&self, now: SystemTime) {
        let mut settled = self.settled.lock();
        let held = self.purges.stamp();
        if *settled < held {
            for entry in self.table.walk() {
                if entry.sheet().verdict(&self.purges) == Verdict::Gone {
                    self.table.remove(&entry);
                }
            }
            if let Some(disk) = &self.disk {
                disk.settle();
            }
            *settled = held;
        }
        self.purges.forget(held, now);
    }

    /// Gives the disk up, for another process to take; memory goes on. It blocks for what is queued.
    pub fn close(&self) {
        if let Some(disk) = &self.disk {
            disk.close();
        }
    }

    /// Returns what the store holds and has done.
    pub fn figures(&self) -> Figures {
        Figures {
            entries: self.table.len() as u64,
            bytes: self.table.bytes(),
            on_their_way: self.space.users(),
            bytes_on_their_way: self.space.used(),
            evictions: self.table.evicted(),
            refused: self.refused.load(Ordering::Relaxed),
            broken: self.broken.load(Ordering::Relaxed),
            purges: self.purges.len() as u64,
            disk: self.disk.as_ref().map(|disk| disk.figures()),
        }
    }

    /// Tells whether a purge named a response since its origin was asked.
    pub fn is_purged(&self, key: &CacheKey, storing: &Storing) -> bool {
        let (mark, standing) = (Address::of(key).mark(), Standing::at(storing.asked));
        self.purges.verdict(mark, &storing.labels, &standing) != Verdict::Good
    }

    fn purge_one(&self, address: &Address, kind: Kind, now: SystemTime) {
        self.add(address.mark(), None, (kind, now));
    }

    fn add(&self, mark: u64, prefix: Option<&str>, (kind, now): (Kind, SystemTime)) {
        if self.purges.add(mark, prefix, kind, now) {
            self.due.notify_one();
        }
        if let Some(disk) = &self.disk {
            disk.tell();
        }
    }

    /// Puts a new head on a stored body, for an origin that said that it is still good; false if it is there no more.
    fn update(&self, key: &CacheKey, meta: &CacheMeta) -> Result<bool> {
        let Some(Found::Entry(old, _)) = self.find(key) else {
            return Ok(false);
        };
        let mut sheet = writer::sheet(self, key, meta)?;
        sheet.meta.measure(old.body().len() as u64)?;
        if meta.extensions().get::<Storing>().is_none() {
            sheet.labels = old.sheet().labels.clone();
        }
        let new = Entry::new(sheet, old.body().clone());
        self.forget_on_disk(&new);
        Ok(self.table.replace(&old, &new))
    }

    /// Keeps a response; false if it is too large.
    fn keep(&self, entry: &Arc<Entry>) -> bool {
        self.forget_on_disk(entry);
        self.table.insert(entry)
    }

    fn forget_on_disk(&self, newer: &Entry) {
        if let Some(disk) = &self.disk {
            disk.forget(&newer.sheet().address);
        }
    }

    /// Counts a response that is not stored, and says why.
    fn refuse<T>(&self, why: &'static str) -> Result<T> {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Error::e_explain(ErrorType::Custom("not stored"), why)
    }

    /// Finds what only the disk has.
    async fn recall(&self, disk: &Disk, key: &CacheKey) -> Option<Found> {
        let mut recalled = disk.recall(&Address::of(key), &self.space).await?;
        let (mut sheet, body) = recalled.take()?;
        if *sheet.key != *key.primary_key() {
            return None;
        }
        sheet.shelf = self.shelves.of(key);
        self.table.adopt(&Entry::recalled(sheet, body), || disk.has(&recalled));
        self.find(key)
    }

    fn find(&self, key: &CacheKey) -> Option<Found> {
        let address = Address::of(key);
        let is_followed = |fill: &Fill| {
            let sheet = fill.sheet();
            *sheet.key == *key.primary_key() && sheet.verdict(&self.purges) == Verdict::Good
        };
        if let Some(fill) = self.fills.find(&address, is_followed) {
            return Some(Found::Fill(fill));
        }
        let entry = self.table.find(&address)?;
        let sheet = entry.sheet();
        if *sheet.key != *key.primary_key() {
            return None;
        }
        match sheet.verdict(&self.purges) {
            Verdict::Good => {
                if let Some(disk) = self.disk.as_ref().filter(|_| entry.reuse()) {
                    disk.keep(&entry);
                }
                Some(Found::Entry(entry, None))
            }
            Verdict::Stale(since) => Some(Found::Entry(entry, Some(since))),
            Verdict::Gone => {
                self.table.remove(&entry);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
