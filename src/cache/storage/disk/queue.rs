//! What waits for the thread that writes: responses and files to be taken away, of which there may be so many.
//!
//! Files to be taken away had a record in the index, which is bounded. Only while the directory has not been searched yet,
//! nobody knows which files there are, and there may be so many of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::super::address::Address;
use super::super::entry::Entry;

/// What waits for the thread that writes.
#[derive(Default)]
pub(super) struct Queue {
    jobs: Mutex<Jobs>,
    wake: Condvar,
}

#[derive(Default)]
struct Jobs {
    writes: HashMap<Address, Arc<Entry>, ahash::RandomState>,
    removals: HashSet<Address, ahash::RandomState>,
    /// Whose response is being written now.
    writing: Option<Address>,
    /// Whether something was purged that the journal does not say.
    is_told: bool,
    is_settled: bool,
    /// Whether more files were to be taken away, unknown which there are, than may wait.
    is_outdated: bool,
    is_closed: bool,
}

/// What is to be done next.
pub(super) enum Job {
    /// The file of an address is to be taken away.
    Remove(Address),
    /// What is purged is to be taken away.
    Settle,
    /// The journal is to say what was purged.
    Tell,
    /// A response is to be written.
    Write(Arc<Entry>),
}

impl Queue {
    /// Queues a response, unless the queue has ended; false if too many wait.
    pub(super) fn write(&self, entry: &Arc<Entry>) -> bool {
        let address = entry.sheet().address;
        let mut jobs = self.jobs.lock();
        let fits = jobs.writes.len() < MOST || jobs.writes.contains_key(&address);
        if fits && !jobs.is_closed {
            jobs.writes.insert(address, Arc::clone(entry));
            self.wake.notify_one();
        }
        fits
    }

    /// Queues the removal of a file, in the place of what waits to be written there, or after what is being written.
    pub(super) fn remove(&self, address: &Address, file: HasFile) {
        let mut jobs = self.jobs.lock();
        if jobs.is_closed {
            return;
        }
        jobs.writes.remove(address);
        let fits = jobs.removals.len() < MOST_UNKNOWN;
        let is_due = match file {
            HasFile::Maybe => fits,
            HasFile::No => jobs.writing.as_ref() == Some(address),
            HasFile::Yes => true,
        };
        jobs.is_outdated |= file == HasFile::Maybe && !fits;
        if is_due && jobs.removals.insert(*address) {
            self.wake.notify_one();
        }
    }

    /// Asks for the journal to say what was purged.
    pub(super) fn tell(&self) {
        let mut jobs = self.jobs.lock();
        if !std::mem::replace(&mut jobs.is_told, true) {
            self.wake.notify_one();
        }
    }

    /// Asks for what is purged to be taken away.
    pub(super) fn settle(&self) {
        self.jobs.lock().is_settled = true;
        self.wake.notify_one();
    }

    /// Waits for what is to be done next: removals before responses, since what is written after is newer. `None` after
    /// the end.
    pub(super) fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs.lock();
        jobs.writing = None;
        loop {
            if std::mem::take(&mut jobs.is_told) {
                return Some(Job::Tell);
            }
            if let Some(address) = jobs.removals.iter().next().copied() {
                return jobs.removals.take(&address).map(Job::Remove);
            }
            if std::mem::take(&mut jobs.is_settled) {
                return Some(Job::Settle);
            }
            if let Some(address) = jobs.writes.keys().next().copied() {
                jobs.writing = Some(address);
                return jobs.writes.remove(&address).map(Job::Write);
            }
            if jobs.is_closed {
                return None;
            }
            self.wake.wait(&mut jobs);
        }
    }

    /// Returns a file that is to be taken away, without waiting for one.
    pub(super) fn removal(&self) -> Option<Address> {
        let mut jobs = self.jobs.lock();
        let address = jobs.removals.iter().next().copied()?;
        jobs.removals.take(&address)
    }

    /// Notes that a file may be there that should have been taken away.
    pub(super) fn outdate(&self) {
        self.jobs.lock().is_outdated = true;
    }

    /// Waits a moment; true if the queue ends before.
    pub(super) fn ends_within(&self, time: Duration) -> bool {
        let mut jobs = self.jobs.lock();
        if !jobs.is_closed && !time.is_zero() {
            self.wake.wait_for(&mut jobs, time);
        }
        jobs.is_closed
    }

    /// Tells, once, whether files may be there that should have been taken away.
    pub(super) fn take_outdated(&self) -> bool {
        std::mem::take(&mut self.jobs.lock().is_outdated)
    }

    /// Ends the queue, after what is in it.
    pub(super) fn close(&self) {
        self.jobs.lock().is_closed = true;
        self.wake.notify_one();
    }
}

/// Whether there is a file to take away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum HasFile {
    /// Nobody has looked yet.
    Maybe,
    No,
    Yes,
}

/// Responses that may wait.
const MOST: usize = 64;

/// Files that may wait to be taken away, if they are there; some 4 MiB.
const MOST_UNKNOWN: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use pingora_cache::CacheMeta;
    use pingora_cache::key::CacheKey;
    use pingora_http::ResponseHeader;

    use super::super::super::body::Body;
    use super::super::super::entry::Sheet;
    use super::super::super::labels::Labels;
    use super::super::super::meta::Meta;
    use super::super::super::purge::{Stamp, Standing};
    use super::*;

    fn entry(number: usize) -> Arc<Entry> {
        let header = ResponseHeader::build(200, None).unwrap();
        let meta = CacheMeta::new(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH, 0, 0, header);
        let sheet = Sheet {
            address: Address::of(&CacheKey::new(number.to_string(), "")),
            key: Box::default(),
            meta: Meta::of(&meta).unwrap(),
            labels: Labels::default(),
            standing: Standing::at(Stamp::default()),
            shelf: None,
        };
        Entry::new(sheet, Body::new(Vec::new()))
    }

    #[test]
    fn a_full_queue_takes_removals_but_no_further_response() {
        let queue = Queue::default();
        assert!((0..MOST).all(|number| queue.write(&entry(number))));
        assert!(queue.write(&entry(0)) && !queue.write(&entry(MOST)));
        queue.remove(&entry(0).sheet().address, HasFile::Yes);
        queue.remove(&entry(1).sheet().address, HasFile::No);
        queue.close();
        let jobs: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        assert!(matches!(jobs[0], Job::Remove(address) if address == entry(0).sheet().address));
        assert_eq!(jobs.len(), 1 + MOST - 2);
    }

    #[test]
    fn what_is_superseded_while_it_is_written_is_taken_away_after() {
        let queue = Queue::default();
        queue.write(&entry(0));
        assert!(matches!(queue.next(), Some(Job::Write(_))));
        let address = entry(0).sheet().address;
        queue.remove(&address, HasFile::No);
        assert!(matches!(queue.next(), Some(Job::Remove(removed)) if removed == address));
    }

    #[test]
    fn too_many_files_that_may_be_there_are_not_kept_in_mind() {
        let queue = Queue::default();
        for number in 0..=MOST_UNKNOWN {
            let address = Address::of(&CacheKey::new(number.to_string(), ""));
            assert!(!queue.take_outdated());
            queue.remove(&address, HasFile::Maybe);
        }
        assert!(queue.take_outdated() && !queue.take_outdated());
        assert_eq!(queue.jobs.lock().removals.len(), MOST_UNKNOWN);
    }
}
