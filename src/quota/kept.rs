//! Counts as bytes: what survives a restart, and what one process hands to the next.
//!
//! Spendings are written with their age, for the steady clock of another process begins elsewhere; the wall clock says
//! how long ago that was. Where it was set back in between, nothing has aged; where it was set forward, counts of
//! sliding windows end that much too early.
//!
//! The bytes begin with a mark and a version and end with a checksum; records are written by `postcard`.

use std::hash::Hasher as _;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use thiserror::Error;

use super::clock::Moment;
use super::counter::Counter;
use super::file;
use super::key::{Key, Secret};
use super::ledger::Ledger;
use super::shape::Shape;
use super::shard::{Entry, Owner, Shard};

/// Counts that were kept, as they were read.
#[derive(Debug)]
pub struct Kept {
    header: Header,
    records: Vec<Record>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Header {
    secret: Secret,
    /// The wall clock, in microseconds since 1970, when they were kept.
    wall: i64,
}

#[derive(Debug, Deserialize, Serialize)]
struct Record {
    key: Key,
    count: Count,
}

/// What is in force.
#[derive(Debug, Deserialize, Serialize)]
enum Count {
    /// Of a counter.
    Spent(Owner, Shape),
    /// Under way in the process that kept it.
    UnderWay(u64),
}

/// Which counts are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// All of them, for a process that takes over now; what is under way as well.
    Everything,
    /// Those whose window is longer than a minute, for a restart.
    Lasting,
}

/// Why bytes are no counts.
#[derive(Debug, Error)]
pub enum BadKept {
    /// They are damaged.
    #[error("the counts are damaged: {0}")]
    Damaged(&'static str),
    /// They were kept under another secret.
    #[error("the counts were kept under another secret")]
    OtherSecret,
    /// They cannot be read.
    #[error("the counts cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// They were written by another version of the program.
    #[error("the counts are of version {0}, which this program does not read")]
    Version(u8),
}

impl Kept {
    /// Reads the counts in a file, at most as large as so many counters can be; none where there is no file.
    ///
    /// # Errors
    ///
    /// Returns why they cannot be read. To begin with none then gives every caller its quota anew.
    pub fn load(path: &Path, counters: usize) -> Result<Option<Self>, BadKept> {
        match file::read(path, Self::largest(counters))? {
            Some(bytes) => Self::read(&bytes).map(Some),
            None => Ok(None),
        }
    }

    /// Returns how many bytes the counts of so many counters are at most.
    #[must_use]
    pub fn largest(counters: usize) -> u64 {
        LARGEST_REST + LARGEST_RECORD.saturating_mul(counters as u64)
    }

    /// Reads counts.
    ///
    /// # Errors
    ///
    /// Returns why the bytes are no counts.
    pub fn read(bytes: &[u8]) -> Result<Self, BadKept> {
        let rest = bytes.strip_prefix(MARK).ok_or(BadKept::Damaged("they have no mark"))?;
        let (rest, sum) = rest.split_last_chunk().ok_or(BadKept::Damaged("they are cut short"))?;
        let (version, rest) = rest.split_first().ok_or(BadKept::Damaged("they are cut short"))?;
        if *version != VERSION {
            return Err(BadKept::Version(*version));
        }
        if checksum(rest) != u64::from_le_bytes(*sum) {
            return Err(BadKept::Damaged("their checksum is wrong"));
        }
        let malformed = |_| BadKept::Damaged("a record is malformed");
        let (header, mut rest) = postcard::take_from_bytes::<Header>(rest).map_err(malformed)?;
        let mut records = Vec::new();
        while !rest.is_empty() {
            let (record, after) = postcard::take_from_bytes(rest).map_err(malformed)?;
            records.push(record);
            rest = after;
        }
        Ok(Self { header, records })
    }

    /// Returns what the keys of these counts are made with.
    #[must_use]
    pub fn secret(&self) -> Secret {
        self.header.secret
    }
}

impl Ledger {
    /// Returns the counts in force as bytes that [`Kept::read`] reads.
    ///
    /// One part of the ledger is locked at a time. With a million counters that is about four thousand of them.
    #[must_use]
    pub fn dump(&self, scope: Scope, now: Moment) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A vector takes all that is written.
        _ = self.dump_to(&mut bytes, scope, now);
        bytes
    }

    /// Writes the counts in force to a file, whole or not at all, that only its owner can read; returns how many.
    ///
    /// It takes memory for a part of the ledger at a time, and on the disk at most 10 KiB for each counter.
    ///
    /// # Errors
    ///
    /// Returns why the file cannot be written.
    pub fn keep(&self, path: &Path, scope: Scope, now: Moment) -> io::Result<u64> {
        file::write(path, |out| self.dump_to(out, scope, now))
    }

    fn dump_to(&self, out: &mut dyn Write, scope: Scope, now: Moment) -> io::Result<u64> {
        let mut sum = SipHasher13::new();
        let header = Header {
            secret: *self.secret(),
            wall: now.wall,
        };
        let header = append(Vec::new(), &header);
        sum.write(&header);
        out.write_all(&[MARK, &[VERSION], &header].concat())?;
        let mut counts = 0;
        for shard in self.shards() {
            // Written when it is no longer locked: a disk may be slow.
            let (records, number) = shard.lock().dump(scope, now);
            sum.write(&records);
            out.write_all(&records)?;
            counts += number;
        }
        out.write_all(&sum.finish().to_le_bytes())?;
        Ok(counts)
    }

    /// Adds counts that this ledger does not know; what has expired since they were kept is left out.
    ///
    /// Everything in force is taken over, also where there is no room for it: nothing is forgotten. Absorbing the same
    /// counts twice counts them twice.
    ///
    /// # Errors
    ///
    /// Returns [`BadKept::OtherSecret`] where they would not be found again.
    pub fn absorb(&self, kept: &Kept, now: Moment) -> Result<(), BadKept> {
        if kept.secret() != *self.secret() {
            return Err(BadKept::OtherSecret);
        }
        // A clock that was set back since makes nothing younger.
        let since = u64::try_from(now.wall.saturating_sub(kept.header.wall)).unwrap_or_default();
        let then = Moment {
            steady: now.steady.saturating_sub(since),
            wall: kept.header.wall,
        };
        for record in &kept.records {
            let Some(shard) = self.shard_of(record.key) else {
                continue;
            };
            let mut shard = shard.lock();
            match &record.count {
                Count::UnderWay(held) => {
                    shard.elsewhere.insert(record.key, *held);
                }
                Count::Spent(owner, shape) => {
                    let counter = Counter::shaped(shape, then);
                    match shard.get(record.key) {
                        Some(known) => known.merge(counter, now),
                        None if counter.is_idle(now) => {}
                        None => _ = shard.entry(record.key, *owner, counter),
                    }
                }
            }
        }
        Ok(())
    }
}

impl Shard {
    /// Returns its records, and how many they are.
    fn dump(&self, scope: Scope, now: Moment) -> (Vec<u8>, u64) {
        let spent = self
            .entries()
            .filter_map(|(key, entry)| Some((key, entry.keep(scope, now)?)));
        let held = self.holds.iter().map(|(key, held)| (*key, Count::UnderWay(*held)));
        let held = held.filter(|_| scope == Scope::Everything);
        spent
            .chain(held)
            .fold((Vec::new(), 0), |(records, number), (key, count)| {
                (append(records, &Record { key, count }), number + 1)
            })
    }
}

impl Entry {
    fn keep(&self, scope: Scope, now: Moment) -> Option<Count> {
        let is_kept = !self.counter.is_idle(now) && (scope == Scope::Everything || self.counter.is_lasting());
        is_kept.then(|| Count::Spent(self.owner, self.counter.shape(now)))
    }
}

/// Writes a value behind others. Values of ours always can be; one that could not would be left out.
fn append(buffer: Vec<u8>, value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, buffer).unwrap_or_default()
}

fn checksum(bytes: &[u8]) -> u64 {
    SipHasher13::new().hash(bytes)
}

/// No record is larger: a thousand requests, each by its age in at most eight bytes, and an amount of one.
const LARGEST_RECORD: u64 = 10 << 10;

/// What is not a record, and counts that newcomers share.
const LARGEST_REST: u64 = 1 << 20;

const MARK: &[u8] = b"tollgate counts\n";

const VERSION: u8 = 2;
