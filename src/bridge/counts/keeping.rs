//! Writes counts to the disk, from time to time and at the end.
//!
//! Only one process at a time is in charge of the file: the one that leaves stops writing before it tells the next one
//! what it has counted.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{info, warn};

use super::Keeper;
use crate::quota::Scope;

/// How far keeping has got.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    is_in_charge: bool,
    /// Whether there is a file, and nothing in it.
    is_empty: bool,
    is_failing: bool,
}

impl Keeper {
    /// Writes the counts to the disk, where this process is in charge of them; what goes wrong is told once. It blocks.
    pub fn keep(&self) {
        let mut keeping = self.keeping.lock();
        if !keeping.is_in_charge || keeping.is_empty && self.ledger.len().0 == 0 {
            return;
        }
        match self.write() {
            Ok(number) => {
                if keeping.is_failing {
                    info!("counts are kept again");
                }
                *keeping = Keeping {
                    is_empty: number == 0,
                    is_failing: false,
                    ..*keeping
                };
            }
            Err(reason) if !keeping.is_failing => {
                warn!(file = %self.path.display(), %reason, "counts cannot be kept, a restart would forget them");
                keeping.is_failing = true;
            }
            Err(_) => {}
        }
    }

    /// Does what [`Self::keep`] does where it may block.
    pub async fn keep_aside(self: &Arc<Self>) {
        let counts = Arc::clone(self);
        if let Err(reason) = spawn_blocking(move || counts.keep()).await {
            warn!(%reason, "keeping counts broke");
        }
    }

    /// Goes on until shutdown; what is counted then is still to be kept.
    pub async fn run(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => {}
            () = self.keep_always() => {}
        }
    }

    /// Writes the file from now on, and once at once: the process after this one needs the secret.
    pub(super) fn take_charge(&self) {
        self.keeping.lock().is_in_charge = true;
        self.keep();
    }

    /// Writes the file from now on, when it is due.
    pub(super) fn resume_charge(&self) {
        self.keeping.lock().is_in_charge = true;
    }

    /// Leaves the file alone from now on; what is being written is written first.
    pub(super) fn leave_charge(&self) {
        self.keeping.lock().is_in_charge = false;
    }

    fn write(&self) -> io::Result<u64> {
        if let Some(directory) = self.path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        self.ledger.keep(&self.path, Scope::Lasting, self.clock.now())
    }

    async fn keep_always(self: &Arc<Self>) {
        let mut every = interval_at(Instant::now() + KEEP, KEEP);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.keep_aside().await;
        }
    }
}

/// The time between two writings: so much is forgotten where a process dies without a word.
const KEEP: Duration = Duration::from_secs(30);
