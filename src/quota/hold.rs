//! What must be given back: requests that are under way.

use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use super::key::Key;
use super::ledger::Ledger;

/// The places that a request takes while it is under way; dropped, it gives them back.
#[must_use = "dropped, the request no longer counts as under way"]
#[derive(Default)]
pub struct Hold {
    ledger: Option<Arc<Ledger>>,
    taken: Taken,
}

/// The keys of what a request has taken.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) keys: Keys,
    /// Nothing was taken: the store must be asked first.
    pub(super) must_ask: bool,
    /// What it takes of what is set aside for a process that leaves.
    #[expect(dead_code, reason = "it is given back when this is dropped")]
    pub(super) beside: Option<Box<Hold>>,
}

/// Few tiers of one request count what is under way.
pub(super) type Keys = SmallVec<[Key; 2]>;

impl Hold {
    pub(super) fn new(ledger: &Arc<Ledger>, taken: Taken) -> Self {
        let ledger = (!taken.keys.is_empty()).then(|| Arc::clone(ledger));
        Self { ledger, taken }
    }

    /// Tells whether there is nothing to give back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken.keys.is_empty()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(ledger) = &self.ledger {
            ledger.release(&self.taken.keys);
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hold").field(&self.taken.keys).finish()
    }
}
