//! Handing the counts from a process that ends to one that begins, without a moment at which a quota could be passed.
//!
//! 1. The old process calls [`Ledger::leave`] and sends the bytes. From then on it admits what it still must, on the
//!    connections that it still has, from a sixteenth of each quota set aside for it.
//! 2. The new one calls [`Ledger::join`] with them, and admits from the other fifteen sixteenths.
//! 3. When its last request has ended, the old one sends [`Ledger::remainder`]: what it has spent since. The new one
//!    calls [`Ledger::conclude`] with it, and the quotas are whole again.
//!
//! Quotas below sixteen have no sixteenth: they are the new process's alone. A caller that had its whole quota before
//! the change has it no sooner again for it. What is under way in the old process counts in the new one until the end.

use super::clock::Moment;
use super::demand::{Demand, Quota};
use super::hold::{Hold, Taken};
use super::kept::{BadKept, Kept, Scope};
use super::ledger::Ledger;
use super::limit::{Kind, Limit};
use super::standing::{Refusal, Standings};
use super::taking::{Purpose, Taking};

/// Which part of each quota a process has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// A sixteenth, while another process has begun.
    Leaving,
    /// Fifteen sixteenths, while another process ends.
    Staying,
    /// All.
    Whole,
}

impl Ledger {
    /// Begins to leave: returns all counts, and spends from what is set aside from now on.
    #[must_use]
    pub fn leave(&self, now: Moment) -> Vec<u8> {
        // Before the first shard is read: what is spent in it afterwards is spent as one that leaves.
        self.set_part(Part::Leaving);
        self.dump(Scope::Everything, now)
    }

    /// Returns what was spent since [`Self::leave`]; called when nothing more will be.
    #[must_use]
    pub fn remainder(&self, now: Moment) -> Vec<u8> {
        self.aside().dump(Scope::Everything, now)
    }

    /// Goes on after all, where no other process took over: the quotas are whole again, and all that was spent counts.
    pub fn stay(&self) {
        self.set_part(Part::Whole);
        self.forget_aside();
    }

    /// Takes over the counts of a process that leaves, and leaves what is set aside for it.
    ///
    /// # Errors
    ///
    /// Returns [`BadKept::OtherSecret`] where they would not be found again.
    pub fn join(&self, kept: &Kept, now: Moment) -> Result<(), BadKept> {
        self.set_part(Part::Staying);
        self.absorb(kept, now)
    }

    /// Adds what the process that left has spent since, and makes the quotas whole.
    ///
    /// Without it, where that process ended without a word, what it had spent of its sixteenth is not known.
    ///
    /// # Errors
    ///
    /// Returns [`BadKept::OtherSecret`] where they would not be found again.
    pub fn conclude(&self, kept: Option<&Kept>, now: Moment) -> Result<(), BadKept> {
        for shard in self.shards() {
            shard.lock().elsewhere.clear();
        }
        let absorbed = kept.map_or(Ok(()), |kept| self.absorb(kept, now));
        self.set_part(Part::Whole);
        absorbed
    }

    /// Asks for all demands of the part of the quotas that this process has, and says how those stand.
    pub(super) fn ask(
        &self,
        demands: &[Demand<'_>],
        (purpose, now): (Purpose, Moment),
        standings: &mut Standings,
    ) -> Result<Taken, Refusal> {
        let now = self.agreed(now);
        loop {
            let part = self.part();
            let result = match part {
                Part::Whole => Taking::new(self, demands, (part, now)).run(purpose, standings),
                Part::Leaving | Part::Staying => self.ask_part(part, demands, (purpose, now), standings),
            };
            // None where the part has changed in between.
            if let Some(result) = result {
                return result;
            }
        }
    }

    fn ask_part(
        &self,
        part: Part,
        demands: &[Demand<'_>],
        (purpose, now): (Purpose, Moment),
        standings: &mut Standings,
    ) -> Option<Result<Taken, Refusal>> {
        let quotas: Vec<_> = demands.iter().map(|demand| demand.quota().part(part)).collect();
        let parts = demands.iter().zip(&quotas).map(|(demand, quota)| demand.on(quota));
        let parts: Vec<_> = parts.collect();
        if part != Part::Leaving {
            let result = Taking::new(self, &parts, (part, now)).run(purpose, standings);
            for (standing, demand) in standings.iter_mut().zip(demands) {
                standing.quota = demand.limit().quota();
            }
            return result;
        }
        let own = Taking::new(self, demands, (part, now));
        if purpose != Purpose::Record {
            let looked = own.run(Purpose::Look, standings)?;
            if looked.is_err() {
                return Some(looked);
            }
        }
        let aside = self.aside();
        let beside = Taking::new(&aside, &parts, (Part::Whole, now)).run(purpose, standings)?;
        let beside = match beside {
            Ok(taken) => Hold::new(&aside, taken),
            Err(refusal) => return Some(Err(refusal)),
        };
        // Where another was faster, what was spent of the sixteenth stays spent; nothing more passes for that.
        let taken = own.run(purpose, standings)?;
        Some(taken.map(|taken| Taken {
            beside: (!beside.is_empty()).then(|| Box::new(beside)),
            ..taken
        }))
    }
}

impl Quota {
    /// Returns the quota that a part of this one is.
    fn part(&self, part: Part) -> Self {
        self.with_limit(self.limit().part(part))
    }
}

impl Limit {
    fn part(&self, part: Part) -> Self {
        let of = |figure: u64| match part {
            Part::Leaving => figure / 16,
            Part::Staying => figure - figure / 16,
            Part::Whole => figure,
        };
        let kind = match self.kind() {
            Kind::Calendar { quota, calendar } => Kind::Calendar {
                quota: of(*quota),
                calendar: calendar.clone(),
            },
            Kind::Concurrent { quota } => Kind::Concurrent { quota: of(*quota) },
            Kind::Sliding { quota, window } => Kind::Sliding {
                quota: of(*quota),
                window: *window,
            },
            Kind::Tokens { capacity, rate, per } => Kind::Tokens {
                capacity: of(*capacity),
                rate: of(*rate),
                per: *per,
            },
        };
        self.with_kind(kind)
    }
}
