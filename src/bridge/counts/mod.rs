//! Counts that outlive the process: kept on the disk for a restart, and handed to the process that takes over.
//!
//! What is counted and how is `quota`'s; this is where its bytes go. Nobody who asks the ledger waits for any of it.

mod keeping;
mod succession;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

pub use self::succession::{Heir, Offer};

use self::keeping::Keeping;
use super::upkeep::chain;
use crate::quota::store::{Address, Courier, Mode, State, StoreError, learn_secret};
use crate::quota::{Clock, Counters, Kept, Ledger, Secret};
use crate::settings::{Quota, QuotaMode};

/// Takes note of whether counts are shared.
pub type Observe = dyn Fn(&State) + Send + Sync;

/// The ledger of the process, and where its counts come from and go to.
pub struct Keeper {
    ledger: Arc<Ledger>,
    clock: Clock,
    counters: Counters,
    /// What carries counts to the store, until it runs.
    courier: Mutex<Option<Courier>>,
    room: usize,
    path: PathBuf,
    handover: PathBuf,
    /// What was found on the disk, until it is counted.
    kept: Mutex<Option<Kept>>,
    keeping: Mutex<Keeping>,
    /// Whether the process that this one follows still counts.
    follows: AtomicBool,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Keeper {
    /// Opens the ledger, under the secret that the counts in the store are kept under, or else those in the data
    /// directory; the one that is given is for where there are none. It blocks; what becomes of the store is observed.
    ///
    /// Counts that cannot be read are told once and left alone until they are written over: traffic goes on without.
    ///
    /// # Errors
    ///
    /// Returns why the address of the store is none.
    pub fn open(
        data: &Path,
        (quota, secret): (&Quota, Secret),
        (runtime, observe): (&Handle, Box<Observe>),
    ) -> Result<Self, StoreError> {
        let path = data.join(DIRECTORY).join(FILE);
        let kept = Kept::load(&path, quota.counters).unwrap_or_else(|reason| {
            let reason = chain(&reason);
            warn!(file = %path.display(), reason, "kept counts are left out, every quota begins anew");
            None
        });
        let mut secret = kept.as_ref().map_or(secret, Kept::secret);
        let address = quota.store.as_ref().map(|store| Address::parse(store.as_str()));
        let address = address.transpose()?;
        if let Some(address) = &address {
            // Where it cannot be asked, the courier tries again and tells why.
            secret = runtime.block_on(learn_secret(address, secret)).unwrap_or(secret);
        }
        let (ledger, clock) = (Ledger::new(secret, quota.counters), Clock::start());
        let (store, courier) = address
            .map(|address| Courier::new((&ledger, clock), (address, mode(quota.mode)), teller(observe)))
            .unzip();
        Ok(Self {
            counters: Counters::new(Arc::clone(&ledger), clock, store),
            courier: Mutex::new(courier),
            ledger,
            clock,
            room: quota.counters,
            path,
            handover: data.join(HANDOVER),
            kept: Mutex::new(kept),
            keeping: Mutex::default(),
            follows: AtomicBool::new(false),
        })
    }

    /// Returns what requests are counted by.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns what carries counts to the store, where there is one; to be run once.
    #[must_use]
    pub fn courier(&self) -> Option<Courier> {
        self.courier.lock().take()
    }

    /// Returns what is asked for each request.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Returns the clock that the ledger is asked by.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Counts what was found on the disk, and keeps counts from now on; called before the first request. It blocks.
    pub fn begin(&self) {
        if let Some(kept) = self.kept.lock().take() {
            match self.ledger.absorb(&kept, self.clock.now()) {
                Ok(()) => info!(counters = self.ledger.len().0, "counts of before are in force"),
                Err(reason) => warn!(%reason, "kept counts are left out, every quota begins anew"),
            }
        }
        self.take_charge();
    }

    /// Does what [`Self::begin`] does where it may block.
    pub async fn begin_aside(self: &Arc<Self>) {
        let counts = Arc::clone(self);
        if let Err(reason) = spawn_blocking(move || counts.begin()).await {
            warn!(%reason, "reading kept counts broke, every quota begins anew");
        }
    }

    fn set_follows(&self, follows: bool) {
        self.follows.store(follows, Ordering::SeqCst);
    }

    fn follows(&self) -> bool {
        self.follows.load(Ordering::SeqCst)
    }
}

fn mode(mode: QuotaMode) -> Mode {
    match mode {
        QuotaMode::Exact => Mode::Exact,
        QuotaMode::Shared => Mode::Shared,
    }
}

/// Tells each change once, and nothing of the tries in between.
fn teller(observe: Box<Observe>) -> Box<dyn Fn(State) + Send + Sync> {
    let last = Mutex::new(None);
    Box::new(move |state| {
        observe(&state);
        let is_apart = matches!(state, State::Apart(_));
        let is_news = last.lock().replace(is_apart) != Some(is_apart);
        match state {
            State::Apart(reason) if is_news => warn!(reason, "the store of counts is away, this gateway counts alone"),
            State::Together if is_news => info!("counts are shared through the store"),
            State::Apart(_) | State::Together => {}
        }
    })
}

const DIRECTORY: &str = "quota";

const FILE: &str = "counts";

/// Where the next process asks, beside the sockets that it takes over.
const HANDOVER: &str = "handover";

#[cfg(test)]
mod tests;
