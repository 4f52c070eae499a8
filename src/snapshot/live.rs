//! The one pointer that requests read: everything that is served, swapped whole.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

/// A value that many read and one replaces.
///
/// Readers take an owned `Arc` once and keep it; a guard is never held across an await, because many live guards
/// degrade every other reader.
pub struct Live<T>(ArcSwap<T>);

impl<T> Live<T> {
    /// Starts with a first value.
    pub fn new(first: T) -> Self {
        Self(ArcSwap::from_pointee(first))
    }

    /// Returns what is live now.
    pub fn current(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Makes a value live and returns the one before it.
    pub fn replace(&self, next: T) -> Arc<T> {
        self.0.swap(Arc::new(next))
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.current()).finish()
    }
}
