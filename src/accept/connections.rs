//! How many connections are open, over all doors that share the count.
//!
//! It knows nothing of sockets: a `Place` is taken when a connection arrives and given back when it is dropped. Its
//! counts are what metrics show and what draining waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The connections that are open, how many may be, and what became of those that did not get to a request.
#[derive(Debug)]
pub struct Connections {
    limit: usize,
    open: AtomicUsize,
    refused: AtomicU64,
    handshake_failures: AtomicU64,
    header_timeouts: AtomicU64,
    unreadable: AtomicU64,
    emptied: Notify,
}

impl Connections {
    /// Starts with none open.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            open: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            handshake_failures: AtomicU64::new(0),
            header_timeouts: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
            emptied: Notify::new(),
        })
    }

    /// Returns how many are open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Returns how many were closed at once because too many were open.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Returns how many did not finish their TLS handshake.
    pub fn handshake_failures(&self) -> u64 {
        self.handshake_failures.load(Ordering::Relaxed)
    }

    /// Returns how many were cut because a request header was not complete in time.
    pub fn header_timeouts(&self) -> u64 {
        self.header_timeouts.load(Ordering::Relaxed)
    }

    /// Returns how many requests could not be read, and so are in no access log.
    pub fn unreadable_requests(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }

    /// Resolves when none is open.
    pub async fn idle(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            // Registered before the count is read, so that the last one to leave in between is not missed.
            emptied.as_mut().enable();
            if self.open() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Takes a place, or counts a refusal when there is none left.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Place> {
        let taken = self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
            (open < self.limit).then_some(open + 1)
        });
        if taken.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(Place(self.clone()))
    }

    pub(super) fn handshake_failed(&self) {
        self.handshake_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unreadable(&self) {
        self.unreadable.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn header_timed_out(&self) {
        self.header_timeouts.fetch_add(1, Ordering::Relaxed);
    }
}

/// One open connection; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Place(Arc<Connections>);

impl Drop for Place {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_places_are_given_than_the_limit() {
        let connections = Connections::new(2);
        let first = connections.enter();
        let second = connections.enter();
        assert!(first.is_some() && second.is_some());
        assert!(connections.enter().is_none());
        assert_eq!((connections.open(), connections.refused()), (2, 1));
        drop(first);
        assert!(
            connections.enter().is_some(),
            "a place that was given back can be taken"
        );
    }

    #[tokio::test]
    async fn idle_resolves_when_the_last_place_is_given_back() {
        let connections = Connections::new(8);
        connections.idle().await;
        let places: Vec<_> = (0..3).map(|_| connections.enter()).collect();
        let waiter = tokio::spawn({
            let connections = connections.clone();
            async move { connections.idle().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        drop(places);
        waiter.await.unwrap();
    }
}
