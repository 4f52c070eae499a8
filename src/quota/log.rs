//! A sliding window that remembers each request: exact, four bytes for each.
//!
//! For quotas up to [`Log::MOST`]; a caller gets each request back the moment its window has passed.

use std::collections::VecDeque;

use super::grain::Grain;

/// The requests in force of a sliding window, each by its time.
#[derive(Clone, Debug)]
pub(super) struct Log {
    notes: VecDeque<u32>,
    /// When the last of them was noted.
    last: u64,
    window: u64,
}

impl Log {
    /// So many requests are remembered at most.
    pub(super) const MOST: u64 = 1_000;

    pub(super) fn new(window: u64) -> Self {
        Self {
            notes: VecDeque::new(),
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
        self.notes.len() as u64
    }

    /// Drops what is no longer in force.
    pub(super) fn settle(&mut self, now: u64) {
        if self.notes.is_empty() {
            return;
        }
        let grain = Grain::of(self.window);
        // Compared in full first: notes of long ago look like new ones.
        if now.saturating_sub(self.last) > self.window.saturating_mul(2) {
            return self.notes.clear();
        }
        while self.notes.front().is_some_and(|note| grain.is_past(*note, now)) {
            self.notes.pop_front();
        }
    }

    /// Notes so many requests; [`Self::settle`] comes first.
    pub(super) fn spend(&mut self, amount: u64, now: u64) {
        let note = Grain::of(self.window).note(now);
        // Nothing asks for more than fits: the quota does not, and what has no quota is counted in slices.
        for _ in 0..amount.min(Self::MOST) {
            self.notes.push_back(note);
        }
        self.last = self.last.max(now);
    }

    /// Returns when so many of the oldest are no longer in force.
    pub(super) fn end_of(&self, amount: u64, now: u64) -> u64 {
        let place = usize::try_from(amount.saturating_sub(1)).unwrap_or(usize::MAX);
        self.notes
            .get(place)
            .map_or(now, |note| Grain::of(self.window).end(*note, now))
    }

    /// Returns when none is in force any more.
    pub(super) fn end(&self, now: u64) -> u64 {
        self.notes
            .back()
            .map_or(now, |note| Grain::of(self.window).end(*note, now))
    }

    /// Returns each that is in force with its moment, oldest first.
    pub(super) fn spendings(&self, now: u64) -> impl Iterator<Item = (u64, u64)> {
        let grain = Grain::of(self.window);
        let in_force = self.notes.iter().filter(move |note| !grain.is_past(**note, now));
        in_force.map(move |note| (grain.moment(*note, now), 1))
    }

    /// Gives back room that a burst has left behind.
    pub(super) fn shrink(&mut self) {
        if self.notes.capacity() > 4 * self.notes.len() + 8 {
            self.notes.shrink_to_fit();
        }
    }
}
