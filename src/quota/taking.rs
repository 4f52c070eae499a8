//! One take: examining the counters of all demands together, and spending on all or none.

use super::clock::Moment;
use super::counter::Counter;
use super::demand::Demand;
use super::finding::{Locked, Place, Places, Reach, Shards, shard};
use super::handover::Part;
use super::hold::{Keys, Taken};
use super::ledger::Ledger;
use super::shard::{LOOKS, Owner};
use super::sharing::Sharing;
use super::standing::{Refusal, Retry, Standing, Standings};

/// One take.
pub(super) struct Taking<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) demands: &'a [Demand<'a>],
    /// Which part of the quotas the demands are on.
    part: Part,
    pub(super) now: Moment,
}

/// What a take is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    /// Spending where all agree, on nothing that is under way.
    Charge,
    /// Telling.
    Look,
    /// Spending, whoever agrees.
    Record,
    /// Spending where all agree.
    Spend,
    /// Spending where all agree and the store need not be asked first.
    Try,
}

impl<'a> Taking<'a> {
    pub(super) fn new(ledger: &'a Ledger, demands: &'a [Demand<'a>], (part, now): (Part, Moment)) -> Self {
        Self {
            ledger,
            demands,
            part,
            now,
        }
    }

    /// Examines the demands, and spends as the purpose says. Returns the keys of what is under way from now on.
    ///
    /// Returns nothing where this process no longer has the part of the quotas that the demands are on.
    pub(super) fn run(&self, purpose: Purpose, standings: &mut Standings) -> Option<Result<Taken, Refusal>> {
        let mut reach = Reach::Own;
        // Filled in place here and below: moved, they would cost more than the arithmetic.
        let mut places = Places::new();
        loop {
            let mut shards = Shards::new();
            self.lock(reach, &mut shards);
            if self.ledger.part() != self.part {
                return None;
            }
            places.clear();
            if let Some(refusal) = self.examine(&mut shards, (reach, purpose), &mut places) {
                standings.clear();
                return Some(self.decide(&mut shards, (&places, standings), (purpose, refusal)));
            }
            reach = Reach::Shared;
        }
    }

    /// Finds and examines what each demand is counted by; returns why they cannot all be met, where they cannot.
    ///
    /// Returns nothing where that takes the counts that newcomers share, which are not locked.
    fn examine(
        &self,
        shards: &mut [Locked<'_>],
        (reach, purpose): (Reach, Purpose),
        places: &mut Places,
    ) -> Option<Option<Refusal>> {
        let (mut refusal, mut any_stale) = (None, false);
        for (number, demand) in self.demands.iter().enumerate() {
            let (mut place, is_stale) = self.find(shards, (demand, reach), places)?;
            any_stale |= is_stale;
            let wait = match is_left_out(demand, purpose) {
                true => None,
                false => self.wait(shards, (demand, &place)),
            };
            place.is_over = wait.is_some();
            places.push(place);
            if let Some(retry) = wait.filter(|_| !demand.quota().is_soft()) {
                refusal = Some(
                    refusal.map_or(Refusal { demand: number, retry }, |first: Refusal| Refusal {
                        retry: first.retry.max(retry),
                        ..first
                    }),
                );
            }
        }
        if any_stale {
            for place in places {
                place.at = shard(shards, place.shard)?.find(place.key);
            }
        }
        Some(refusal)
    }

    fn decide(
        &self,
        shards: &mut [Locked<'_>],
        (places, standings): (&[Place], &mut Standings),
        (purpose, refusal): (Purpose, Option<Refusal>),
    ) -> Result<Taken, Refusal> {
        let result = match (purpose, refusal) {
            (Purpose::Charge | Purpose::Look | Purpose::Spend | Purpose::Try, Some(refusal)) => {
                self.note_refusal(shards, places);
                Err(refusal)
            }
            (Purpose::Try, None) if self.must_ask(shards, places) => Ok(Taken {
                must_ask: true,
                ..Taken::default()
            }),
            (Purpose::Look, None) => Ok(Taken::default()),
            (Purpose::Charge | Purpose::Spend | Purpose::Try, None) | (Purpose::Record, _) => {
                let keys = self.spend(shards, (places, standings), purpose);
                return Ok(Taken {
                    keys,
                    ..Taken::default()
                });
            }
        };
        for (demand, place) in self.demands.iter().zip(places) {
            standings.push(self.stand(shards, (demand, place)));
        }
        result
    }

    /// Returns how long a demand must wait, if it must.
    fn wait(&self, shards: &mut [Locked<'_>], (demand, place): (&Demand<'_>, &Place)) -> Option<Retry> {
        let amount = place.amount;
        if demand.limit().is_concurrent() {
            let held = shard(shards, place.shard)?.held(place.key);
            return wait_for_release(demand.limit().quota(), held, amount);
        }
        let wait = |counter: &Counter, now| counter.wait(demand.quota(), amount, (now, self.now));
        self.read(shards, (demand, place), wait).flatten()
    }

    /// Says how a quota stands.
    fn stand(&self, shards: &mut [Locked<'_>], (demand, place): (&Demand<'_>, &Place)) -> Standing {
        let told = told(place);
        let found = if demand.limit().is_concurrent() {
            let quota = demand.limit().quota();
            let held = shard(shards, place.shard).map(|shard| shard.held(place.key));
            held.map(|held| Standing {
                quota,
                remaining: quota.saturating_sub(held),
                ..told
            })
        } else {
            let standing = |counter: &Counter, now| counter.standing(demand.quota(), now, told);
            self.read(shards, (demand, place), standing)
        };
        found.unwrap_or(told)
    }

    /// Reads a demand's counter, or the one that it would begin with.
    fn read<T>(
        &self,
        shards: &mut [Locked<'_>],
        (demand, place): (&Demand<'_>, &Place),
        read: impl FnOnce(&Counter, Moment) -> T,
    ) -> Option<T> {
        let mut new;
        let counter = match place.at {
            Some(at) => shard(shards, place.shard)?.at(at)?,
            None => {
                new = self.new_counter(shards, (demand, place));
                &mut new
            }
        };
        let now = counter.settle(demand.quota(), self.now);
        Some(read(counter, now))
    }

    /// Spends each demand, and says how its quota stands then.
    fn spend(
        &self,
        shards: &mut [Locked<'_>],
        (places, standings): (&[Place], &mut Standings),
        purpose: Purpose,
    ) -> Keys {
        let mut keys = Keys::new();
        let (mut are_new, is_noting) = (false, self.ledger.is_noting());
        for (demand, place) in self.demands.iter().zip(places) {
            are_new |= place.at.is_none();
            let is_concurrent = demand.limit().is_concurrent();
            let is_spent = demand.amount() > 0 && !is_left_out(demand, purpose);
            let is_told =
                is_spent && !is_concurrent && self.spend_counter(shards, (demand, place), standings).is_some();
            if is_spent
                && is_concurrent
                && let Some(shard) = shard(shards, place.shard)
            {
                shard.hold(place.key);
                keys.push(place.key);
            }
            if is_noting && (is_told || is_spent && is_concurrent) {
                self.note(shards, (demand, place), demand.amount());
            }
            if !is_told {
                standings.push(self.stand(shards, (demand, place)));
            }
        }
        if are_new {
            self.sweep(shards, places);
        }
        keys
    }

    /// Spends a demand that counts what passes, and says how its quota stands then.
    fn spend_counter(
        &self,
        shards: &mut [Locked<'_>],
        (demand, place): (&Demand<'_>, &Place),
        standings: &mut Standings,
    ) -> Option<()> {
        let quota = demand.quota();
        let counter = match place.at {
            Some(at) => shard(shards, place.shard)?.at(at)?,
            None => {
                let mut new = self.new_counter(shards, (demand, place));
                new.settle(quota, self.now);
                shard(shards, place.shard)?.entry(place.key, place.owner, new)
            }
        };
        // Settled already, when it was examined or when it was made.
        let now = counter.not_before(self.now);
        counter.spend(quota, demand.amount(), now);
        standings.push(counter.standing(quota, now, told(place)));
        Some(())
    }

    /// Lets newcomers look for counters that hold nothing; the last thing done, for it moves counters about.
    fn sweep(&self, shards: &mut [Locked<'_>], places: &[Place]) {
        for place in places.iter().filter(|place| place.at.is_none()) {
            if let Some(shard) = shard(shards, place.shard) {
                shard.sweep(LOOKS, self.now);
            }
        }
    }

    /// Notes what was spent for the store; with nothing, that this gateway is to hear how the count stands.
    fn note(&self, shards: &mut [Locked<'_>], (demand, place): (&Demand<'_>, &Place), amount: u64) {
        let is_wanted = match demand.limit().is_concurrent() {
            true => self.ledger.is_connected(),
            false => self.ledger.is_noting(),
        };
        if !is_wanted {
            return;
        }
        self.ledger.set_due();
        if let Some(shard) = shard(shards, place.shard) {
            shard.note(place.key, demand.quota(), amount);
        }
    }

    /// Wants to hear of the counts that a refusal is about: elsewhere they may have been reset, or given back.
    fn note_refusal(&self, shards: &mut [Locked<'_>], places: &[Place]) {
        if self.ledger.sharing() == Sharing::Told {
            for (demand, place) in self.demands.iter().zip(places) {
                self.note(shards, (demand, place), 0);
            }
        }
    }

    /// Tells whether this gateway would spend more of a quota than it may before the store knows.
    fn must_ask(&self, shards: &mut [Locked<'_>], places: &[Place]) -> bool {
        let is_blind = |(demand, place): (&Demand<'_>, &Place)| {
            let shard = shard(shards, place.shard);
            !demand.quota().is_soft() && shard.is_some_and(|shard| shard.is_blind(place.key, demand))
        };
        self.ledger.sharing() == Sharing::Told && self.demands.iter().zip(places).any(is_blind)
    }
}

/// Says of a standing what does not hang on the figures.
fn told(place: &Place) -> Standing {
    Standing {
        is_over: place.is_over,
        is_shared: place.owner == Owner::Newcomers,
        ..Standing::default()
    }
}

fn wait_for_release(quota: u64, held: u64, amount: u64) -> Option<Retry> {
    if amount > quota {
        Some(Retry::Never)
    } else if held > quota - amount {
        Some(Retry::Release)
    } else {
        None
    }
}

/// What is under way is neither charged nor recorded: it would never be given back.
fn is_left_out(demand: &Demand<'_>, purpose: Purpose) -> bool {
    demand.limit().is_concurrent() && matches!(purpose, Purpose::Charge | Purpose::Record)
}
