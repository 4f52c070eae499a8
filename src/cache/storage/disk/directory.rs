//! The cache's directory: whose it is, and which files an earlier process has left there.
//!
//! One process at a time has it, by a lock on a file in it; who comes while another has it waits, and does without until
//! then. It must be private: whoever may write there could put words into every backend's mouth. Files that are not the
//! cache's are left alone.

use std::fs::{self, DirBuilder, DirEntry, File, OpenOptions, ReadDir, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracing::{info, warn};

use super::super::address::Address;
use super::super::labels::Labels;
use super::super::purge::{Kind, Purged, Purges, Stamp, Standing, Verdict};
use super::file::{self, Unread};
use super::index::Record;
use super::journal::{self, Journal};
use super::keeper::{Hold, Shelf, blocks};

/// Takes the directory, as soon as no other process has it, and finds what is there.
pub(super) fn take(shelf: &Shelf) {
    shelf.hold(Hold::Awaited);
    let lock = match private(&shelf.directory).and_then(|()| lock(shelf)) {
        Ok(Some(lock)) => lock,
        Ok(None) => return,
        Err(error) => {
            shelf.fail(&error);
            let directory = shelf.directory.display();
            return shelf.hold(Hold::Unusable(format!("`{directory}` cannot be used: {error}")));
        }
    };
    let (journal, left) = Journal::open(&shelf.directory);
    shelf.hold(Hold::Ours { journal, _lock: lock });
    search(shelf, left);
    // What was superseded while it was found is not to be read.
    while let Some(address) = shelf.queue.removal() {
        shelf.forget(&address);
    }
    shelf.is_searched.store(true, Ordering::Release);
    // What was purged meanwhile, and found before, is held against it where it is read.
    shelf.settle();
}

/// Makes a directory and those above it.
pub(super) fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Makes the directory, or sees that nobody else may look into one that is there.
fn private(directory: &Path) -> io::Result<()> {
    make(directory)?;
    let mode = fs::metadata(directory)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let mode = mode & 0o777;
    Err(io::Error::other(format!(
        "others may use it (mode {mode:o}); give the cache a directory of its own, with `chmod 700`"
    )))
}

/// Waits for the lock of the directory; `None` if the process ends before.
fn lock(shelf: &Shelf) -> io::Result<Option<File>> {
    let path = shelf.directory.join(LOCK);
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    if lock.metadata()?.uid() != fs::metadata(&shelf.directory)?.uid() {
        return Err(io::Error::other("it belongs to another user"));
    }
    let mut is_news = true;
    while !shelf.queue.ends_within(MOMENT * u32::from(!is_news)) {
        match lock.try_lock() {
            Ok(()) => return Ok(Some(lock)),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {
                if std::mem::take(&mut is_news) {
                    let directory = shelf.directory.display();
                    info!(%directory, "another process has the cache's directory; it is done without until that ends");
                }
            }
        }
    }
    Ok(None)
}

/// Finds the files of an earlier process, as far as they can be believed.
fn search(shelf: &Shelf, left: Option<Vec<Purged>>) {
    let old = left.map(|left| {
        let old = Purges::default();
        for purged in left {
            let prefix = purged.prefix.as_deref();
            old.add(purged.mark, prefix, Kind::Hard, std::time::SystemTime::UNIX_EPOCH);
        }
        old
    });
    let Ok(entries) = fs::read_dir(&shelf.directory) else {
        shelf.is_unsure.store(true, Ordering::Release);
        return;
    };
    for entry in seen(shelf, entries) {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        match fs::read_dir(entry.path()) {
            Ok(files) if is_part(name) => seen(shelf, files).for_each(|file| found(shelf, old.as_ref(), &file)),
            Err(error) if is_part(name) => {
                shelf.is_unsure.store(true, Ordering::Release);
                shelf.fail(&error);
            }
            Ok(_) | Err(_) if name == LOCK || journal::is_name(name) => {}
            Ok(_) | Err(_) => foreign(shelf),
        }
        shelf.tell();
    }
    if shelf.queue.take_outdated() {
        shelf.index.walk().for_each(|record| shelf.discard(&record));
    }
}

/// Walks over what can be read of a directory, and takes note of what cannot.
fn seen(shelf: &Shelf, entries: ReadDir) -> impl Iterator<Item = DirEntry> {
    entries.filter_map(|entry| match entry {
        Ok(entry) => Some(entry),
        Err(error) => {
            shelf.is_unsure.store(true, Ordering::Release);
            shelf.fail(&error);
            None
        }
    })
}

/// Takes a file for what it says, unless it was purged by an earlier process: everything was, where it left no journal.
fn found(shelf: &Shelf, old: Option<&Purges>, file: &DirEntry) {
    let name = file.file_name();
    let name = name.to_str().unwrap_or_default();
    let is_file = file.file_type().is_ok_and(|kind| kind.is_file());
    let whole = name.strip_suffix(PART).unwrap_or(name);
    if !is_file || !Address::is_name(whole) {
        return foreign(shelf);
    }
    let path = file.path();
    let Some(old) = old.filter(|_| name == whole) else {
        return shelf.remove(&path);
    };
    match file::open(&path) {
        Ok(opened) if opened.head().address.name() == name => {
            let head = opened.head();
            let bytes = blocks(file.metadata().map_or(0, |metadata| metadata.len()));
            admit(shelf, old, (head.address, head.labels.clone(), bytes));
        }
        Ok(_) | Err(Unread::Damaged) => shelf.damage(&path),
        Err(Unread::Failed(error)) => {
            shelf.is_unsure.store(true, Ordering::Release);
            shelf.fail(&error);
        }
    }
}

/// Admits a file that was there before this process, and so before everything that is purged in it.
fn admit(shelf: &Shelf, old: &Purges, (address, labels, bytes): (Address, Labels, u64)) {
    let record = Record {
        address,
        labels,
        standing: Standing::at(Stamp::default()),
        bytes,
        is_written: AtomicBool::new(true),
    };
    if record.verdict(old) != Verdict::Good {
        return shelf.remove(&shelf.path(&address));
    }
    // The numbers of this process's purges are other ones.
    let standing = Standing::at(Stamp::default());
    let record = Arc::new(Record { standing, ..record });
    shelf.admit(&record);
    if !shelf.index.has(&record) {
        // There is no room for it, and nothing else would know of it.
        shelf.remove(&shelf.path(&address));
    }
}

fn foreign(shelf: &Shelf) {
    if shelf.counts.foreign.fetch_add(1, Ordering::Relaxed) == 0 {
        let directory = shelf.directory.display();
        warn!(%directory, "the cache's directory holds files that are not the cache's; they are left alone");
    }
}

/// Tells whether a directory's name is the beginning of a file's.
fn is_part(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What the name of a file ends in while it is being written.
pub(super) const PART: &str = ".part";

/// What is locked by whoever has the directory.
const LOCK: &str = "lock";

/// How often it is looked whether another process has gone.
const MOMENT: Duration = Duration::from_millis(20);
