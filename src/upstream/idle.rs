//! Connections of HTTP/1 to one address that wait for the next request, and how many may over all endpoints.
//!
//! Pingora's pool (0.9.1) starts a task for every connection that is put away and stops it when that is taken, which
//! costs a request more than its routing does. Here nobody waits with a connection: it is looked at when it is taken,
//! and once a second by [`Pool::run`](super::Pool::run), even where an old request is all that still leads to it. The
//! one that was used last is taken first, so that those which are too many grow old and go.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use pingora_core::protocols::Stream;
use tokio::io::AsyncReadExt as _;
use tokio::task::unconstrained;

use super::clock;

/// How long connections wait for a request, and how many may.
#[derive(Clone, Debug)]
pub struct Keeping {
    pub(super) idle: Duration,
    most: usize,
    shared: Arc<Shared>,
}

/// What all addresses know of each other.
#[derive(Debug, Default)]
struct Shared {
    /// How many connections wait, over all of them.
    count: AtomicUsize,
    /// Every address that somebody may still use, however long ago a catalog or a name led there.
    addresses: Mutex<Vec<Weak<Idle>>>,
}

impl Keeping {
    /// Lets so many connections wait for so long; an address where none does may always keep one.
    pub fn new(idle: Duration, most: usize) -> Self {
        Self {
            idle,
            most,
            shared: Arc::default(),
        }
    }

    /// Closes what has waited for too long, and what its endpoint has closed.
    pub(super) fn sweep(&self, now: u64) {
        let mut used = Vec::new();
        self.shared.addresses.lock().retain(|address| {
            let address = address.upgrade();
            used.extend(address.clone());
            address.is_some()
        });
        used.iter().for_each(|address| address.sweep(now));
    }
}

/// The connections to one address that wait.
pub(super) struct Idle {
    keeping: Keeping,
    /// The oldest comes first.
    waiting: Mutex<Vec<Waiting>>,
}

struct Waiting {
    stream: Stream,
    until: u64,
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idle")
            .field("keeping", &self.keeping)
            .finish_non_exhaustive()
    }
}

impl Idle {
    pub(super) fn new(keeping: Keeping) -> Arc<Self> {
        let idle = Arc::new(Self {
            keeping,
            waiting: Mutex::default(),
        });
        idle.keeping.shared.addresses.lock().push(Arc::downgrade(&idle));
        idle
    }

    /// Takes the connection that was used last, of those that can still be used.
    pub(super) fn take(&self, now: u64) -> Option<Stream> {
        loop {
            let mut found = self.waiting.lock().pop()?;
            self.left(1);
            if found.is_fit(now) {
                return Some(found.stream);
            }
        }
    }

    /// Puts a connection away whose request is over; where too many wait, the oldest to this address goes for it.
    pub(super) fn keep(&self, now: u64, stream: Stream) {
        let found = Waiting {
            stream,
            until: clock::after(now, self.keeping.idle),
        };
        let mut waiting = self.waiting.lock();
        let is_full = self.keeping.shared.count.fetch_add(1, Relaxed) >= self.keeping.most;
        let replaced = (is_full && !waiting.is_empty()).then(|| waiting.remove(0));
        waiting.push(found);
        drop(waiting);
        self.left(usize::from(replaced.is_some()));
    }

    fn sweep(&self, now: u64) {
        let mut waiting = self.waiting.lock();
        let unfit: Vec<_> = waiting.extract_if(.., |found| !found.is_fit(now)).collect();
        drop(waiting);
        self.left(unfit.len());
    }

    fn left(&self, count: usize) {
        self.keeping.shared.count.fetch_sub(count, Relaxed);
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        let left = self.waiting.get_mut().len();
        self.left(left);
    }
}

impl Waiting {
    /// Tells whether it may be used: in time, and with nothing to read. What an endpoint says before it is asked is its
    /// farewell, or the rest of an answer that somebody else got.
    fn is_fit(&mut self, now: u64) -> bool {
        let mut byte = [0];
        let read = pin!(unconstrained(self.stream.read(&mut byte)));
        self.until > now && read.poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    const WHILE: Duration = Duration::from_millis(10);

    fn idle(most: usize) -> Arc<Idle> {
        Idle::new(Keeping::new(WHILE, most))
    }

    /// Makes a connection, with the endpoint's side of it.
    fn connection() -> (Stream, DuplexStream) {
        let (ours, theirs) = duplex(64);
        (Box::new(ours), theirs)
    }

    /// Tells which of the connections is taken, by what its endpoint reads of it.
    async fn taken(idle: &Idle, now: u64, endpoints: &mut [DuplexStream]) -> Option<usize> {
        let mut stream = idle.take(now)?;
        stream.write_all(b"!").await.unwrap();
        endpoints
            .iter_mut()
            .position(|endpoint| endpoint.read_u8().now_or_never().is_some_and(|read| read.is_ok()))
    }

    #[tokio::test]
    async fn the_connection_that_was_used_last_is_taken_first() {
        let idle = idle(2);
        let (streams, mut endpoints): (Vec<_>, Vec<_>) = (0..2).map(|_| connection()).unzip();
        streams.into_iter().for_each(|stream| idle.keep(1, stream));
        assert_eq!(taken(&idle, 1, &mut endpoints).await, Some(1));
        assert_eq!(taken(&idle, 1, &mut endpoints).await, Some(0));
        assert_eq!(taken(&idle, 1, &mut endpoints).await, None);
    }

    #[tokio::test]
    async fn what_waited_too_long_or_was_closed_or_speaks_unasked_is_not_taken() {
        let idle = idle(3);
        let (streams, mut endpoints): (Vec<_>, Vec<_>) = (0..3).map(|_| connection()).unzip();
        streams.into_iter().for_each(|stream| idle.keep(1, stream));
        endpoints[2].write_all(b"HTTP/1.1 200 OK").await.unwrap();
        endpoints[1].shutdown().await.unwrap();
        assert_eq!(taken(&idle, 10, &mut endpoints).await, Some(0));
        let (stream, endpoint) = connection();
        idle.keep(1, stream);
        assert_eq!(taken(&idle, 11, &mut [endpoint]).await, None);
        assert_eq!(idle.keeping.shared.count.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn no_more_wait_than_may_over_all_endpoints_but_one_for_each() {
        let (one, mut endpoints): (_, Vec<_>) = (idle(2), Vec::new());
        let other = Idle::new(one.keeping.clone());
        for _ in 0..3 {
            let (stream, endpoint) = connection();
            one.keep(1, stream);
            endpoints.push(endpoint);
        }
        assert_eq!(one.keeping.shared.count.load(Relaxed), 2);
        let (streams, mut others): (Vec<_>, Vec<_>) = (0..2).map(|_| connection()).unzip();
        streams.into_iter().for_each(|stream| other.keep(1, stream));
        assert_eq!(taken(&other, 1, &mut others).await, Some(1));
        assert_eq!(taken(&other, 1, &mut others).await, None);
        // The oldest has gone.
        assert_eq!(taken(&one, 1, &mut endpoints).await, Some(2));
        assert_eq!(taken(&one, 1, &mut endpoints).await, Some(1));
        assert_eq!(taken(&one, 1, &mut endpoints).await, None);
    }

    #[tokio::test]
    async fn a_sweep_closes_what_cannot_be_used() {
        let idle = idle(2);
        let (first, mut waits) = connection();
        let (second, gone) = connection();
        idle.keep(1, first);
        idle.keep(1, second);
        drop(gone);
        let keeping = idle.keeping.clone();
        keeping.sweep(2);
        assert_eq!(idle.keeping.shared.count.load(Relaxed), 1);
        keeping.sweep(11);
        assert_eq!(idle.keeping.shared.count.load(Relaxed), 0);
        assert_eq!(waits.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn an_address_that_is_forgotten_makes_room_for_others() {
        let idle = idle(1);
        let keeping = idle.keeping.clone();
        let (stream, mut endpoint) = connection();
        idle.keep(1, stream);
        drop(idle);
        assert_eq!(keeping.shared.count.load(Relaxed), 0);
        assert_eq!(endpoint.read(&mut [0]).await.unwrap(), 0);
        keeping.sweep(2);
        assert!(keeping.shared.addresses.lock().is_empty());
    }
}
