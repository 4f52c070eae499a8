//! Finding where the demands of a take are counted, and locking what they are counted in.
//!
//! # When there is no room
//!
//! A demand whose counter is not there and has no room is met by the count that all newcomers of its quota share. It
//! is rare, so a take first assumes that it does not happen; when it does, it begins again with those counts locked
//! as well. Once there is room, a newcomer begins with what the shared count holds, for some of that may be its own:
//! it may wait longer than it ought to, and never gets more.

use parking_lot::MutexGuard;
use smallvec::SmallVec;

use super::counter::Counter;
use super::demand::Demand;
use super::key::Key;
use super::shard::{Owner, Shard};
use super::standing::FEW;
use super::taking::Taking;

/// The shards that a take has locked.
pub(super) type Shards<'a> = SmallVec<[Locked<'a>; FEW]>;

/// A shard that is locked, by its number.
pub(super) type Locked<'a> = (usize, MutexGuard<'a, Shard>);

/// Where the demands of a take are counted, in their order.
pub(super) type Places = SmallVec<[Place; FEW]>;

/// Where a demand is counted, and what was found there.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) key: Key,
    /// In which of the shards that are locked.
    pub(super) shard: usize,
    /// Where in its shard, if it is there.
    pub(super) at: Option<usize>,
    /// What is asked of it by this demand and those before.
    pub(super) amount: u64,
    /// Whether that is beyond the quota.
    pub(super) is_over: bool,
    pub(super) owner: Owner,
    /// Whether a new counter begins with what newcomers share.
    pub(super) is_seeded: bool,
}

/// Whether the counts that newcomers share are locked too.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Reach {
    Own,
    Shared,
}

impl<'a> Taking<'a> {
    /// Locks the shards of all demands, in the order of their numbers.
    pub(super) fn lock(&self, reach: Reach, locked: &mut Shards<'a>) {
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

    /// Finds where a demand is counted; nothing where that takes the shared counts, which are not locked.
    ///
    /// Tells as well whether places that were found before are no longer true.
    pub(super) fn find(
        &self,
        shards: &mut [Locked<'_>],
        (demand, reach): (&Demand<'_>, Reach),
        before: &[Place],
    ) -> Option<(Place, bool)> {
        let key = demand.key();
        let number = self.find_shard(shards, key)?;
        let mut place = Place {
            key,
            shard: number,
            at: None,
            amount: demand.amount(),
            is_over: false,
            owner: Owner::Subject(demand.quota().subjects()),
            is_seeded: false,
        };
        let mut is_stale = false;
        if !demand.limit().is_concurrent() {
            place.at = shard(shards, number)?.find(key);
            if place.at.is_none() {
                is_stale = self.make_room(shards, (demand, reach), &mut place)?;
            }
        }
        if let Some(before) = before.iter().rev().find(|before| before.key == place.key) {
            place.amount = place.amount.saturating_add(before.amount);
        }
        Some((place, is_stale))
    }

    /// Finds room for a newcomer, or the count that those have in common for whom there is none. Tells whether counters
    /// were moved about for that.
    #[cold]
    fn make_room(
        &self,
        shards: &mut [Locked<'_>],
        (demand, reach): (&Demand<'_>, Reach),
        place: &mut Place,
    ) -> Option<bool> {
        // Read under the locks: whoever shares a count of ours has held one of them.
        let has_shared = self.ledger.has_shared();
        let shard = shard(shards, place.shard)?;
        let before = shard.len();
        let has_room = shard.has_room(demand.quota().subjects(), self.now);
        let is_stale = shard.len() < before;
        if reach == Reach::Own && (!has_room || has_shared) {
            return None;
        }
        place.is_seeded = has_room && has_shared;
        if !has_room {
            *place = self.overflow(shards, demand)?;
        }
        Some(is_stale)
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
            is_over: false,
            owner: Owner::Newcomers,
            is_seeded: false,
        })
    }

    /// Finds the shard of a key among those that are locked.
    fn find_shard(&self, shards: &[Locked<'_>], key: Key) -> Option<usize> {
        let number = self.ledger.number_of(key);
        shards.iter().position(|(locked, _)| *locked == number)
    }

    /// Returns a new counter, which begins with what newcomers share where they share a count.
    #[cold]
    pub(super) fn new_counter(&self, shards: &mut [Locked<'_>], (demand, place): (&Demand<'_>, &Place)) -> Counter {
        let shared = match place.is_seeded {
            true => self
                .overflow(shards, demand)
                .and_then(|place| shard(shards, place.shard)?.at(place.at?)),
            false => None,
        };
        shared.map_or_else(|| Counter::new(demand.quota(), self.now), |shared| shared.clone())
    }
}

/// Returns a shard by its place among those that are locked.
pub(super) fn shard<'b>(shards: &'b mut [Locked<'_>], place: usize) -> Option<&'b mut Shard> {
    shards.get_mut(place).map(|(_, shard)| &mut **shard)
}
