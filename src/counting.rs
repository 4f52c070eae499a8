//! Where counts are asked: the one place where a request meets the ledger.
//!
//! [`Counts::take`] may wait, so that counts that are shared with other processes can be asked for here.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::quota::{Answer, Clock, Counters, Demand, Hold, Key, Ledger, Moment, Refusal, Standings};

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

    /// Returns the present moment.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Returns the moment that was read from both clocks before.
    pub fn at(&self, steady: Instant, wall: SystemTime) -> Moment {
        self.clock.at(steady, wall)
    }

    /// Spends what is demanded, all of it or nothing. It waits only where other gateways must be asked first.
    ///
    /// How the quotas stand is said in its place: it is large.
    ///
    /// # Errors
    ///
    /// Returns the refusal where a quota is reached.
    pub async fn take(&self, demands: &[Demand<'_>], now: Moment, standings: &mut Standings) -> Result<Hold, Refusal> {
        if let Some(result) = self.counters.spend(demands, now, standings) {
            return result;
        }
        // Boxed: its state is large, and most requests need nothing of it.
        let answer = Box::pin(self.counters.ask(demands)).await;
        *standings = answer.standings;
        answer.result
    }

    /// Tells what [`Self::take`] would answer, and spends nothing.
    pub fn look(&self, demands: &[Demand<'_>]) -> Answer<()> {
        self.ledger.look(demands, self.clock.now())
    }

    /// Spends bytes as they pass, all of them or nothing.
    pub fn charge(&self, demands: &[Demand<'_>]) -> Answer<()> {
        self.ledger.charge(demands, self.clock.now())
    }

    /// Forgets what a subject has spent, and has other gateways forget it; tells whether anything was known here.
    pub fn reset(&self, key: Key) -> bool {
        self.ledger.reset(key)
    }

    /// Gives back the memory of counts that hold nothing, a part at a time, until shutdown.
    pub async fn tend(self, mut shutdown: watch::Receiver<bool>) {
        let sweep = async {
            let mut every = interval(SWEEP);
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                every.tick().await;
                self.ledger.sweep(self.clock.now());
            }
        };
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => {}
            () = sweep => {}
        }
    }
}

/// The time between two looks at a part of the counts, of which there are 256 at most.
const SWEEP: Duration = Duration::from_secs(1);
