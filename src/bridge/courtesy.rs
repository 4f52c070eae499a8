//! Work that lets traffic go first.

use std::panic::resume_unwind;
use std::thread;

use admin::courtesy::courteous;
use rustix::process::nice;

/// Does something that takes processor time, in a thread that waits while traffic wants the processors. It blocks.
///
/// On a machine that is busy through and through it still gets about a sixth of a processor.
pub(super) fn behind_traffic<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let courteous = || {
        // Where it may not step back, it works all the same.
        let _ = nice(NICENESS);
        courteous(work)
    };
    thread::scope(|scope| scope.spawn(courteous).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

/// Added to the niceness of the process; each step takes a fifth of the weight. Linux counts it by the thread.
const NICENESS: i32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_that_asks_keeps_its_own_niceness() {
        let before = nice(0).unwrap();
        assert_eq!(behind_traffic(|| nice(0).unwrap()), (before + NICENESS).min(19));
        assert_eq!(nice(0).unwrap(), before);
    }
}
