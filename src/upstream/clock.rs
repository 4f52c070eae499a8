//! The pool's clock: milliseconds since it was first asked, small enough for an atomic.
//!
//! Everything that counts time takes it as a parameter; only the edges of this module ask here.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns the present moment.
pub(super) fn now() -> u64 {
    at(Instant::now())
}

/// Returns a moment as this clock has it; never zero, which means "no moment" to those who store one.
pub(super) fn at(moment: Instant) -> u64 {
    millis(moment.saturating_duration_since(*START)).saturating_add(1)
}

/// Returns the moment that lies a period after another.
pub(super) fn after(now: u64, period: Duration) -> u64 {
    now.saturating_add(millis(period))
}

fn millis(period: Duration) -> u64 {
    u64::try_from(period.as_millis()).unwrap_or(u64::MAX)
}
