//! Quotas that several gateways share, through Redis or Valkey.
//!
//! Each gateway decides by its own ledger, and a [`Courier`] tells the store what was spent and brings back how the
//! counts stand, in rounds of which one is under way at a time. All of one request is decided in the store at once, by
//! its clock, by a script.
//!
//! | mode | a request | together never more than |
//! |---|---|---|
//! | `exact` | waits for a round | the quota |
//! | `shared` | waits only where its gateway has spent a sixteenth of a quota, at least one, since the last round | the quota and a sixteenth of it, at least one, for each gateway but one |
//!
//! Bytes are known when they have passed: of these there is more by what passes until the others have heard. Windows
//! are counted in the store request by request up to 128, and in 64 slices above: a lone caller gets at least 95 %.
//!
//! Where the store does not answer, each gateway counts alone within a second, from what it knew. When it is back, it
//! is raised to what each gateway knows, so that one that has lost its memory has it again, and is told what was spent
//! meanwhile.
//!
//! Keys begin with `tollgate:quota:` and end when nothing is in force any more. They are keyed hashes, and name nobody;
//! the secret is kept in the store, by the first gateway that comes, for all others.

mod connection;
mod courier;
mod round;
mod script;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub use self::connection::{Address, StoreError, learn_secret};
pub use self::courier::{Courier, Mode, State};

use super::demand::{Demand, Quota};
use super::hold::Hold;
use super::key::Key;
use super::standing::Answer;

/// Where a request asks all gateways together; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    asks: mpsc::Sender<Asked>,
}

/// A take that the store decides.
#[derive(Debug)]
struct Asked {
    wanted: Vec<Wanted>,
    answer: oneshot::Sender<Answer<Hold>>,
    /// Whether it was asked before, of calendar windows that were past.
    was_late: bool,
}

/// A demand that outlives the request.
#[derive(Debug)]
struct Wanted {
    quota: Quota,
    parts: (Key, u64),
}

impl Wanted {
    fn demand(&self) -> Demand<'_> {
        Demand::from_parts(&self.quota, self.parts)
    }
}

impl Store {
    /// Asks for all demands; none where there is no answer in time.
    pub(super) async fn ask(&self, demands: &[Demand<'_>]) -> Option<Answer<Hold>> {
        let wanted = |demand: &Demand<'_>| Wanted {
            quota: demand.quota().clone(),
            parts: demand.parts(),
        };
        let (answer, answered) = oneshot::channel();
        let asked = Asked {
            wanted: demands.iter().map(wanted).collect(),
            answer,
            was_late: false,
        };
        let exchange = async {
            self.asks.send(asked).await.ok()?;
            answered.await.ok()
        };
        timeout(PATIENCE, exchange).await.ok()?
    }
}

/// No request waits longer for the store.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// So many requests may wait for the next round; further ones wait to be among them.
const WAITING: usize = 4_096;
