//! The cache of a process: its store, and what Pingora's state machine needs beside it.
//!
//! Pingora demands what lives as long as the process, so that is made when the first request asks for it, or at the start
//! where there is a disk, and never again.

use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use pingora_cache::CacheOptionOverrides;
use pingora_cache::lock::CacheKeyLockImpl;
use pingora_cache::predictor::Predictor;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::error;

use super::commons::Commons;
use super::lock::{FetchLock, SLOW, WAIT};
use super::storage::{Bounds, Doors, Kind, Selector, Store};

/// The cache of a process.
pub struct Cache {
    bounds: Bounds,
    opened: OnceLock<Opened>,
    waits: AtomicU64,
    served: AtomicU64,
    /// Notified when an operator has purged.
    purged: Notify,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

/// What is there once somebody has asked for it.
#[derive(Clone, Copy)]
pub struct Opened {
    /// The ways into the store.
    pub doors: Doors,
    /// Remembers what was not kept of late, so that nobody waits for it.
    pub predictor: &'static Predictor<SHARDS>,
    /// Remembers which responses are everybody's.
    pub commons: &'static Commons,
    /// Lets one request fetch for many.
    pub lock: &'static CacheKeyLockImpl,
}

impl Cache {
    /// Makes a cache of at most so much. Where it has a disk, it begins to find what is there.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        let has_disk = bounds.disk.is_some();
        let cache = Arc::new(Self {
            bounds,
            opened: OnceLock::new(),
            waits: AtomicU64::new(0),
            served: AtomicU64::new(0),
            purged: Notify::new(),
        });
        if has_disk {
            cache.open();
        }
        cache
    }

    /// Returns the bytes of the largest body that it takes.
    pub fn most(&self) -> u64 {
        self.bounds.max_body
    }

    /// Opens it, where nobody has before.
    pub fn open(&self) -> &Opened {
        self.opened.get_or_init(|| {
            let store = Store::new(self.bounds.clone());
            Opened {
                doors: Doors::open(&store),
                commons: Box::leak(Box::new(Commons::new(COMMON))),
                predictor: Box::leak(Box::new(Predictor::new(REMEMBERED, None))),
                lock: Box::leak(Box::new(FetchLock::new(SLOW))),
            }
        })
    }

    /// Returns its store, where anything was ever asked of it.
    pub fn store(&self) -> Option<&'static Store> {
        self.opened.get().map(|opened| opened.doors.store())
    }

    /// Counts a request that waited for another one's fetch.
    pub fn waited(&self) {
        self.waits.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many requests have waited for another one's fetch.
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// Counts the bytes of a body that came from what is kept.
    pub fn serve(&self, bytes: u64) {
        self.served.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Returns how many bytes of bodies came from what is kept.
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// Purges, at once; does nothing where there is nothing.
    pub fn purge(&self, selector: &Selector<'_>, kind: Kind) {
        if let Some(store) = self.store() {
            store.purge(selector, kind, SystemTime::now());
        }
    }

    /// Waits until what was purged so far holds for the next process, too, and has what it took given back. It blocks.
    ///
    /// # Errors
    ///
    /// Fails if the disk cannot be told.
    pub fn conclude(&self) -> io::Result<()> {
        self.purged.notify_one();
        self.store().map_or(Ok(()), Store::persist)
    }

    /// Gives back what is purged: when an operator has done so, when there is much of it, and now and then; until
    /// shutdown, when it gives up the disk for the next process.
    pub async fn tend(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        loop {
            let due = async {
                match self.store() {
                    Some(store) => store.due().notified().await,
                    None => pending().await,
                }
            };
            tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => break,
                () = self.purged.notified() => {}
                _ = timeout(TURN, due) => {}
            }
            self.blocking(|store| store.settle(SystemTime::now())).await;
        }
        self.blocking(Store::close).await;
    }

    async fn blocking(&self, work: impl FnOnce(&Store) + Send + 'static) {
        let Some(store) = self.store() else { return };
        if spawn_blocking(move || work(store)).await.is_err() {
            error!("the upkeep of the cache broke, its panic is above");
        }
    }
}

/// Returns how long one request waits for another one's answer.
pub fn patience() -> CacheOptionOverrides {
    let mut overrides = CacheOptionOverrides::default();
    overrides.wait_timeout = Some(WAIT);
    overrides
}

/// Keys that are remembered for not being kept, in each shard.
const REMEMBERED: usize = 4096;
const SHARDS: usize = 16;

/// Keys that are remembered for being everybody's: some 3 MiB of them.
const COMMON: usize = 1 << 16;

/// How often it is looked for what is to be given back.
const TURN: Duration = Duration::from_secs(60);
