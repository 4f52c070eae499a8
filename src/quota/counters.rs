//! What requests are counted by, whoever else counts: the one call for quotas in this process and shared ones.

use std::sync::Arc;

use super::clock::{Clock, Moment};
use super::demand::Demand;
use super::hold::Hold;
use super::ledger::Ledger;
use super::standing::{Answer, Refusal, Standings};
use super::store::Store;

/// The ledger, and the store that it is shared through where there is one.
#[derive(Clone, Debug)]
pub struct Counters {
    ledger: Arc<Ledger>,
    clock: Clock,
    store: Option<Store>,
}

impl Counters {
    /// Counts by a ledger, which is asked by this clock, and shared through a store.
    #[must_use]
    pub fn new(ledger: Arc<Ledger>, clock: Clock, store: Option<Store>) -> Self {
        Self { ledger, clock, store }
    }

    /// Returns the ledger: what is charged, recorded, looked at, reset and counted goes there; other gateways are told.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Returns the clock that the ledger is asked by.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Spends what is demanded, all of it or nothing, at once. None where the store must be asked first, by
    /// [`Self::ask`]: always in mode `exact`; in mode `shared` where this gateway has spent a sixteenth of a quota (at
    /// least one request) since it was last heard; never where there is no store, or none that answers.
    #[must_use = "none is no permission"]
    pub fn take(&self, demands: &[Demand<'_>], now: Moment) -> Option<Answer<Hold>> {
        let mut standings = Standings::new();
        let result = self.spend(demands, now, &mut standings)?;
        Some(Answer { standings, result })
    }

    /// Spends as [`Self::take`] does, and says in their place how the quotas stand: moved, they would cost as much as to
    /// be counted.
    #[must_use = "none is no permission"]
    pub fn spend(
        &self,
        demands: &[Demand<'_>],
        now: Moment,
        standings: &mut Standings,
    ) -> Option<Result<Hold, Refusal>> {
        match self.store {
            Some(_) => self.ledger.try_spend(demands, now, standings),
            None => Some(self.ledger.spend(demands, now, standings)),
        }
    }

    /// Spends as [`Self::take`] does, where all gateways together agree. It waits for the store, and no longer than
    /// [`store::PATIENCE`](super::store::PATIENCE): then the ledger says so alone.
    pub async fn ask(&self, demands: &[Demand<'_>]) -> Answer<Hold> {
        let asked = match &self.store {
            Some(store) => store.ask(demands).await,
            None => None,
        };
        asked.unwrap_or_else(|| self.ledger.take(demands, self.clock.now()))
    }
}
