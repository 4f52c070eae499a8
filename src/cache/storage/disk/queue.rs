//! What waits for the thread that writes: responses, of which there may be so many, and files to be taken away.
//!
//! Files to be taken away are not bounded here: each had a record in the index, which is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

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
    is_closed: bool,
}

/// What is to be done next.
pub(super) enum Job {
    /// The file of an address is to be taken away.
    Remove(Address),
    /// A response is to be written.
    Write(Arc<Entry>),
}

impl Queue {
    /// Queues a response; false if too many wait.
    pub(super) fn write(&self, entry: &Arc<Entry>) -> bool {
        let address = entry.sheet().address;
        let mut jobs = self.jobs.lock();
        let fits = jobs.writes.len() < MOST || jobs.writes.contains_key(&address);
        if fits {
            jobs.writes.insert(address, Arc::clone(entry));
            self.wake.notify_one();
        }
        fits
    }

    /// Queues the removal of a file, if it has one, in the place of what waits to be written there.
    pub(super) fn remove(&self, address: &Address, has_file: bool) {
        let mut jobs = self.jobs.lock();
        jobs.writes.remove(address);
        if has_file && jobs.removals.insert(*address) {
            self.wake.notify_one();
        }
    }

    /// Waits for what is to be done next: removals first, since what is written after is newer. `None` after the end.
    pub(super) fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs.lock();
        loop {
            if let Some(address) = jobs.removals.iter().next().copied() {
                jobs.removals.remove(&address);
                return Some(Job::Remove(address));
            }
            if let Some(address) = jobs.writes.keys().next().copied() {
                return jobs.writes.remove(&address).map(Job::Write);
            }
            if jobs.is_closed {
                return None;
            }
            self.wake.wait(&mut jobs);
        }
    }

    /// Ends the queue, after what is in it.
    pub(super) fn close(&self) {
        self.jobs.lock().is_closed = true;
        self.wake.notify_one();
    }
}

/// Responses that may wait.
const MOST: usize = 64;

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
        };
        Entry::new(sheet, Body::join(Vec::new()))
    }

    #[test]
    fn a_full_queue_takes_removals_but_no_further_response() {
        let queue = Queue::default();
        assert!((0..MOST).all(|number| queue.write(&entry(number))));
        assert!(queue.write(&entry(0)) && !queue.write(&entry(MOST)));
        queue.remove(&entry(0).sheet().address, true);
        queue.remove(&entry(1).sheet().address, false);
        queue.close();
        let jobs: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        assert!(matches!(jobs[0], Job::Remove(address) if address == entry(0).sheet().address));
        assert_eq!(jobs.len(), 1 + MOST - 2);
    }
}
