//! The call to an endpoint that is under way.
//!
//! Dropping it, at whatever point, ends the call exactly once and tells the endpoint's health what came of it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pingora_error::Error;

use super::backend::{Backend, Slot};
use super::target::{Address, Target};
use super::{clock, health::Standing};

/// The call that is under way.
pub(super) struct Held {
    pub(super) backend: Arc<Backend>,
    pub(super) slot: usize,
    pub(super) address: Arc<Address>,
    pub(super) waits: Waits,
    /// Whether nobody may have used its connection.
    pub(super) unused: bool,
    /// Whether it is the one call that was let through after a suspension.
    pub(super) on_trial: bool,
    pub(super) outcome: Outcome,
}

/// What has come of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// Nothing that tells anything about the endpoint.
    Open,
    /// It was answered.
    Answered,
    /// It failed, and the endpoint was told.
    Failed,
}

/// How long a call may take to connect, and stand still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) connect: Duration,
    pub(super) silence: Duration,
}

/// Where a call is tried again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// To another endpoint.
    Other,
    /// To the same endpoint, at another address where it has one.
    Same(SocketAddr),
}

impl Held {
    /// Returns the endpoint that it goes to.
    pub(super) fn slot(&self) -> Option<&Slot> {
        self.backend.slots.get(self.slot)
    }

    /// Has it said what went wrong, where that is news.
    pub(super) fn say(&self, now: u64, cause: &Error) {
        if let Some(slot) = self.slot() {
            slot.target.say(now, cause);
        }
    }

    /// Tells the endpoint, once, that the call failed.
    pub(super) fn fail(&mut self, tell: impl FnOnce(&Target, SocketAddr)) {
        if self.outcome != Outcome::Failed {
            if let Some(slot) = self.slot() {
                tell(&slot.target, self.address.socket);
            }
            self.outcome = Outcome::Failed;
        }
    }

    /// Finds somewhere else to try: another endpoint, or another address of this one.
    pub(super) fn elsewhere(&self, now: u64) -> Option<Place> {
        if self.backend.has_other(now, self.slot) {
            return Some(Place::Other);
        }
        let target = &self.slot()?.target;
        let fit = target.has_other(now, self.address.socket) && target.standing(now) == Standing::Open;
        fit.then_some(Place::Same(self.address.socket))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(slot) = self.slot() else { return };
        slot.target.end();
        match self.outcome {
            Outcome::Open if self.on_trial => slot.target.condition.give_back(clock::now()),
            Outcome::Answered => slot.target.answered(),
            Outcome::Open | Outcome::Failed => {}
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("address", &self.address.socket)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
