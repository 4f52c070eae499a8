//! How much is done to answer a question: rounds, seconds and counts, or next to nothing for a test.

use std::time::Duration;

use crate::drive::Limit;

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    /// Each thing is done once, and nothing is measured.
    pub(crate) is_test: bool,
}

impl Effort {
    /// The one that only shows that everything works.
    pub(crate) const TEST: Self = Self {
        rounds: 1,
        seconds: 5.0,
        is_test: true,
    };

    /// Returns the usual count of something, or the one for a test.
    pub(crate) fn count(&self, usual: usize, in_test: usize) -> usize {
        if self.is_test { in_test } else { usual }
    }

    /// Returns how long a pass takes, in parts of the usual time.
    pub(crate) fn limit(&self, parts: f64) -> Limit {
        Limit {
            time: Duration::from_secs_f64(self.seconds * parts),
            calls: if self.is_test { 3 } else { u64::MAX },
        }
    }
}
