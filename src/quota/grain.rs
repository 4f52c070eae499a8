//! Time in four bytes: what sliding windows note instead of a whole moment.
//!
//! A window is cut into at most 2^29 grains, microseconds where it lasts less than nine minutes. What happens is
//! noted as the grain that it ends in and held against the grain that now began, so it counts a grain too long
//! rather than a moment too short. Grains are counted modulo 2^32; whoever keeps notes drops them all when none is in
//! force, so two that are compared are never further apart than two windows.

/// How finely a window is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grain {
    /// A grain lasts two to this power microseconds.
    shift: u32,
    /// So many grains make the window; at most 2^29.
    pub(super) window: u32,
}

impl Grain {
    pub(super) fn of(window: u64) -> Self {
        let shift = (u64::BITS - window.leading_zeros()).saturating_sub(29);
        let window = window.div_ceil(1 << shift);
        Self {
            shift,
            window: u32::try_from(window).unwrap_or(1 << 29),
        }
    }

    /// Returns how what happens now is noted.
    pub(super) fn note(self, now: u64) -> u32 {
        low(now.div_ceil(1 << self.shift))
    }

    /// Returns how many grains ago a note was made; less than none where it is of the grain that now is within.
    fn age(self, note: u32, now: u64) -> i64 {
        i64::from(low(now >> self.shift).wrapping_sub(note).cast_signed())
    }

    /// Tells whether a note is no longer in force.
    pub(super) fn is_past(self, note: u32, now: u64) -> bool {
        self.age(note, now) >= i64::from(self.window)
    }

    /// Returns the first moment at which a note is no longer in force.
    pub(super) fn end(self, note: u32, now: u64) -> u64 {
        self.moment(note, now)
            .saturating_add(u64::from(self.window) << self.shift)
    }

    /// Returns the moment that a note stands for: never before what happened.
    pub(super) fn moment(self, note: u32, now: u64) -> u64 {
        (now >> self.shift).saturating_add_signed(-self.age(note, now)) << self.shift
    }

    /// Tells whether two notes are of the same slice of the window.
    pub(super) fn share_a_slice(self, one: u32, other: u32) -> bool {
        let slice = (self.window / SLICES).max(1);
        one / slice == other / slice
    }
}

#[expect(clippy::cast_possible_truncation, reason = "grains are counted modulo 2^32")]
fn low(grains: u64) -> u32 {
    grains as u32
}

/// So many slices make a window. A caller that never stops asking loses at most two of them: 97 % remain.
pub(super) const SLICES: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_in_force_for_a_window_and_at_most_a_grain() {
        for window in [
            1,
            999,
            1_000_000,
            (1 << 29) - 1,
            1 << 29,
            (1 << 29) + 1,
            31 * 86_400 * 1_000_000_u64,
        ] {
            let grain = Grain::of(window);
            for then in [1_u64 << 60, (1 << 60) + 12_345_678_901, (1 << 60) + (1_u64 << 32) - 1] {
                let note = grain.note(then);
                let end = grain.end(note, then);
                assert!(
                    (then + window..=then + window + (2 << grain.shift)).contains(&end),
                    "{window}"
                );
                for (now, past) in [(then, false), (end - 1, false), (end, true)] {
                    assert_eq!(grain.is_past(note, now), past, "{window}");
                    assert_eq!(grain.end(note, now), end, "{window}");
                }
            }
        }
        assert_eq!(Grain::of(60_000_000).shift, 0);
    }
}
