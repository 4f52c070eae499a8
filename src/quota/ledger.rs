//! The ledger: every count, in parts of which each has its lock.
//!
//! [`Ledger::take`] locks the parts that a request's counters are in, in one order so that no two requests wait for
//! each other, examines all of them, and only then spends. What it does under the locks is arithmetic: it neither
//! waits nor, once a counter is there, allocates.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::clock::Moment;
use super::demand::Demand;
use super::handover::Part;
use super::hold::{Hold, Keys, Taken};
use super::key::{Key, Secret};
use super::shard::Shard;
use super::sharing::Sharing;
use super::standing::{Answer, Refusal, Standings};
use super::taking::Purpose;

/// Every count of a process.
#[derive(Debug)]
pub struct Ledger {
    shards: Box<[Padded]>,
    secret: Secret,
    /// So many counters are shared by newcomers.
    shared: Arc<AtomicUsize>,
    /// The shard that is swept next.
    next: AtomicUsize,
    room: usize,
    /// Which part of the quotas this process has: a number of [`PARTS`].
    part: AtomicUsize,
    /// What is spent of the part of a process that leaves.
    aside: Mutex<Option<Arc<Self>>>,
    /// How it counts with other gateways: a number of [`SHARINGS`].
    sharing: AtomicUsize,
    /// How many microseconds the clock of the store is ahead of ours.
    ahead: AtomicI64,
    /// What was reset here, and is to be in the store.
    forgotten: Mutex<Vec<Key>>,
    /// Whether anything was noted for the others.
    is_due: AtomicBool,
}

/// A shard on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Padded(Mutex<Shard>);

impl Ledger {
    /// Opens an empty ledger with room for so many counters.
    ///
    /// The secret is that of earlier counts, where there are any: see [`Kept::secret`](super::Kept::secret).
    #[must_use]
    pub fn new(secret: Secret, room: usize) -> Arc<Self> {
        let shards = (room / COUNTERS_A_SHARD).clamp(1, MOST_SHARDS).next_power_of_two();
        let shared = Arc::new(AtomicUsize::new(0));
        let shard = || Padded(Mutex::new(Shard::new(room.div_ceil(shards), Arc::clone(&shared))));
        Arc::new(Self {
            shards: (0..shards).map(|_| shard()).collect(),
            secret,
            shared,
            next: AtomicUsize::new(0),
            room,
            part: AtomicUsize::new(0),
            aside: Mutex::new(None),
            sharing: AtomicUsize::new(0),
            ahead: AtomicI64::new(0),
            forgotten: Mutex::default(),
            is_due: AtomicBool::new(false),
        })
    }

    /// Returns what keys are made with.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Spends what is demanded, all of it or nothing.
    ///
    /// Demands on the same count are added up. A soft quota is spent beyond its end, and said to be over.
    pub fn take(self: &Arc<Self>, demands: &[Demand<'_>], now: Moment) -> Answer<Hold> {
        let mut standings = Standings::new();
        let result = self.spend(demands, now, &mut standings);
        Answer { standings, result }
    }

    /// Spends as [`Self::take`] does, and says in their place how the quotas stand.
    pub(super) fn spend(
        self: &Arc<Self>,
        demands: &[Demand<'_>],
        now: Moment,
        standings: &mut Standings,
    ) -> Result<Hold, Refusal> {
        let taken = self.ask(demands, (Purpose::Spend, now), standings)?;
        Ok(Hold::new(self, taken))
    }

    /// Spends as [`Self::spend`] does where this gateway may say so alone; none where the store must be asked first, and
    /// then nothing is spent.
    pub(super) fn try_spend(
        self: &Arc<Self>,
        demands: &[Demand<'_>],
        now: Moment,
        standings: &mut Standings,
    ) -> Option<Result<Hold, Refusal>> {
        if self.sharing() == Sharing::Exact && !demands.is_empty() {
            return None;
        }
        match self.ask(demands, (Purpose::Try, now), standings) {
            Ok(Taken { must_ask: true, .. }) => None,
            Ok(taken) => Some(Ok(Hold::new(self, taken))),
            Err(refusal) => Some(Err(refusal)),
        }
    }

    /// Tells what [`Self::take`] would answer, and spends nothing.
    pub fn look(&self, demands: &[Demand<'_>], now: Moment) -> Answer<()> {
        let mut standings = Standings::new();
        let result = self.ask(demands, (Purpose::Look, now), &mut standings).map(drop);
        Answer { standings, result }
    }

    /// Spends bytes or requests as they pass, all of them or nothing; demands on what is under way are left out.
    ///
    /// This is [`Self::take`] for what is only known when it passes, such as the parts of a body.
    pub fn charge(&self, demands: &[Demand<'_>], now: Moment) -> Answer<()> {
        let mut standings = Standings::new();
        let result = self.ask(demands, (Purpose::Charge, now), &mut standings).map(drop);
        Answer { standings, result }
    }

    /// Counts what has passed already, within the quota or not.
    pub fn record(&self, demands: &[Demand<'_>], now: Moment) {
        _ = self.ask(demands, (Purpose::Record, now), &mut Standings::new());
    }

    /// Forgets what a subject has spent; tells whether anything was known. What is under way stays so.
    ///
    /// Other gateways forget it when the store is told; of those that are not told yet, 10,000 are kept.
    pub fn reset(&self, key: Key) -> bool {
        if self.is_noting() {
            self.forget_elsewhere(&[key]);
        }
        self.shard_of(key).is_some_and(|shard| shard.lock().remove(key))
    }

    /// Forgets counters that hold nothing, in the next part of the ledger, and gives back their memory.
    ///
    /// Newcomers do this as they come; call it from time to time, so that memory also returns when nobody comes.
    pub fn sweep(&self, now: Moment) {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.shards.len();
        if let Some(shard) = self.shard(next) {
            let mut shard = shard.lock();
            let all = shard.len();
            shard.sweep(all, now);
            shard.shrink();
        }
    }

    /// Returns how many counters there are, and how many of them newcomers share for want of room.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        let all = self.shards.iter().map(|shard| shard.0.lock().len()).sum();
        (all, self.shared.load(Ordering::Relaxed))
    }

    pub(super) fn release(&self, keys: &Keys) {
        for key in keys {
            let Some(shard) = self.shard_of(*key) else { continue };
            let mut shard = shard.lock();
            if let Some(held) = shard.holds.get_mut(key) {
                *held -= 1;
                if *held == 0 {
                    shard.holds.remove(key);
                }
            }
            if self.is_connected() {
                shard.due_holds.insert(*key);
                self.set_due();
            }
        }
    }

    /// Returns how this gateway counts with others.
    pub(super) fn sharing(&self) -> Sharing {
        let number = self.sharing.load(Ordering::Relaxed);
        SHARINGS.get(number).copied().unwrap_or(Sharing::Alone)
    }

    pub(super) fn set_sharing(&self, sharing: Sharing) {
        let number = SHARINGS.iter().position(|other| *other == sharing).unwrap_or_default();
        self.sharing.store(number, Ordering::Relaxed);
    }

    /// Tells whether what is spent is noted for others.
    pub(super) fn is_noting(&self) -> bool {
        self.sharing() != Sharing::Alone
    }

    /// Has the store told to forget these.
    pub(super) fn forget_elsewhere(&self, keys: &[Key]) {
        let mut forgotten = self.forgotten.lock();
        let room = MOST_FORGOTTEN.saturating_sub(forgotten.len());
        forgotten.extend(keys.iter().take(room));
        self.set_due();
    }

    /// Returns what the store is to forget.
    pub(super) fn forgotten(&self) -> Vec<Key> {
        std::mem::take(&mut self.forgotten.lock())
    }

    /// Tells whether the others are being told. Where not, all that is under way is told when they are.
    pub(super) fn is_connected(&self) -> bool {
        matches!(self.sharing(), Sharing::Exact | Sharing::Told)
    }

    pub(super) fn set_due(&self) {
        self.is_due.store(true, Ordering::Release);
    }

    /// Tells whether anything was noted since this was last asked.
    pub(super) fn was_due(&self) -> bool {
        self.is_due.swap(false, Ordering::AcqRel)
    }

    /// Returns a moment as the store's clock tells it; our own where there is none.
    pub(super) fn agreed(&self, now: Moment) -> Moment {
        let ahead = self.ahead.load(Ordering::Relaxed);
        Moment {
            wall: now.wall.saturating_add(ahead),
            ..now
        }
    }

    pub(super) fn set_ahead(&self, micros: i64) {
        self.ahead.store(micros, Ordering::Relaxed);
    }

    /// Returns which part of the quotas this process has; under a lock, the one that what is locked is spent by.
    pub(super) fn part(&self) -> Part {
        let number = self.part.load(Ordering::SeqCst);
        PARTS.get(number).copied().unwrap_or(Part::Whole)
    }

    pub(super) fn set_part(&self, part: Part) {
        let number = PARTS.iter().position(|other| *other == part).unwrap_or_default();
        self.part.store(number, Ordering::SeqCst);
    }

    /// Returns where is counted what is spent of the part of a process that leaves.
    pub(super) fn aside(&self) -> Arc<Self> {
        let mut aside = self.aside.lock();
        let made = aside.get_or_insert_with(|| Self::new(self.secret, self.room));
        Arc::clone(made)
    }

    pub(super) fn forget_aside(&self) {
        *self.aside.lock() = None;
    }

    /// Tells whether newcomers share any counter.
    pub(super) fn has_shared(&self) -> bool {
        self.shared.load(Ordering::Relaxed) > 0
    }

    /// Returns the number of the shard that a key's count is in.
    pub(super) fn number_of(&self, key: Key) -> usize {
        // There are a power of two of them, at least one.
        usize::try_from(key.shard_bits() & (self.shards.len() as u64 - 1)).unwrap_or_default()
    }

    pub(super) fn shard(&self, number: usize) -> Option<&Mutex<Shard>> {
        self.shards.get(number).map(|padded| &padded.0)
    }

    pub(super) fn shard_of(&self, key: Key) -> Option<&Mutex<Shard>> {
        self.shard(self.number_of(key))
    }

    pub(super) fn shards(&self) -> impl Iterator<Item = &Mutex<Shard>> {
        self.shards.iter().map(|padded| &padded.0)
    }
}

/// Where there is less room, there are fewer shards, so that one of them is not full long before the others.
const COUNTERS_A_SHARD: usize = 1_024;

const MOST_SHARDS: usize = 256;

const MOST_FORGOTTEN: usize = 10_000;

const SHARINGS: [Sharing; 4] = [Sharing::Alone, Sharing::Apart, Sharing::Exact, Sharing::Told];

const PARTS: [Part; 3] = [Part::Whole, Part::Staying, Part::Leaving];
