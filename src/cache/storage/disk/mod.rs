//! The disk: responses that were asked for again, kept across restarts.
//!
//! # What goes there
//!
//! A response is written when it is first asked for again while it is fresh; so nothing that is asked for once touches
//! the disk, and what leaves memory for another's sake need not be written then. Memory has the newest: a response that
//! is stored anew, validated or purged takes its file away.
//!
//! # When it fails
//!
//! It is done without: what cannot be written is not kept, what cannot be read is fetched again. A full queue skips.
//! Failures, damage and foreign files are counted, and told of in the log once.
//!
//! # Purges
//!
//! They hold for the next process by a journal, before it believes a file. Who purges may wait until that is on the disk
//! ([`Disk::persist`]), as operators do; else the thread that writes sees to it within milliseconds, which a crash of the
//! process may be faster than, and a loss of power within the seconds that the operating system takes.

mod directory;
mod file;
mod index;
mod journal;
mod keeper;
mod queue;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tracing::warn;

use self::file::Unread;
use self::index::{Index, Record};
use self::keeper::Shelf;
use self::queue::HasFile;
use super::address::Address;
use super::body::Body;
use super::entry::{Entry, Sheet};
use super::purge::{Purges, Verdict};
use super::room::{Room, Space};

/// Where and how much may be on the disk.
#[derive(Clone, Debug, PartialEq)]
pub struct DiskBounds {
    /// A directory of the cache's own; made when it is missing.
    pub directory: PathBuf,
    /// Bytes of all files, in blocks of 4 KiB.
    pub bytes: u64,
}

/// What the disk holds and has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DiskFigures {
    /// Whether it is used: it can be, no other process does, and what is there has been found.
    pub is_used: bool,
    /// Files.
    pub entries: u64,
    /// Their bytes, in blocks of 4 KiB.
    pub bytes: u64,
    /// Responses written.
    pub written: u64,
    /// Responses read.
    pub read: u64,
    /// Responses not written or not read because too many were at the same time.
    pub skipped: u64,
    /// Times that the file system refused.
    pub failed: u64,
    /// Files that were not what was written.
    pub damaged: u64,
    /// Files in the directory that are not the cache's.
    pub foreign: u64,
}

/// The responses on the disk.
pub(super) struct Disk {
    shelf: Arc<Shelf>,
    readers: Arc<Semaphore>,
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.shelf.queue.close();
    }
}

/// A response that has been read.
pub(super) struct Recalled {
    parts: Option<(Sheet, Body)>,
    record: Arc<Record>,
    /// What it takes while it is on its way to the table.
    _room: Room,
}

impl Recalled {
    /// Takes the response out.
    pub(super) fn take(&mut self) -> Option<(Sheet, Body)> {
        self.parts.take()
    }
}

impl Disk {
    /// Begins to find what an earlier process left, on a thread that ends when this is dropped. The index takes at most
    /// so many bytes of memory.
    pub(super) fn open(bounds: DiskBounds, memory: u64, purges: Arc<Purges>) -> Self {
        let index = Index::new(bounds.bytes, memory);
        let shelf = Arc::new(Shelf::new(bounds.directory, index, purges));
        let keeper = Arc::clone(&shelf);
        let name = "cache disk".to_owned();
        let thread = thread::Builder::new().name(name).spawn(move || keeper::run(&keeper));
        if let Err(error) = thread {
            shelf.fail(&error);
        }
        Self {
            shelf,
            readers: Arc::new(Semaphore::new(READERS)),
        }
    }

    /// Queues a response to be written, unless too many are.
    pub(super) fn keep(&self, entry: &Arc<Entry>) {
        if !self.shelf.queue.write(entry) {
            self.count(&self.shelf.counts.skipped);
        }
    }

    /// Takes away what there is of an address, since there is something newer.
    pub(super) fn forget(&self, address: &Address) {
        let record = self.shelf.index.find(address);
        let file = match record.map(|record| self.shelf.index.remove(&record)) {
            Some(true) => HasFile::Yes,
            Some(false) | None if self.shelf.is_searched.load(Ordering::Acquire) => HasFile::No,
            Some(false) | None => HasFile::Maybe,
        };
        self.shelf.queue.remove(address, file);
    }

    /// Tells whether a response that has been read is still the one to go by.
    pub(super) fn has(&self, recalled: &Recalled) -> bool {
        self.shelf.index.has(&recalled.record)
    }

    /// Tells whether there is anything of an address.
    pub(super) fn holds(&self, address: &Address) -> bool {
        self.find(address).is_some()
    }

    fn find(&self, address: &Address) -> Option<Arc<Record>> {
        let record = self.shelf.index.find(address)?;
        let is_there = record.is_written.load(Ordering::Acquire) && self.shelf.is_searched.load(Ordering::Acquire);
        (is_there && record.verdict(&self.shelf.purges) == Verdict::Good).then_some(record)
    }

    /// Reads what there is of an address.
    pub(super) async fn recall(&self, address: &Address, space: &Arc<Space>) -> Option<Recalled> {
        let record = self.find(address)?;
        let permit = Arc::clone(&self.readers).try_acquire_owned().ok();
        let (Some(permit), Some(room)) = (permit, space.take(record.bytes)) else {
            self.count(&self.shelf.counts.skipped);
            return None;
        };
        let shelf = Arc::clone(&self.shelf);
        let read = spawn_blocking(move || {
            let _permit = permit;
            read(&shelf, record, room)
        });
        read.await.ok()?
    }

    /// Lets the next process know, within moments, what was purged.
    pub(super) fn tell(&self) {
        self.shelf.queue.tell();
    }

    /// Waits until the next process will know what was purged so far. It blocks.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be used, or belongs to another process.
    pub(super) fn persist(&self) -> io::Result<()> {
        self.shelf.persist(PATIENCE)
    }

    /// Holds every file against what was purged so far, and has those taken away that are.
    pub(super) fn settle(&self) {
        for record in self.shelf.index.walk() {
            record.verdict(&self.shelf.purges);
        }
        self.shelf.queue.settle();
    }

    /// Gives the directory up, for another process to take. It blocks until what is queued is done, or that takes too
    /// long.
    pub(super) fn close(&self) {
        self.shelf.queue.close();
        if !self.shelf.ended_within(PATIENCE) {
            warn!("the cache's disk is slow, and some of what waits for it is lost");
        }
    }

    /// Returns what the disk holds and has done.
    pub(super) fn figures(&self) -> DiskFigures {
        let counts = &self.shelf.counts;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        DiskFigures {
            is_used: self.shelf.is_searched.load(Ordering::Acquire),
            entries: self.shelf.index.len(),
            bytes: self.shelf.index.bytes(),
            written: count(&counts.written),
            read: count(&counts.read),
            skipped: count(&counts.skipped),
            failed: count(&counts.failed),
            damaged: counts.damaged.load(Ordering::Acquire),
            foreign: count(&counts.foreign),
        }
    }

    fn count(&self, count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

fn read(shelf: &Shelf, record: Arc<Record>, room: Room) -> Option<Recalled> {
    let path = shelf.path(&record.address);
    let opened = file::open(&path).and_then(|opened| {
        let is_it = opened.head().address == record.address;
        if is_it {
            opened.read(record.standing.clone())
        } else {
            Err(Unread::Damaged)
        }
    });
    match opened {
        Ok(parts) => {
            shelf.counts.read.fetch_add(1, Ordering::Relaxed);
            Some(Recalled {
                parts: Some(parts),
                record,
                _room: room,
            })
        }
        Err(unread) => {
            if shelf.index.remove(&record) {
                match unread {
                    Unread::Damaged => shelf.damage(&path),
                    // A purge was faster.
                    Unread::Failed(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Unread::Failed(error) => shelf.fail(&error),
                }
            }
            None
        }
    }
}

/// Responses that may be read at once.
const READERS: usize = 16;

/// How long a process waits for the disk, or for another process to give it up.
const PATIENCE: Duration = Duration::from_secs(5);
