//! A sliding window that remembers sums: any quota in at most 66 entries of twelve bytes.
//!
//! The window is cut into slices. All of a slice is in force until its last spending is not, so what counts is never
//! less than what passed in the window, and a caller that never stops asking gets at least 95 % of its quota.

use std::collections::VecDeque;

use super::grain::Grain;

/// What is in force of a sliding window, summed by slices.
#[derive(Clone, Debug)]
pub(super) struct Slices {
    runs: VecDeque<Run>,
    total: u64,
    /// When something was last spent.
    last: u64,
    window: u64,
}

/// What was spent in a slice.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// When the last of it was spent.
    note: u32,
    /// How much: in halves, for eight bytes together would be aligned to eight.
    amount: [u32; 2],
}

impl Slices {
    pub(super) fn new(window: u64) -> Self {
        Self {
            runs: VecDeque::new(),
            total: 0,
            last: 0,
            window,
        }
    }

    pub(super) fn window(&self) -> u64 {
        self.window
    }

    pub(super) fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn used(&self) -> u64 {
        self.total
    }

    /// Drops what is no longer in force.
    pub(super) fn settle(&mut self, now: u64) {
        if self.runs.is_empty() {
            return;
        }
        if now.saturating_sub(self.last) > self.window.saturating_mul(2) {
            self.runs.clear();
        }
        let grain = Grain::of(self.window);
        while let Some(run) = self.runs.front().filter(|run| grain.is_past(run.note, now)) {
            self.total = self.total.saturating_sub(run.amount());
            self.runs.pop_front();
        }
        if self.runs.is_empty() {
            // Sums that had reached the largest number are no longer right.
            self.total = 0;
        }
    }

    /// Adds to the slice that now is in; [`Self::settle`] comes first.
    pub(super) fn spend(&mut self, amount: u64, now: u64) {
        let grain = Grain::of(self.window);
        let note = grain.note(now);
        // What no longer fits into 64 bits is not counted: nobody can have had so much.
        let amount = amount.min(u64::MAX - self.total);
        match self.runs.back_mut() {
            Some(run) if grain.share_a_slice(run.note, note) => {
                *run = Run::new(note, run.amount().saturating_add(amount));
            }
            Some(_) | None => self.runs.push_back(Run::new(note, amount)),
        }
        self.total += amount;
        self.last = self.last.max(now);
    }

    /// Returns when so much of the oldest is no longer in force.
    pub(super) fn end_of(&self, amount: u64, now: u64) -> u64 {
        let grain = Grain::of(self.window);
        let mut sum = 0_u64;
        let enough = self.runs.iter().find(|run| {
            sum = sum.saturating_add(run.amount());
            sum >= amount
        });
        enough.map_or(now, |run| grain.end(run.note, now))
    }

    /// Returns when nothing is in force any more.
    pub(super) fn end(&self, now: u64) -> u64 {
        self.runs
            .back()
            .map_or(now, |run| Grain::of(self.window).end(run.note, now))
    }

    /// Returns what is in force with the moment up to which it was, oldest first.
    pub(super) fn spendings(&self, now: u64) -> impl Iterator<Item = (u64, u64)> {
        let grain = Grain::of(self.window);
        let in_force = self.runs.iter().filter(move |run| !grain.is_past(run.note, now));
        in_force.map(move |run| (grain.moment(run.note, now), run.amount()))
    }

    /// Gives back room that is no longer needed.
    pub(super) fn shrink(&mut self) {
        if self.runs.capacity() > 4 * self.runs.len() + 4 {
            self.runs.shrink_to_fit();
        }
    }
}

impl Run {
    fn new(note: u32, amount: u64) -> Self {
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        Self {
            note,
            amount: [half(amount >> 32), half(amount)],
        }
    }

    fn amount(&self) -> u64 {
        let [high, low] = self.amount;
        u64::from(high) << 32 | u64::from(low)
    }
}
