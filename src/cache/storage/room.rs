//! The part of the bound that is for bodies on their way: those that are being stored, and those that have left the
//! table but are still being read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much may be on its way, and how much is.
pub(super) struct Space {
    bound: u64,
    used: AtomicU64,
    users: AtomicU64,
}

/// What one body on its way has taken of the space; given back when it is dropped.
pub(super) struct Room {
    space: Arc<Space>,
    bytes: u64,
}

impl Space {
    /// Makes a space of so many bytes.
    pub(super) fn new(bound: u64) -> Arc<Self> {
        Arc::new(Self {
            bound,
            used: AtomicU64::new(0),
            users: AtomicU64::new(0),
        })
    }

    /// Returns the bytes on their way.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    /// Returns the bodies on their way.
    pub(super) fn users(&self) -> u64 {
        self.users.load(Ordering::Acquire)
    }

    /// Takes room for so many bytes; `None` if there is none.
    pub(super) fn take(self: &Arc<Self>, bytes: u64) -> Option<Room> {
        let mut room = self.hold(0);
        room.grow(bytes).then_some(room)
    }

    /// Takes room for bytes that are there anyway, even if there is none.
    pub(super) fn hold(self: &Arc<Self>, bytes: u64) -> Room {
        self.users.fetch_add(1, Ordering::AcqRel);
        self.used.fetch_add(bytes, Ordering::AcqRel);
        Room {
            space: Arc::clone(self),
            bytes,
        }
    }
}

impl Room {
    /// Takes as much as so many bytes are, a step at a time; false, with as much as before, if there is not as much.
    pub(super) fn reach(&mut self, bytes: u64) -> bool {
        bytes <= self.bytes || self.grow((bytes - self.bytes).max(STEP)) || self.grow(bytes - self.bytes)
    }

    fn grow(&mut self, bytes: u64) -> bool {
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.space.bound);
        let grown = self.space.used.try_update(Ordering::AcqRel, Ordering::Acquire, fits);
        if grown.is_ok() {
            self.bytes += bytes;
        }
        grown.is_ok()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.space.used.fetch_sub(self.bytes, Ordering::AcqRel);
        self.space.users.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What a body of unannounced length takes at a time.
const STEP: u64 = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_and_never_more_than_there_is() {
        let space = Space::new(10);
        let mut first = space.take(6).unwrap();
        assert!(space.take(5).is_none() && !first.grow(5) && first.grow(4));
        assert_eq!((space.used(), space.users()), (10, 1));
        let held = space.hold(7);
        drop(first);
        assert_eq!((space.used(), space.users()), (7, 1));
        drop(held);
        assert_eq!((space.used(), space.users()), (0, 0));
    }
}
