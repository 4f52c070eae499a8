//! The thread that writes files, and what it knows of the directory.
//!
//! A file is written under another name and renamed; its name is made of hashes, never of what a caller sent. Files
//! that are not the cache's are left alone.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use tracing::{info, warn};

use super::super::address::Address;
use super::super::entry::Entry;
use super::super::purge::{Purges, Standing, Verdict};
use super::file::{self, Unread};
use super::index::{Index, Record};
use super::queue::{Job, Queue};

/// What the thread that writes and those who read share.
pub(super) struct Shelf {
    pub(super) directory: PathBuf,
    pub(super) index: Index,
    pub(super) purges: Arc<Purges>,
    pub(super) queue: Queue,
    pub(super) counts: Counts,
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
    shelf.scan();
    while let Some(job) = shelf.queue.next() {
        match job {
            Job::Remove(address) => shelf.remove(&shelf.path(&address)),
            Job::Write(entry) => shelf.store(&entry),
        }
    }
}

impl Shelf {
    /// Returns where the file of an address is.
    pub(super) fn path(&self, address: &Address) -> PathBuf {
        let name = address.name();
        self.directory.join(name.get(..2).unwrap_or_default()).join(name)
    }

    /// Takes a record out, and its file away.
    pub(super) fn discard(&self, record: &Arc<Record>) -> bool {
        let removed = self.index.remove(record);
        if removed {
            self.remove(&self.path(&record.address));
        }
        removed
    }

    /// Counts a failure of the file system, and tells of the first of a row.
    pub(super) fn fail(&self, error: &io::Error) {
        self.counts.failed.fetch_add(1, Ordering::Relaxed);
        if !self.counts.is_failing.swap(true, Ordering::Relaxed) {
            let directory = self.directory.display();
            warn!(%directory, %error, "the cache's disk fails, and is done without until it works: give it room and rights");
        }
    }

    /// Counts a file that is not what was written, and takes it away.
    pub(super) fn damage(&self, path: &Path) {
        if self.counts.damaged.fetch_add(1, Ordering::Relaxed) == 0 {
            let file = path.display();
            warn!(%file, "a file of the cache is damaged and removed; further ones are counted");
        }
        self.remove(path);
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
            Ok(()) => self.settle(&record, &path),
            Err(error) => {
                self.index.remove(&record);
                self.fail(&error);
            }
        }
    }

    /// Makes a file count, unless it has been superseded while it was written.
    fn settle(&self, record: &Arc<Record>, path: &Path) {
        record.is_written.store(true, Ordering::Release);
        self.counts.written.fetch_add(1, Ordering::Relaxed);
        if !self.index.has(record) {
            self.remove(path);
        }
        if self.counts.is_failing.swap(false, Ordering::Relaxed) {
            info!("the cache's disk works again");
        }
    }

    /// Adds a record; the files of those that have to go for it go.
    fn admit(&self, record: &Arc<Record>) {
        for gone in self.index.insert(record) {
            if gone.address != record.address {
                self.remove(&self.path(&gone.address));
            }
        }
    }

    fn remove(&self, path: &Path) {
        if let Err(error) = file::remove(path) {
            self.fail(&error);
        }
    }

    /// Finds the files of an earlier process.
    fn scan(&self) {
        if let Err(error) = make(&self.directory) {
            self.fail(&error);
        }
        let Ok(entries) = fs::read_dir(&self.directory) else {
            return;
        };
        for entry in entries.flatten() {
            match fs::read_dir(entry.path()) {
                Ok(files) if is_part(&entry.file_name()) => {
                    files.flatten().for_each(|found| self.found(&found));
                }
                _ => self.foreign(),
            }
        }
    }

    fn found(&self, found: &fs::DirEntry) {
        let name = found.file_name();
        let name = name.to_str().unwrap_or_default();
        let is_file = found.file_type().is_ok_and(|kind| kind.is_file());
        let whole = name.strip_suffix(PART).unwrap_or(name);
        if !is_file || !Address::is_name(whole) {
            return self.foreign();
        }
        let path = found.path();
        if name != whole {
            return self.remove(&path);
        }
        let standing = Standing::at(self.purges.stamp());
        match file::open(&path) {
            Ok(opened) if opened.head().address.name() == name => {
                let head = opened.head();
                let record = Record {
                    address: head.address,
                    labels: head.labels.clone(),
                    standing,
                    bytes: blocks(found.metadata().map_or(0, |metadata| metadata.len())),
                    is_written: AtomicBool::new(true),
                };
                self.admit(&Arc::new(record));
            }
            Ok(_) | Err(Unread::Damaged) => self.damage(&path),
            Err(Unread::Failed(error)) => self.fail(&error),
        }
    }

    fn foreign(&self) {
        if self.counts.foreign.fetch_add(1, Ordering::Relaxed) == 0 {
            let directory = self.directory.display();
            warn!(%directory, "the cache's directory holds files that are not the cache's; they are left alone");
        }
    }
}

fn write(path: &Path, entry: &Entry) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        make(directory)?;
    }
    let mut part = path.as_os_str().to_owned();
    part.push(PART);
    let part = Path::new(&part);
    let written = file::write(part, entry).and_then(|()| fs::rename(part, path));
    if written.is_err() {
        // What failed to be written may fail to be removed; the next start tries again.
        _ = file::remove(part);
    }
    written
}

fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Tells whether a directory's name is the beginning of a file's.
fn is_part(name: &std::ffi::OsStr) -> bool {
    name.to_str()
        .is_some_and(|name| name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Returns what a file takes of a disk that gives out blocks of 4 KiB.
fn blocks(bytes: u64) -> u64 {
    bytes.next_multiple_of(4 << 10)
}

/// What the name of a file ends in while it is being written.
const PART: &str = ".part";
