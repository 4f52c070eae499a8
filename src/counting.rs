//! Where counts are asked: the one place where a request meets the ledger.
//!
//! [`Counts::take`] may wait, so that counts that are shared with other processes can be asked for here.

use std::sync::Arc;

use crate::quota::{Answer, Clock, Counters, Demand, Hold, Key, Ledger};

/// Where counts are kept, and the time that they are kept by.
#[derive(Clone, Debug)]
pub struct Counts {
    counters: Counters,
    ledger: Arc<Ledger>,
    clock: Clock,
}

impl Counts {
    /// Asks this ledger, by a clock that starts now.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self::by(Counters::new(ledger, Clock::start(), None))
    }

    /// Asks these, which may be shared with other gateways.
    pub fn by(counters: Counters) -> Self {
        Self {
            ledger: Arc::clone(counters.ledger()),
            clock: counters.clock(),
            counters,
        }
    }

    /// Spends what is demanded, all of it or nothing. It waits only where other gateways must be asked first.
    pub async fn take(&self, demands: &[Demand<'_>]) -> Answer<Hold> {
        match self.counters.take(demands, self.clock.now()) {
            Some(answer) => answer,
            // Boxed: its state is large, and most requests need nothing of it.
            None => Box::pin(self.counters.ask(demands)).await,
        }
    }

    /// Tells what [`Self::take`] would answer, and spends nothing.
    pub fn look(&self, demands: &[Demand<'_>]) -> Answer<()> {
        self.ledger.look(demands, self.clock.now())
    }

    /// Spends bytes as they pass, all of them or nothing.
    pub fn charge(&self, demands: &[Demand<'_>]) -> Answer<()> {
        self.ledger.charge(demands, self.clock.now())
    }

    /// Forgets what a subject has spent, for other gateways as well; tells whether anything was known here.
    pub async fn reset(&self, key: Key) -> bool {
        self.counters.reset(key).await
    }
}
