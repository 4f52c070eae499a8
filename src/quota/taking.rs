//! One take: finding the counters of all demands, examining them together, and spending on all or none.
//!
//! # When there is no room
//!
//! A demand whose counter is not there and has no room is met by the count that all newcomers of its quota share. It
//! is rare, so a take first assumes that it does not happen; when it does, it begins again with those counts locked
//! as well. Once there is room, a newcomer begins with what the shared count holds, for some of that may be its own:
//! it may wait longer than it ought to, and never gets more.

use parking_lot::MutexGuard;
use smallvec::SmallVec;

use super::clock::Moment;
use super::counter::Counter;
use super::demand::Demand;
use super::handover::Part;
use super::hold::{Keys, Taken};
use super::key::Key;
use super::ledger::Ledger;
use super::shard::{LOOKS, Owner, Shard};
use super::sharing::Sharing;
use super::standing::{FEW, Refusal, Retry, Standing, Standings};

/// One take.
pub(super) struct Taking<'a> {
    ledger: &'a Ledger,
    demands: &'a [Demand<'a>],
    /// Which part of the quotas the demands are on.
    part: Part,
    now: Moment,
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

/// A shard that is locked, by its number.
type Locked<'a> = (usize, MutexGuard<'a, Shard>);

/// Where a demand is counted.
#[derive(Clone, Copy)]
struct Place {
    key: Key,
    /// In which of the shards that are locked.
    shard: usize,
    /// Where in its shard, if it is there.
    at: Option<usize>,
    /// What is asked of it by this demand and those before.
    amount: u64,
    owner: Owner,
    /// Whether a new counter begins with what newcomers share.
    is_seeded: bool,
}

/// Whether the counts that newcomers share are locked too.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Reach {
    Own,
    Shared,
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
        let mut places = SmallVec::<[Place; FEW]>::new();
        loop {
            let mut shards = SmallVec::<[Locked<'_>; FEW]>::new();
            self.lock(reach, &mut shards);
            if self.ledger.part() != self.part {
                return None;
            }
            places.clear();
            if self.find(&mut shards, reach, &mut places).is_some() {
                standings.clear();
                standings.resize(places.len(), Standing::default());
                return Some(self.decide(&mut shards, (&places, standings), purpose));
            }
            reach = Reach::Shared;
        }
    }

    /// Locks the shards of all demands, in the order of their numbers.
    fn lock(&self, reach: Reach, locked: &mut SmallVec<[Locked<'a>; FEW]>) {
        let mut numbers = SmallVec::<[usize; FEW]>::new();
        for demand in self.demands {
            numbers.push(self.ledger.number_of(demand.key()));
            if reach == Reach::Shared {
                numbers.push(self.ledger.number_of(demand.overflow()));
            }
        }
        numbers.sort_unstable();
        for number in &numbers {
            let is_locked = locked.last().is_some_and(|(last, _)| last == number);
            if !is_locked && let Some(shard) = self.ledger.shard(*number) {
                locked.push((*number, shard.lock()));
            }
        }
    }

    /// Finds where each demand is counted; nothing where that takes the shared counts, which are not locked.
    fn find(&self, shards: &mut [Locked<'_>], reach: Reach, places: &mut SmallVec<[Place; FEW]>) -> Option<()> {
        // Read under the locks: whoever shares a count of ours has held one of them.
        let has_shared = self.ledger.has_shared();
        let mut is_stale = false;
        for demand in self.demands {
            let mut place = Place {
                key: demand.key(),
                shard: self.find_shard(shards, demand.key())?,
                at: None,
                amount: demand.amount(),
                owner: Owner::Subject(demand.quota().subjects()),
                is_seeded: false,
            };
            if !demand.limit().is_concurrent() {
                let shard = shard(shards, place.shard)?;
                place.at = shard.find(place.key);
                if place.at.is_none() {
                    let before = shard.len();
                    let has_room = shard.has_room(demand.quota().subjects(), self.now);
                    is_stale |= shard.len() < before;
                    if reach == Reach::Own && (!has_room || has_shared) {
                        return None;
                    }
                    place.is_seeded = has_room && has_shared;
                    if !has_room {
                        place = self.overflow(shards, demand)?;
                    }
                }
            }
            if let Some(before) = places.iter().rev().find(|before| before.key == place.key) {
                place.amount = place.amount.saturating_add(before.amount);
            }
            places.push(place);
        }
        if is_stale {
            for place in places {
                place.at = shard(shards, place.shard)?.find(place.key);
            }
        }
        Some(())
    }

    /// Finds the count that the newcomers of a demand's quota share.
    fn overflow(&self, shards: &mut [Locked<'_>], demand: &Demand<'_>) -> Option<Place> {
        let key = demand.overflow();
        let number = self.find_shard(shards, key)?;
        Some(Place {
            key,
            shard: number,
            at: shard(shards, number)?.find(key),
            amount: demand.amount(),
            owner: Owner::Newcomers,
            is_seeded: false,
        })
    }

    /// Finds the shard of a key among those that are locked.
    fn find_shard(&self, shards: &[Locked<'_>], key: Key) -> Option<usize> {
        let number = self.ledger.number_of(key);
        shards.iter().position(|(locked, _)| *locked == number)
    }

    fn decide(
        &self,
        shards: &mut [Locked<'_>],
        (places, standings): (&[Place], &mut [Standing]),
        purpose: Purpose,
    ) -> Result<Taken, Refusal> {
        let mut refusal: Option<Refusal> = None;
        for (number, ((demand, place), standing)) in self.demands.iter().zip(places).zip(&mut *standings).enumerate() {
            let wait = match is_left_out(demand, purpose) {
                true => None,
                false => self.examine(shards, (demand, place)),
            };
            standing.is_over = wait.is_some();
            standing.is_shared = place.owner == Owner::Newcomers;
            if let Some(retry) = wait.filter(|_| !demand.quota().is_soft()) {
                let first = refusal.map_or(number, |refusal| refusal.demand);
                let retry = refusal.map_or(retry, |refusal| refusal.retry.max(retry));
                refusal = Some(Refusal { demand: first, retry });
            }
        }
        let must_ask = purpose == Purpose::Try && refusal.is_none() && self.must_ask(shards, places);
        let result = match (purpose, refusal) {
            (Purpose::Charge | Purpose::Look | Purpose::Spend | Purpose::Try, Some(refusal)) => {
                self.note_refusal(shards, places);
                Err(refusal)
            }
            (Purpose::Try, None) if must_ask => Ok(Taken {
                must_ask,
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
        for ((demand, place), standing) in self.demands.iter().zip(places).zip(standings) {
            *standing = self.stand(shards, (demand, place), *standing);
        }
        result
    }

    /// Returns how long a demand must wait, if it must.
    fn examine(&self, shards: &mut [Locked<'_>], (demand, place): (&Demand<'_>, &Place)) -> Option<Retry> {
        let amount = place.amount;
        if demand.limit().is_concurrent() {
            let held = shard(shards, place.shard)?.held(place.key);
            return wait_for_release(demand.limit().quota(), held, amount);
        }
        let wait = |counter: &Counter, now| counter.wait(demand.quota(), amount, (now, self.now));
        self.read(shards, (demand, place), wait).flatten()
    }

    /// Says how a quota stands.
    fn stand(&self, shards: &mut [Locked<'_>], (demand, place): (&Demand<'_>, &Place), told: Standing) -> Standing {
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
        if let Some(at) = place.at {
            let counter = shard(shards, place.shard)?.at(at)?;
            let now = counter.settle(demand.quota(), self.now);
            return Some(read(counter, now));
        }
        let mut counter = self.new_counter(shards, demand, place);
        let now = counter.settle(demand.quota(), self.now);
        Some(read(&counter, now))
    }

    /// Spends each demand, and says how its quota stands then.
    fn spend(
        &self,
        shards: &mut [Locked<'_>],
        (places, standings): (&[Place], &mut [Standing]),
        purpose: Purpose,
    ) -> Keys {
        let mut keys = Keys::new();
        for ((demand, place), standing) in self.demands.iter().zip(places).zip(standings) {
            let is_spent = !is_left_out(demand, purpose) && demand.amount() > 0;
            if is_spent && demand.limit().is_concurrent() {
                if let Some(shard) = shard(shards, place.shard) {
                    shard.hold(place.key);
                    keys.push(place.key);
                }
                self.note(shards, (demand, place), 1);
            } else if is_spent && let Some(told) = self.spend_counter(shards, (demand, place), *standing) {
                *standing = told;
                self.note(shards, (demand, place), demand.amount());
                continue;
            }
            *standing = self.stand(shards, (demand, place), *standing);
        }
        self.sweep(shards, places);
        keys
    }

    fn spend_counter(
        &self,
        shards: &mut [Locked<'_>],
        (demand, place): (&Demand<'_>, &Place),
        told: Standing,
    ) -> Option<Standing> {
        let quota = demand.quota();
        let counter = match place.at {
            Some(at) => shard(shards, place.shard)?.at(at)?,
            None => {
                let mut new = self.new_counter(shards, demand, place);
                new.settle(quota, self.now);
                shard(shards, place.shard)?.entry(place.key, place.owner, new)
            }
        };
        // Settled already, when it was examined or when it was made.
        let now = counter.not_before(self.now);
        counter.spend(quota, demand.amount(), now);
        Some(counter.standing(quota, now, told))
    }

    /// Lets newcomers look for counters that hold nothing; the last thing done, for it moves counters about.
    fn sweep(&self, shards: &mut [Locked<'_>], places: &[Place]) {
        for place in places.iter().filter(|place| place.at.is_none()) {
            if let Some(shard) = shard(shards, place.shard) {
                shard.sweep(LOOKS, self.now);
            }
        }
    }

    /// Returns a new counter, which begins with what newcomers share where they share a count.
    fn new_counter(&self, shards: &mut [Locked<'_>], demand: &Demand<'_>, place: &Place) -> Counter {
        let shared = match place.is_seeded {
            true => self
                .overflow(shards, demand)
                .and_then(|place| shard(shards, place.shard)?.at(place.at?)),
            false => None,
        };
        shared.map_or_else(|| Counter::new(demand.quota(), self.now), |shared| shared.clone())
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

/// Returns a shard by its place among those that are locked.
fn shard<'b>(shards: &'b mut [Locked<'_>], place: usize) -> Option<&'b mut Shard> {
    shards.get_mut(place).map(|(_, shard)| &mut **shard)
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
