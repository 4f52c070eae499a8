//! Counting with other gateways: what they are still to be told of, and what this one has heard.
//!
//! The ledger of each gateway is a copy of what the store knows, with what was spent since. What a gateway has spent
//! and not yet told is bounded, or the store is asked first: at most [`blind`] of each quota. So all gateways together
//! never pass a quota by more than that for each gateway but one: whoever was the last to hear of the store knew all
//! that had been told, and the others have spent no more than they may without telling.

use super::clock::Moment;
use super::counter::Counter;
use super::demand::{Demand, Quota};
use super::key::Key;
use super::ledger::Ledger;
use super::limit::{Limit, Unit};
use super::shape::Shape;
use super::shard::{Holds, Owner, Shard};

/// How a gateway counts with others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sharing {
    /// There are no others.
    Alone,
    /// There are, and they cannot be told now; what they are to be told is noted.
    Apart,
    /// Nothing passes before the store has agreed.
    Exact,
    /// The store is told afterwards, and asked first where that would be too late.
    Told,
}

/// What the store is still to be told of a count.
#[derive(Debug)]
pub(super) struct Note {
    quota: Quota,
    amount: u64,
    /// What it is being told, and may know or not.
    in_flight: u64,
    is_due: bool,
}

/// What the store is told of a count, in one round.
#[derive(Debug)]
pub(super) enum Due {
    /// So much was spent; how does it stand?
    Spent { key: Key, quota: Box<Quota>, amount: u64 },
    /// So many are under way here.
    UnderWay { key: Key, held: u64 },
}

impl Due {
    pub(super) fn key(&self) -> Key {
        match self {
            Self::Spent { key, .. } | Self::UnderWay { key, .. } => *key,
        }
    }
}

/// Returns how much of a limit a gateway may spend before the store knows: a sixteenth, and at least one request.
/// Bytes are counted as they pass, and have no such bound.
#[must_use]
pub fn blind(limit: &Limit) -> u64 {
    match limit.unit() {
        Unit::Bytes => u64::MAX,
        Unit::Requests => (limit.quota() / 16).max(1),
    }
}

impl Shard {
    /// Notes what was spent.
    pub(super) fn note(&mut self, key: Key, quota: &Quota, amount: u64) {
        if quota.limit().is_concurrent() {
            self.due_holds.insert(key);
            return;
        }
        let note = self.notes.entry(key).or_insert_with(|| Note {
            quota: quota.clone(),
            amount: 0,
            in_flight: 0,
            is_due: true,
        });
        note.amount = note.amount.saturating_add(amount);
        note.is_due = true;
    }

    /// Tells whether a demand would spend more than may be spent before the store knows.
    pub(super) fn is_blind(&self, key: Key, demand: &Demand<'_>) -> bool {
        let untold = if demand.limit().is_concurrent() {
            let count = |holds: &Holds| holds.get(&key).copied().unwrap_or_default();
            count(&self.holds).saturating_sub(count(&self.told_holds))
        } else {
            let untold = |note: &Note| note.amount.saturating_add(note.in_flight);
            self.notes.get(&key).map_or(0, untold)
        };
        untold.saturating_add(demand.amount()) > blind(demand.limit())
    }

    /// Takes out what is due; it counts as untold until the store has answered.
    fn due(&mut self, due: &mut Vec<Due>) {
        for (key, note) in self.notes.iter_mut().filter(|(_, note)| note.is_due) {
            note.in_flight = note.in_flight.saturating_add(note.amount);
            note.amount = 0;
            note.is_due = false;
            due.push(Due::Spent {
                key: *key,
                quota: Box::new(note.quota.clone()),
                amount: note.in_flight,
            });
        }
        for key in self.due_holds.drain() {
            let held = self.holds.get(&key).copied().unwrap_or_default();
            due.push(Due::UnderWay { key, held });
        }
    }

    /// Puts what the store says in the place of a count, with what was spent since it was told.
    fn adopt(&mut self, (key, quota): (Key, &Quota), shape: &Shape, now: Moment) {
        let mut counter = Counter::shaped(shape, now);
        let since = self.notes.get(&key).map_or(0, |note| note.amount);
        if since > 0 {
            let now = counter.settle(quota, now);
            counter.spend(quota, since, now);
        }
        if let Some(known) = self.get(key) {
            *known = counter;
            return;
        }
        let is_overflow = key == quota.overflow();
        if !counter.is_idle(now) && (is_overflow || self.has_room(quota.subjects(), now)) {
            let owner = match is_overflow {
                true => Owner::Newcomers,
                false => Owner::Subject(quota.subjects()),
            };
            self.entry(key, owner, counter);
        }
    }
}

impl Ledger {
    /// Returns what the store is to be told, up to about so many counts, beginning with a part of the ledger; and where
    /// to go on.
    pub(super) fn due(&self, first: usize, most: usize) -> (Vec<Due>, usize) {
        let mut due = Vec::new();
        let mut next = first;
        for _ in 0..self.shards().count() {
            if due.len() >= most {
                self.set_due();
                break;
            }
            next %= self.shards().count();
            if let Some(shard) = self.shard(next) {
                shard.lock().due(&mut due);
            }
            next += 1;
        }
        (due, next)
    }

    /// Takes in how a count stands, now that the store knows what it was told.
    pub(super) fn heard(&self, due: &Due, shape: &Shape, now: Moment) {
        let Some(shard) = self.shard_of(due.key()) else { return };
        let mut shard = shard.lock();
        if let Due::Spent { key, quota, .. } = due {
            if let Some(note) = shard.notes.get_mut(key) {
                note.in_flight = 0;
            }
            shard.adopt((*key, quota), shape, now);
            let is_done = |note: &Note| note.amount == 0 && note.in_flight == 0 && !note.is_due;
            if shard.notes.get(key).is_some_and(is_done) {
                shard.notes.remove(key);
            }
        }
    }

    /// Takes in how many are under way elsewhere, now that the store knows how many are here.
    pub(super) fn heard_elsewhere(&self, (key, held): (Key, u64), elsewhere: u64) {
        let Some(shard) = self.shard_of(key) else { return };
        let mut shard = shard.lock();
        set(&mut shard.told_holds, key, held);
        set(&mut shard.elsewhere, key, elsewhere);
    }

    /// Takes in what the store has granted or refused to a demand of ours, and how the count stands.
    pub(super) fn granted(&self, (key, quota): (Key, &Quota), shape: &Shape, now: Moment) {
        if let Some(shard) = self.shard_of(key) {
            shard.lock().adopt((key, quota), shape, now);
        }
    }

    /// Counts one more as under way, which the store has granted.
    pub(super) fn hold_granted(&self, key: Key) {
        let Some(shard) = self.shard_of(key) else { return };
        let mut shard = shard.lock();
        shard.hold(key);
        *shard.told_holds.entry(key).or_default() += 1;
    }

    /// Goes back to telling all of it: nobody knows whether the store has heard.
    pub(super) fn unheard(&self, due: &[Due]) {
        for due in due {
            let Some(shard) = self.shard_of(due.key()) else {
                continue;
            };
            let mut shard = shard.lock();
            match due {
                Due::Spent { key, .. } => {
                    if let Some(note) = shard.notes.get_mut(key) {
                        note.amount = note.amount.saturating_add(note.in_flight);
                        note.in_flight = 0;
                        note.is_due = true;
                    }
                }
                Due::UnderWay { key, .. } => _ = shard.due_holds.insert(*key),
            }
        }
        self.set_due();
    }

    /// Returns what is in force in a part of the ledger, without what is still to be told; none behind the last part.
    /// What is under way is due to be told.
    pub(super) fn known(&self, number: usize, now: Moment) -> Option<Vec<(Key, Shape)>> {
        let now = self.agreed(now);
        let mut shard = self.shard(number)?.lock();
        let held: Vec<_> = shard.holds.keys().chain(shard.told_holds.keys()).copied().collect();
        shard.due_holds.extend(held);
        shard.elsewhere.clear();
        let in_force = shard.entries().filter(|(_, entry)| !entry.counter.is_idle(now));
        let told = in_force.filter_map(|(key, entry)| {
            let untold = shard.notes.get(&key).map_or(0, |note| note.amount + note.in_flight);
            Some((key, entry.counter.summed(now).shape(now).less(untold)?))
        });
        Some(told.collect())
    }

    /// Returns of how many counts the store is still to be told.
    #[cfg(test)]
    pub(super) fn untold(&self) -> usize {
        let untold = |shard: &parking_lot::Mutex<Shard>| {
            let shard = shard.lock();
            shard.notes.len() + shard.due_holds.len()
        };
        self.shards().map(untold).sum()
    }

    /// Has the store told again what is under way here, and forgets what is elsewhere where nothing is here.
    pub(super) fn remind(&self) {
        for shard in self.shards() {
            let mut shard = shard.lock();
            let shard = &mut *shard;
            shard.due_holds.extend(shard.holds.keys().copied());
            let holds = &shard.holds;
            shard.elsewhere.retain(|key, _| holds.contains_key(key));
        }
        self.set_due();
    }

    /// Returns what a demand is counted by: its own count, or that of newcomers where there is no room.
    pub(super) fn counted_by(&self, demand: &Demand<'_>, now: Moment) -> Key {
        let has_place =
            |shard: &mut Shard| shard.find(demand.key()).is_some() || shard.has_room(demand.quota().subjects(), now);
        let shard = self.shard_of(demand.key());
        match demand.limit().is_concurrent() || shard.is_none_or(|shard| has_place(&mut shard.lock())) {
            true => demand.key(),
            false => demand.overflow(),
        }
    }
}

impl Shape {
    /// Returns what is left without what was spent last; none where nothing is.
    fn less(self, amount: u64) -> Option<Self> {
        match self {
            Self::Bucket {
                missing,
                per,
                age,
                full,
            } => {
                let missing = missing.saturating_sub(u128::from(amount) * u128::from(per));
                (missing > 0).then_some(Self::Bucket {
                    missing,
                    per,
                    age,
                    full,
                })
            }
            Self::Tally { window, amount: all } => {
                let amount = all.saturating_sub(amount);
                (amount > 0).then_some(Self::Tally { window, amount })
            }
            Self::Window {
                window,
                is_exact,
                mut spent,
            } => {
                let mut left = amount;
                while let Some((_, last)) = spent.last_mut() {
                    let off = left.min(*last);
                    left -= off;
                    *last -= off;
                    if *last > 0 {
                        break;
                    }
                    spent.pop();
                }
                (!spent.is_empty()).then_some(Self::Window {
                    window,
                    is_exact,
                    spent,
                })
            }
        }
    }
}

fn set(holds: &mut Holds, key: Key, held: u64) {
    if held == 0 {
        holds.remove(&key);
    } else {
        holds.insert(key, held);
    }
}
