//! Long work that lets others go first.
//!
//! A thread that was woken waits for one that runs until the system next looks around, which is milliseconds on most
//! machines, however much nicer the one that runs is. So whoever works through a catalog says where others may cut in.

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

/// Does something in pieces between which others may have the processor, if the work says where they end.
pub fn courteous<T>(work: impl FnOnce() -> T) -> T {
    let before = PIECE.replace(Some(Piece::begun(SHORTEST)));
    let done = work();
    PIECE.set(before);
    done
}

/// Ends a piece of work, if it is courteous: whoever waits for this processor has it now. It costs next to nothing where
/// a piece has just begun, so it fits into the innermost loop over a catalog.
pub fn others_first() {
    let Some(piece) = PIECE.get() else { return };
    if piece.began.elapsed() < piece.length {
        return;
    }
    let asked = Instant::now();
    thread::yield_now();
    let waited = asked.elapsed();
    PIECE.set(Some(Piece::begun(length_after(waited))));
}

/// Whoever waited for long gets on for a third of it: others do not wait in vain, and the work ends.
fn length_after(waited: Duration) -> Duration {
    (waited / 3).clamp(SHORTEST, LONGEST)
}

/// So much work is done before others are asked.
#[derive(Clone, Copy, Debug)]
struct Piece {
    began: Instant,
    length: Duration,
}

impl Piece {
    fn begun(length: Duration) -> Self {
        Self {
            began: Instant::now(),
            length,
        }
    }
}

thread_local! {
    static PIECE: Cell<Option<Piece>> = const { Cell::new(None) };
}

/// How long others wait where there is little to do.
const SHORTEST: Duration = Duration::from_micros(20);

/// How long they wait at most: on a machine that is busy through and through the work gets on all the same.
const LONGEST: Duration = Duration::from_millis(3);

#[cfg(test)]
mod tests {
    use super::*;

    fn began() -> Option<Instant> {
        PIECE.get().map(|piece| piece.began)
    }

    #[test]
    fn a_piece_ends_once_it_is_long_enough() {
        courteous(|| {
            let first = began().unwrap();
            while first.elapsed() <= SHORTEST {
                assert!(began().unwrap() >= first);
            }
            others_first();
            assert!(began().unwrap() > first);
        });
    }

    #[test]
    fn a_piece_grows_with_what_others_took_within_bounds() {
        let waited = |millis| length_after(Duration::from_millis(millis));
        assert_eq!(
            [waited(0), waited(1), waited(9), waited(3000)],
            [SHORTEST, Duration::from_millis(1) / 3, LONGEST, LONGEST]
        );
    }

    #[test]
    fn only_what_is_done_as_a_courtesy_is_interrupted() {
        others_first();
        assert_eq!(began(), None);
        courteous(|| courteous(|| ()));
        courteous(|| assert!(began().is_some()));
        assert_eq!(began(), None);
    }
}
