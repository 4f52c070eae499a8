//! Other processes that take requests of the same callers: the one that this one takes over from, or the one that takes
//! over from this one.
//!
//! Who changes consumers tells the process that has the control socket. The other one learns of it from the registry's
//! log, and so asks for the log before it decides on a caller.
//!
//! | a process | asks |
//! |---|---|
//! | that serves alone | never: one load of an atomic tells it so |
//! | that arrives | until it has seen the log once since it has the control socket |
//! | that leaves | always |

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::Credentials;

/// Whether another process takes requests of the same callers.
#[derive(Debug, Default)]
pub struct Neighbours {
    /// [`ARRIVING`] and [`LEAVING`], or nothing.
    standing: AtomicU8,
    leaving: Notify,
}

impl Neighbours {
    /// Says that this process takes over from another.
    pub fn arrive(&self) {
        self.standing.fetch_or(ARRIVING, Ordering::SeqCst);
    }

    /// Says that the log was looked at since, so that from now on it is told of everything.
    pub fn arrived(&self) {
        self.standing.fetch_and(!ARRIVING, Ordering::SeqCst);
    }

    /// Says that another process may take over from this one.
    pub fn leave(&self) {
        self.standing.fetch_or(LEAVING, Ordering::SeqCst);
        self.leaving.notify_one();
    }

    /// Says that none does.
    pub fn stay(&self) {
        self.standing.fetch_and(!LEAVING, Ordering::SeqCst);
    }

    /// Tells whether another process may take over from this one.
    pub fn is_leaving(&self) -> bool {
        self.standing.load(Ordering::SeqCst) & LEAVING != 0
    }

    /// Resolves when it begins to leave.
    pub async fn left(&self) {
        self.leaving.notified().await;
    }

    fn is_alone(&self) -> bool {
        self.standing.load(Ordering::SeqCst) == 0
    }
}

impl Credentials {
    /// Returns what is known of other processes.
    pub fn neighbours(&self) -> &Neighbours {
        &self.neighbours
    }

    /// Tells whether this process is told of every change, so that the view knows of it at once.
    pub fn is_told(&self) -> bool {
        self.neighbours.is_alone()
    }

    /// Makes the view know what others have changed until now; tells whether that can be had in time.
    pub async fn catch_up(&self) -> bool {
        match &self.registry {
            Some(registry) => matches!(timeout(PATIENCE, registry.follow()).await, Ok(Ok(()))),
            None => true,
        }
    }
}

const ARRIVING: u8 = 1;
const LEAVING: u8 = 2;

/// How long a request waits for the log, before it is refused where it shows a credential.
const PATIENCE: Duration = Duration::from_secs(5);
