//! Fetches that are under way: one for each thing, however many wait for it, and never more than some at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::registry::token::Digest;

/// Fetches that are under way.
#[derive(Debug)]
pub(super) struct Flights {
    under_way: Arc<Mutex<HashMap<Digest, Arc<Semaphore>>>>,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
}

/// What became of somebody who wants to fetch.
#[derive(Debug)]
pub(super) enum Boarding {
    /// Too many wait already.
    Full,
    /// Somebody else fetched it meanwhile.
    Landed,
    /// It is theirs to fetch.
    Flight(Flight),
}

/// One fetch; whoever waits for it goes on when it is dropped.
#[derive(Debug)]
pub(super) struct Flight {
    key: Digest,
    landing: Arc<Semaphore>,
    under_way: Arc<Mutex<HashMap<Digest, Arc<Semaphore>>>>,
    _place: OwnedSemaphorePermit,
}

impl Flights {
    /// Lets so many fetch at once, and so many wait.
    pub(super) fn new(places: usize, most_waiting: usize) -> Self {
        Self {
            under_way: Arc::default(),
            places: Arc::new(Semaphore::new(places)),
            waiting: AtomicUsize::new(0),
            most_waiting,
        }
    }

    /// Waits for whoever fetches this already, or for a place to fetch it.
    pub(super) async fn board(&self, key: Digest) -> Boarding {
        let Some(_waiting) = Waiting::count(&self.waiting, self.most_waiting) else {
            return Boarding::Full;
        };
        let under_way = self.under_way.lock().get(&key).cloned();
        if let Some(landing) = under_way {
            // Nobody ever adds a permit: it ends when it is closed.
            let _ = landing.acquire().await;
            return Boarding::Landed;
        }
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
            return Boarding::Full;
        };
        let landing = Arc::new(Semaphore::new(0));
        let other = {
            let mut under_way = self.under_way.lock();
            let other = under_way.get(&key).cloned();
            if other.is_none() {
                under_way.insert(key, Arc::clone(&landing));
            }
            other
        };
        if let Some(landing) = other {
            drop(place);
            let _ = landing.acquire().await;
            return Boarding::Landed;
        }
        Boarding::Flight(Flight {
            key,
            landing,
            under_way: Arc::clone(&self.under_way),
            _place: place,
        })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.under_way.lock().remove(&self.key);
        self.landing.close();
    }
}

/// One who waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn count(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let counted = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting);
        (counted < most).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_fetches_and_the_others_wait_for_it() {
        let flights = Arc::new(Flights::new(2, 3));
        let key = Digest([1; 32]);
        let Boarding::Flight(flight) = flights.board(key).await else {
            panic!("nobody else fetches");
        };
        let others: Vec<_> = (0..3)
            .map(|_| {
                let flights = Arc::clone(&flights);
                tokio::spawn(async move { flights.board(key).await })
            })
            .collect();
        while flights.waiting.load(Ordering::Relaxed) < 3 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(flights.board(key).await, Boarding::Full));
        drop(flight);
        for other in others {
            assert!(matches!(other.await.unwrap(), Boarding::Landed));
        }
        assert!(matches!(flights.board(key).await, Boarding::Flight(_)));
    }
}
