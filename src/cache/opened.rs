//! The cache of a process: its store, and what Pingora's state machine needs beside it.
//!
//! Pingora demands what lives as long as the process, so that is made when the first request asks for it, and never
//! again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use pingora_cache::CacheOptionOverrides;
use pingora_cache::lock::{CacheKeyLockImpl, CacheLock};
use pingora_cache::predictor::Predictor;

use super::commons::Commons;
use super::storage::{Bounds, Doors, Kind, Selector, Store};

/// The cache of a process.
pub struct Cache {
    bounds: Bounds,
    opened: OnceLock<Opened>,
    waits: AtomicU64,
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
    /// Makes a cache of at most so much.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            bounds,
            opened: OnceLock::new(),
            waits: AtomicU64::new(0),
        })
    }

    /// Opens it, where nobody has before.
    pub fn open(&self) -> &Opened {
        self.opened.get_or_init(|| {
            let store = Store::new(self.bounds.clone());
            Opened {
                doors: Doors::open(&store),
                commons: Box::leak(Box::new(Commons::new(COMMON))),
                predictor: Box::leak(Box::new(Predictor::new(REMEMBERED, None))),
                lock: Box::leak(CacheLock::new_boxed(SLOW)),
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

    /// Purges, at once; does nothing where there is nothing.
    pub fn purge(&self, selector: &Selector<'_>, kind: Kind) {
        if let Some(store) = self.store() {
            store.purge(selector, kind, SystemTime::now());
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

/// When another request begins to fetch beside one that is slow.
const SLOW: Duration = Duration::from_secs(5);

/// When who waits goes to the origin alone.
const WAIT: Duration = Duration::from_secs(10);
