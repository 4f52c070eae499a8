//! Carries counts between this gateway's ledger and the store: one task, one connection, one round at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::connection::{Address, Connection, StoreError};
use super::{Asked, Store, WAITING};
use crate::quota::clock::Clock;
use crate::quota::ledger::Ledger;
use crate::quota::sharing::Sharing;

/// How far several gateways agree before a request passes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Each request waits until the store has agreed.
    Exact,
    /// Requests pass first, and the store is told.
    Shared,
}

/// Whether counts are shared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum State {
    /// This gateway counts alone, because of this.
    Apart(String),
    /// All gateways count together.
    Together,
}

/// What carries counts to the store and back.
pub struct Courier {
    pub(super) ledger: Arc<Ledger>,
    pub(super) clock: Clock,
    /// The name of this gateway among those of the store; another one each time.
    pub(super) gateway: String,
    /// Which part of the ledger is told first in the next round.
    pub(super) next: usize,
    address: Address,
    mode: Mode,
    asks: mpsc::Receiver<Asked>,
    observe: Box<dyn Fn(State) + Send + Sync>,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier")
            .field("gateway", &self.gateway)
            .finish_non_exhaustive()
    }
}

impl Courier {
    /// Shares a ledger through a store; it is told of each change of state.
    pub fn new(
        (ledger, clock): (&Arc<Ledger>, Clock),
        (address, mode): (Address, Mode),
        observe: Box<dyn Fn(State) + Send + Sync>,
    ) -> (Store, Self) {
        let (sender, asks) = mpsc::channel(WAITING);
        ledger.set_sharing(Sharing::Apart);
        let courier = Self {
            ledger: Arc::clone(ledger),
            clock,
            gateway: uuid::Uuid::now_v7().simple().to_string(),
            next: 0,
            address,
            mode,
            asks,
            observe,
        };
        (Store { asks: sender }, courier)
    }

    /// Goes on until shutdown; what was spent until then is told.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        loop {
            let lost = self.connected(&mut shutdown).await;
            self.ledger.set_sharing(Sharing::Apart);
            let Err(reason) = lost else { return };
            (self.observe)(State::Apart(reason.to_string()));
            // Who waits is answered by the ledger.
            while self.asks.try_recv().is_ok() {}
            tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => return,
                () = sleep(AGAIN) => {}
            }
        }
    }

    /// Counts together for as long as there is a connection, or until shutdown.
    async fn connected(&mut self, shutdown: &mut watch::Receiver<bool>) -> Result<(), StoreError> {
        let mut connection = tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
            connection = self.connect() => connection?,
        };
        self.ledger.set_sharing(match self.mode {
            Mode::Exact => Sharing::Exact,
            Mode::Shared => Sharing::Told,
        });
        (self.observe)(State::Together);
        let mut every = interval(ROUND);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut beaten, mut reminded) = (Instant::now(), Instant::now());
        let mut again = Vec::new();
        loop {
            let stops = tokio::select! {
                biased;
                stop = shutdown.wait_for(|stop| *stop) => stop.map_or(true, |stop| *stop),
                () = self.wait(&mut every, &mut again) => false,
            };
            if reminded.elapsed() > REMIND {
                self.ledger.remind();
                reminded = Instant::now();
            }
            if again.is_empty() && !self.ledger.was_due() && beaten.elapsed() < BEAT && !stops {
                continue;
            }
            again = self.round(&mut connection, again).await?;
            beaten = Instant::now();
            if stops {
                return Ok(());
            }
        }
    }

    pub(super) async fn connect(&mut self) -> Result<Connection, StoreError> {
        let mut connection = Connection::open(&self.address).await?;
        if connection.agree(*self.ledger.secret()).await? != *self.ledger.secret() {
            return Err(StoreError::OtherSecret);
        }
        // First of all, or it would be raised again.
        self.forget(&mut connection).await?;
        let mut number = 0;
        while self.raise(&mut connection, number).await? {
            number += 1;
        }
        Ok(connection)
    }

    /// Waits until somebody asks, or what was spent is to be told.
    async fn wait(&mut self, every: &mut tokio::time::Interval, asks: &mut Vec<Asked>) {
        if asks.is_empty() {
            tokio::select! {
                Some(asked) = self.asks.recv() => asks.push(asked),
                _ = every.tick() => {}
            }
        }
        while asks.len() < TOGETHER
            && let Ok(asked) = self.asks.try_recv()
        {
            asks.push(asked);
        }
    }
}

/// The time between two rounds in which nobody waits.
const ROUND: Duration = Duration::from_millis(10);

/// The time between two rounds in which there is nothing to tell.
const BEAT: Duration = Duration::from_millis(500);

/// The time after which the store is told again what is under way: it forgets that after ten minutes.
const REMIND: Duration = Duration::from_secs(60);

/// The time between two tries to reach a store.
const AGAIN: Duration = Duration::from_millis(250);

/// So many are asked for in a round.
const TOGETHER: usize = 256;
