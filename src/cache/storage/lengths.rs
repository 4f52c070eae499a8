//! Whose last body was large and said its length: what the door for a request is chosen by.

use std::sync::atomic::{AtomicU64, Ordering};

/// Remembers whose last body was large and said its length: one key a slot, the last of those that share it.
pub(super) struct Lengths {
    slots: Box<[AtomicU64]>,
    hasher: ahash::RandomState,
}

impl Lengths {
    /// Remembers nothing yet.
    pub(super) fn new() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            hasher: ahash::RandomState::new(),
        }
    }

    /// Tells whether the last body of a key was large and said its length.
    pub(super) fn are_said(&self, primary: &[u8]) -> bool {
        let (hash, slot) = self.slot(primary);
        slot.is_some_and(|slot| slot.load(Ordering::Relaxed) == hash)
    }

    /// Notes what the head of a response says.
    pub(super) fn note(&self, primary: &[u8], announced: Option<u64>) {
        let (hash, slot) = self.slot(primary);
        let Some(slot) = slot else { return };
        if announced.is_some_and(|bytes| bytes >= LARGE) {
            slot.store(hash, Ordering::Relaxed);
        } else if slot.load(Ordering::Relaxed) == hash {
            slot.store(0, Ordering::Relaxed);
        }
    }

    fn slot(&self, primary: &[u8]) -> (u64, Option<&AtomicU64>) {
        // 0 is an empty slot.
        let hash = self.hasher.hash_one(primary) | 1 << 63;
        let place = usize::try_from(hash % self.slots.len() as u64).unwrap_or(0);
        (hash, self.slots.get(place))
    }
}

/// Keys that are remembered, and from which size on: smaller bodies arrive at once.
const SLOTS: usize = 4096;
const LARGE: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_bodies_that_say_their_length_are_remembered() {
        let lengths = Lengths::new();
        assert!(!lengths.are_said(b"a"));
        lengths.note(b"a", Some(LARGE));
        assert!(lengths.are_said(b"a"));
        lengths.note(b"a", Some(LARGE - 1));
        assert!(!lengths.are_said(b"a"));
        lengths.note(b"a", Some(LARGE));
        lengths.note(b"a", None);
        assert!(!lengths.are_said(b"a"));
    }
}
