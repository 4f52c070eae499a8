//! What was purged, kept beside the files for the process that comes next.
//!
//! A purge is a record at the end of one file; the next process holds every file that it finds against all of them.
//! When everything on the disk has been held against them, the journal begins anew. Records are `len` (4 bytes,
//! little-endian), SipHash-1-3 (8) and the mark and prefix by postcard.
//!
//! Files are believed by the journal alone: where it is missing or damaged, none of them is. So a journal that cannot be
//! written is removed, which purges everything, but for this process.

use std::fs::{self, File, OpenOptions};
use std::hash::Hasher;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use siphasher::sip::SipHasher13;
use tracing::warn;

use super::super::purge::{Purged, Purges, Stamp};
use super::file;

/// What was purged, as the next process is told.
pub(super) struct Journal {
    path: PathBuf,
    /// There is none where it could not be written.
    file: Option<File>,
    /// Up to which moment purges are in it.
    told: Stamp,
    records: usize,
}

impl Journal {
    /// Opens the journal of a directory, and returns what an earlier process has left in it: `None` where none of the
    /// directory's files can be believed.
    pub(super) fn open(directory: &Path) -> (Self, Option<Vec<Purged>>) {
        let path = directory.join(NAME);
        let left = fs::read(&path).ok().and_then(|bytes| decode(&bytes));
        let file = left
            .as_ref()
            .and_then(|_| OpenOptions::new().append(true).open(&path).ok());
        let left = left.filter(|_| file.is_some());
        let records = left.as_ref().map_or(0, Vec::len);
        let told = Stamp::default();
        let journal = Self {
            path,
            file,
            told,
            records,
        };
        (journal, left)
    }

    /// Adds what was purged since the last time. It is in the hands of the operating system then, which a crash of the
    /// process does not take it from.
    ///
    /// # Errors
    ///
    /// Fails if it can be neither written nor removed.
    pub(super) fn tell(&mut self, purges: &Purges) -> io::Result<()> {
        let (now, purged) = purges.since(self.told);
        let written = match &mut self.file {
            Some(file) if !purged.is_empty() => encode(&purged).and_then(|bytes| file.write_all(&bytes)),
            Some(_) => Ok(()),
            // Whatever is there says less than was purged.
            None => return file::remove(&self.path),
        };
        self.records += purged.len();
        self.or_remove(written)?;
        self.told = now;
        Ok(())
    }

    /// Waits until what was told is on the disk.
    ///
    /// # Errors
    ///
    /// Fails if it can be neither written nor removed.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else {
            return file::remove(&self.path);
        };
        let synced = file.sync_data();
        self.or_remove(synced)
    }

    /// Begins anew, since everything on the disk has been held against what was purged up to a moment.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be written, and is as it was then.
    pub(super) fn cut(&mut self, held: Stamp, purges: &Purges) -> io::Result<()> {
        let (now, purged) = purges.since(held);
        let fresh = self.path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(MAGIC)?;
        file.write_all(&encode(&purged)?)?;
        file.sync_data()?;
        fs::rename(&fresh, &self.path)?;
        (self.file, self.told, self.records) = (Some(file), now, purged.len());
        let directory = self.path.parent().unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()
    }

    /// Tells whether there are so many records that it should be cut.
    pub(super) fn is_long(&self) -> bool {
        self.records > LONG
    }

    /// Removes it, so that the next process believes none of the files.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be removed.
    pub(super) fn remove(&mut self) -> io::Result<()> {
        self.file = None;
        file::remove(&self.path)
    }

    fn or_remove(&mut self, done: io::Result<()>) -> io::Result<()> {
        let Err(error) = done else { return Ok(()) };
        let journal = self.path.display();
        warn!(%journal, %error, "the journal of purges cannot be written and is removed: the next start begins with an empty disk");
        self.remove()
    }
}

/// Tells whether a file of the directory is one of the journal's.
pub(super) fn is_name(name: &str) -> bool {
    name == NAME || name == FRESH
}

fn encode(purged: &[Purged]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for record in purged {
        let record = postcard::to_stdvec(record).map_err(io::Error::other)?;
        let len = u32::try_from(record.len()).map_err(io::Error::other)?;
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(&sum(&record).to_le_bytes());
        bytes.extend_from_slice(&record);
    }
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Option<Vec<Purged>> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let mut purged = Vec::new();
    while !rest.is_empty() {
        let (len, after) = rest.split_first_chunk()?;
        let (expected, after) = after.split_first_chunk()?;
        let (record, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
        if sum(record) != u64::from_le_bytes(*expected) {
            return None;
        }
        purged.push(postcard::from_bytes(record).ok()?);
        rest = after;
    }
    Some(purged)
}

fn sum(record: &[u8]) -> u64 {
    let mut sum = SipHasher13::new();
    sum.write(record);
    sum.finish()
}

const MAGIC: &[u8; 8] = b"TGPURGE\x01";
const NAME: &str = "purges.journal";
const FRESH: &str = "purges.new";

/// Records from which on it is cut before its time; some 2 MiB.
const LONG: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::super::purge::Kind;
    use super::*;

    fn purge(purges: &Purges, mark: u64) {
        purges.add(mark, None, Kind::Hard, SystemTime::UNIX_EPOCH);
    }

    fn left(directory: &Path) -> Option<Vec<u64>> {
        let mut marks: Vec<u64> = Journal::open(directory).1?.iter().map(|purged| purged.mark).collect();
        marks.sort_unstable();
        Some(marks)
    }

    /// Makes a journal that holds the marks 1 and 2.
    fn begin(directory: &Path) -> (Journal, Purges) {
        let purges = Purges::default();
        let (mut journal, nothing) = Journal::open(directory);
        assert!(nothing.is_none(), "a directory without a journal is not believed");
        journal.cut(Stamp::default(), &purges).unwrap();
        for mark in [1, 2] {
            purge(&purges, mark);
            journal.tell(&purges).unwrap();
        }
        (journal, purges)
    }

    #[test]
    fn what_could_not_be_written_is_believed_by_nobody_ever_after() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, purges) = begin(directory.path());
        let path = directory.path().join(NAME);
        let kept = fs::read(&path).unwrap();
        journal.remove().unwrap();
        // As if it could not be removed at first.
        for round in 3..5 {
            fs::write(&path, &kept).unwrap();
            purge(&purges, round);
            journal.tell(&purges).unwrap();
            journal.sync().unwrap();
            assert_eq!(left(directory.path()), None);
        }
    }

    #[test]
    fn what_was_purged_is_read_until_it_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, purges) = begin(directory.path());
        assert_eq!(left(directory.path()), Some(vec![1, 2]));
        let held = purges.stamp();
        purge(&purges, 3);
        journal.tell(&purges).unwrap();
        journal.cut(held, &purges).unwrap();
        assert_eq!(left(directory.path()), Some(vec![3]));
        purge(&purges, 4);
        journal.tell(&purges).unwrap();
        journal.sync().unwrap();
        assert_eq!(left(directory.path()), Some(vec![3, 4]));
    }

    #[test]
    fn any_damage_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        drop(begin(directory.path()));
        let path = directory.path().join(NAME);
        let good = fs::read(&path).unwrap();
        let ends = [MAGIC.len(), (good.len() + MAGIC.len()) / 2];
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1 << (place % 8);
            fs::write(&path, &bad).unwrap();
            assert_eq!(left(directory.path()), None, "{place}");
            fs::write(&path, &good[..place]).unwrap();
            // Cut between two records, it is one that ended there.
            assert_eq!(left(directory.path()).is_some(), ends.contains(&place), "{place}");
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(left(directory.path()), None);
    }

    #[test]
    fn a_journal_that_cannot_be_written_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, purges) = begin(directory.path());
        journal.file = Some(OpenOptions::new().append(true).open("/dev/full").unwrap());
        purge(&purges, 3);
        journal.tell(&purges).unwrap();
        assert_eq!(left(directory.path()), None);
        purge(&purges, 4);
        journal.tell(&purges).unwrap();
        journal.cut(purges.stamp(), &purges).unwrap();
        assert_eq!(left(directory.path()), Some(Vec::new()));
    }
}
