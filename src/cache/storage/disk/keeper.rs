//! The thread that writes files, and what it knows of the directory.
//!
//! A file is written under another name and renamed; its name is made of hashes, never of what a caller sent.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::{Condvar, Mutex};
use tracing::{info, warn};

use super::super::address::Address;
use super::super::entry::Entry;
use super::super::purge::{Purges, Verdict};
use super::directory;
use super::file;
use super::index::{Index, Record};
use super::journal::Journal;
use super::queue::{Job, Queue};

/// What the thread that writes and those who read share.
pub(super) struct Shelf {
    pub(super) directory: PathBuf,
    pub(super) index: Index,
    pub(super) purges: Arc<Purges>,
    pub(super) queue: Queue,
    pub(super) counts: Counts,
    /// Whether the directory is ours and has been searched.
    pub(super) is_searched: AtomicBool,
    /// Whether there may be files that are in no index, so that the journal must go on naming what was purged.
    pub(super) is_unsure: AtomicBool,
    hold: Mutex<Hold>,
    held: Condvar,
}

/// What the process has of the directory.
pub(super) enum Hold {
    /// Nothing yet: another process may have it.
    Awaited,
    /// It is ours, as long as the lock is open.
    Ours { journal: Journal, _lock: fs::File },
    /// It cannot be used.
    Unusable(String),
    /// It was given up.
    Ended,
}

/// What has happened.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) written: AtomicU64,
    pub(super) read: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) damaged: AtomicU64,
    pub(super) foreign: AtomicU64,
    is_failing: AtomicBool,
}

/// Finds what an earlier process left, then does what is queued until the queue ends.
pub(super) fn run(shelf: &Shelf) {
    directory::take(shelf);
    while let Some(job) = shelf.queue.next() {
        match job {
            Job::Remove(address) => shelf.forget(&address),
            Job::Settle => shelf.settle(),
            Job::Tell => shelf.tell(),
            Job::Write(entry) => {
                if !shelf.is_ours() {
                    // It may be usable by now.
                    directory::take(shelf);
                }
                if shelf.is_ours() {
                    shelf.store(&entry);
                }
            }
        }
    }
    shelf.hold(Hold::Ended);
}

impl Shelf {
    /// Makes what is shared about a directory.
    pub(super) fn new(directory: PathBuf, index: Index, purges: Arc<Purges>) -> Self {
        Self {
            directory,
            index,
            purges,
            queue: Queue::default(),
            counts: Counts::default(),
            is_searched: AtomicBool::new(false),
            is_unsure: AtomicBool::new(false),
            hold: Mutex::new(Hold::Awaited),
            held: Condvar::new(),
        }
    }

    /// Returns where the file of an address is.
    pub(super) fn path(&self, address: &Address) -> PathBuf {
        let name = address.name();
        self.directory.join(name.get(..2).unwrap_or_default()).join(name)
    }

    /// Notes what the process has of the directory. What is dropped of it gives the directory up.
    pub(super) fn hold(&self, hold: Hold) {
        if matches!(hold, Hold::Ended) {
            self.is_searched.store(false, Ordering::Release);
        }
        *self.hold.lock() = hold;
        self.held.notify_all();
    }

    /// Waits until the directory has been given up; false if it takes too long.
    pub(super) fn ended_within(&self, time: Duration) -> bool {
        let mut hold = self.hold.lock();
        let is_held = |hold: &mut Hold| !matches!(hold, Hold::Ended);
        !self.held.wait_while_for(&mut hold, is_held, time).timed_out()
    }

    /// Waits until what was purged so far is on the disk, and so holds for the next process.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be used, or belongs to another process.
    pub(super) fn persist(&self, time: Duration) -> io::Result<()> {
        let mut hold = self.hold.lock();
        let is_awaited = |hold: &mut Hold| matches!(hold, Hold::Awaited);
        _ = self.held.wait_while_for(&mut hold, is_awaited, time);
        match &mut *hold {
            Hold::Ours { journal, .. } => journal.tell(&self.purges).and_then(|()| journal.sync()),
            Hold::Awaited | Hold::Ended => Err(io::Error::other("another process has the directory")),
            Hold::Unusable(reason) => Err(io::Error::other(reason.clone())),
        }
    }

    /// Takes a record out, and its file away.
    pub(super) fn discard(&self, record: &Arc<Record>) {
        if self.index.remove(record) {
            self.remove(&self.path(&record.address));
        }
    }

    /// Counts a failure of the file system, and tells of the first of a row.
    pub(super) fn fail(&self, error: &io::Error) {
        self.counts.failed.fetch_add(1, Ordering::Relaxed);
        if !self.counts.is_failing.swap(true, Ordering::Relaxed) {
            let directory = self.directory.display();
            warn!(%directory, %error, "the cache's disk fails, and is done without until it works: give it room and rights");
        }
    }

    /// Takes a file away that is not what was written, and counts it.
    pub(super) fn damage(&self, path: &Path) {
        self.remove(path);
        if self.counts.damaged.fetch_add(1, Ordering::Release) == 0 {
            let file = path.display();
            warn!(%file, "a file of the cache is damaged and removed; further ones are counted");
        }
    }

    /// Adds a record, and takes the files away that have to go for it.
    pub(super) fn admit(&self, record: &Arc<Record>) {
        for gone in self.index.insert(record) {
            if gone.address != record.address {
                self.remove(&self.path(&gone.address));
            }
        }
    }

    /// Takes a file away.
    pub(super) fn remove(&self, path: &Path) {
        if let Err(error) = file::remove(path) {
            self.is_unsure.store(true, Ordering::Release);
            self.fail(&error);
        }
    }

    /// Lets the journal say what was purged.
    pub(super) fn tell(&self) {
        if let Hold::Ours { journal, .. } = &mut *self.hold.lock()
            && let Err(error) = journal.tell(&self.purges)
        {
            self.fail(&error);
        }
    }

    /// Takes away what is purged, and begins the journal anew.
    pub(super) fn settle(&self) {
        let held = self.purges.stamp();
        for record in self.index.walk() {
            // What is stale by a purge goes as well: a file could not say so to the next process.
            if record.verdict(&self.purges) != Verdict::Good {
                self.discard(&record);
            }
        }
        let Hold::Ours { journal, .. } = &mut *self.hold.lock() else {
            return;
        };
        let is_sure = !self.is_unsure.load(Ordering::Acquire);
        let done = match is_sure {
            true => journal.cut(held, &self.purges),
            false if journal.is_long() => journal.remove(),
            false => Ok(()),
        };
        if let Err(error) = done {
            self.fail(&error);
        }
    }

    fn is_ours(&self) -> bool {
        matches!(&*self.hold.lock(), Hold::Ours { .. })
    }

    /// Takes away what there is of an address: whatever has a record by now is older than what it is taken away for.
    pub(super) fn forget(&self, address: &Address) {
        if let Some(record) = self.index.find(address) {
            self.index.remove(&record);
        }
        if self.is_ours() {
            self.remove(&self.path(address));
        } else {
            self.queue.outdate();
        }
    }

    fn store(&self, entry: &Entry) {
        let sheet = entry.sheet();
        if sheet.verdict(&self.purges) != Verdict::Good || !sheet.meta.is_fresh(SystemTime::now()) {
            return;
        }
        let record = Arc::new(Record {
            address: sheet.address,
            labels: sheet.labels.clone(),
            standing: sheet.standing.clone(),
            bytes: blocks(entry.body().len() as u64 + sheet.bytes()),
            is_written: AtomicBool::new(false),
        });
        self.admit(&record);
        if !self.index.has(&record) {
            self.counts.skipped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let path = self.path(&sheet.address);
        match write(&path, entry) {
            Ok(()) => self.conclude(&record, &path),
            Err(error) => {
                self.index.remove(&record);
                self.fail(&error);
            }
        }
    }

    /// Makes a file count, unless it has been superseded while it was written.
    fn conclude(&self, record: &Arc<Record>, path: &Path) {
        record.is_written.store(true, Ordering::Release);
        if !self.index.has(record) {
            self.remove(path);
        }
        self.counts.written.fetch_add(1, Ordering::Release);
        if self.counts.is_failing.swap(false, Ordering::Relaxed) {
            info!("the cache's disk works again");
        }
    }
}

fn write(path: &Path, entry: &Entry) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        directory::make(directory)?;
    }
    let mut part = path.as_os_str().to_owned();
    part.push(directory::PART);
    let part = Path::new(&part);
    let written = file::write(part, entry).and_then(|()| fs::rename(part, path));
    if written.is_err() {
        // What failed to be written may fail to be removed; the next start tries again.
        _ = file::remove(part);
    }
    written
}

/// Returns what a file takes of a disk that gives out blocks of 4 KiB.
pub(super) fn blocks(bytes: u64) -> u64 {
    bytes.next_multiple_of(4 << 10)
}
