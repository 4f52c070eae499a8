//! A token bucket in whole numbers: nothing is rounded, so nothing is gained by asking often.
//!
//! What is missing is counted in parts of a token, as many to the token as the period has microseconds; in each
//! microsecond `rate` such parts come back.

/// What is missing of a bucket.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// Missing parts: `per` of them make a token. In halves, for all together would be aligned to sixteen bytes.
    missing: [u64; 2],
    /// How many parts make a token, which is the period in microseconds.
    per: u64,
    /// When that much was missing.
    at: u64,
    /// When nothing is missing any more.
    full: u64,
    /// The rate that this is said by.
    rate: u64,
}

/// The figures of a bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens {
    pub(super) capacity: u64,
    pub(super) rate: u64,
    pub(super) per: u64,
}

impl Bucket {
    pub(super) fn new(per: u64) -> Self {
        Self {
            missing: [0; 2],
            per,
            at: 0,
            full: 0,
            rate: UNKNOWN,
        }
    }

    /// A bucket as it was kept: so many parts of a token are missing.
    pub(super) fn kept(missing: u128, per: u64, (at, full): (u64, u64)) -> Self {
        Self {
            missing: halves(missing),
            per: per.max(1),
            at,
            full,
            rate: UNKNOWN,
        }
    }

    /// Returns how it is kept: missing parts, parts to the token, when that was, and when it is full.
    pub(super) fn parts(&self) -> (u128, u64, (u64, u64)) {
        (self.missing(), self.per, (self.at, self.full))
    }

    /// Adds what is missing of another, at whose rate it comes back.
    pub(super) fn merge(&mut self, other: &Self) {
        let missing = rescale(other.missing(), other.per, self.per);
        self.missing = halves(self.missing().saturating_add(missing));
        // What the other got back since is not given back twice: both count from the later moment.
        self.at = self.at.max(other.at);
        self.full = self
            .full
            .max(self.at)
            .saturating_add(other.full.saturating_sub(other.at));
        self.rate = UNKNOWN;
    }

    /// Adds so many missing tokens, which nobody knows when to come back: until the next spending, never.
    pub(super) fn merge_tokens(&mut self, amount: u64) {
        let missing = u128::from(amount) * u128::from(self.per);
        self.missing = halves(self.missing().saturating_add(missing));
        self.full = u64::MAX;
        self.rate = UNKNOWN;
    }

    pub(super) fn last(&self) -> u64 {
        self.at
    }

    pub(super) fn full(&self) -> u64 {
        self.full
    }

    /// Lets come back what has, and counts in the parts of these figures.
    pub(super) fn settle(&mut self, tokens: Tokens, now: u64) {
        let is_same = (self.per, self.rate) == (tokens.per, tokens.rate) && self.rate != UNKNOWN;
        let mut missing = self.missing();
        if self.per != tokens.per {
            missing = rescale(missing, self.per, tokens.per);
            self.per = tokens.per;
        }
        let back = u128::from(tokens.rate) * u128::from(now.saturating_sub(self.at));
        self.at = self.at.max(now);
        let missing = missing.saturating_sub(back);
        if is_same && missing > 0 {
            // It is full when it was to be: no division is needed to say so.
            self.missing = halves(missing);
        } else {
            self.lack(missing, tokens);
        }
    }

    /// Returns how many whole tokens are missing.
    pub(super) fn used(&self) -> u64 {
        u64::try_from(div_ceil(self.missing(), u128::from(self.per))).unwrap_or(u64::MAX)
    }

    /// Tells whether so many tokens are there.
    pub(super) fn has(&self, amount: u64, tokens: Tokens) -> bool {
        self.missing() <= may_miss(amount, tokens)
    }

    /// Takes so many tokens, or all that are there.
    pub(super) fn spend(&mut self, amount: u64, tokens: Tokens) {
        let all = u128::from(tokens.capacity) * u128::from(tokens.per);
        let missing = self.missing();
        let wanted = missing.saturating_add(u128::from(amount) * u128::from(tokens.per));
        // Where there is more missing than the bucket holds now, it once held more.
        self.lack(wanted.min(all.max(missing)), tokens);
    }

    fn missing(&self) -> u128 {
        let [high, low] = self.missing;
        u128::from(high) << 64 | u128::from(low)
    }

    fn lack(&mut self, missing: u128, tokens: Tokens) {
        self.missing = halves(missing);
        self.full = self.after(missing, tokens);
        self.rate = tokens.rate;
    }

    /// Returns when so many tokens are there, which must be no more than the bucket holds.
    pub(super) fn ready(&self, amount: u64, tokens: Tokens) -> u64 {
        self.after(self.missing().saturating_sub(may_miss(amount, tokens)), tokens)
    }

    /// Returns when so many parts have come back.
    fn after(&self, parts: u128, tokens: Tokens) -> u64 {
        let micros = match (parts, u128::from(tokens.rate)) {
            (0, _) => 0,
            (_, 0) => u128::MAX,
            (parts, rate) => div_ceil(parts, rate),
        };
        self.at.saturating_add(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

/// Returns how many parts may be missing where so many tokens are there.
fn may_miss(amount: u64, tokens: Tokens) -> u128 {
    u128::from(tokens.capacity.saturating_sub(amount)) * u128::from(tokens.per)
}

fn halves(parts: u128) -> [u64; 2] {
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(u64::MAX);
    [half(parts >> 64), half(parts)]
}

/// Divides and rounds up; in one instruction where 64 bits are enough, as they are for all but absurd figures.
fn div_ceil(parts: u128, by: u128) -> u128 {
    match (u64::try_from(parts), u64::try_from(by)) {
        (Ok(parts), Ok(by)) => u128::from(parts.div_ceil(by)),
        (Ok(_) | Err(_), _) => parts.div_ceil(by),
    }
}

/// Counts parts in another number to the token, rounded up.
fn rescale(parts: u128, from: u64, to: u64) -> u128 {
    let (from, to) = (u128::from(from.max(1)), u128::from(to));
    let rest = (parts % from * to).div_ceil(from);
    (parts / from).saturating_mul(to).saturating_add(rest)
}

/// The rate of what was not spent here.
const UNKNOWN: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_token_is_lost_or_gained() {
        // Three tokens in seven microseconds, asked for at each of them.
        let tokens = Tokens {
            capacity: 2,
            rate: 3,
            per: 7,
        };
        let mut bucket = Bucket::new(7);
        let mut passed = 0;
        for now in 0..7_000 {
            bucket.settle(tokens, now);
            while bucket.used() < 2 {
                bucket.spend(1, tokens);
                passed += 1;
            }
        }
        assert_eq!(passed, 2 + 3 * 6_999 / 7);
    }

    #[test]
    fn absurd_figures_neither_overflow_nor_open_the_bucket() {
        let tokens = Tokens {
            capacity: u64::MAX,
            rate: u64::MAX,
            per: u64::MAX >> 1,
        };
        let mut bucket = Bucket::new(tokens.per);
        bucket.spend(u64::MAX, tokens);
        assert_eq!(bucket.used(), u64::MAX);
        bucket.spend(u64::MAX, tokens);
        assert_eq!(bucket.used(), u64::MAX);
        bucket.settle(tokens, u64::MAX);
        assert_eq!(bucket.used(), 0);
        let dry = Tokens { rate: 0, ..tokens };
        bucket.spend(1, dry);
        assert_eq!(bucket.ready(u64::MAX, dry), u64::MAX);
    }

    #[test]
    fn what_is_missing_stays_missing_under_another_period() {
        let mut bucket = Bucket::new(60);
        let old = Tokens {
            capacity: 10,
            rate: 1,
            per: 60,
        };
        bucket.spend(4, old);
        let new = Tokens { per: 7, ..old };
        bucket.settle(new, 0);
        assert_eq!(bucket.used(), 4);
        bucket.settle(old, 1);
        assert_eq!(bucket.used(), 4);
    }

    #[test]
    fn a_bucket_is_full_when_it_was_to_be_however_often_it_is_looked_at() {
        let tokens = Tokens {
            capacity: 50,
            rate: 3,
            per: 7,
        };
        let (mut often, mut once) = (Bucket::new(7), Bucket::new(7));
        for bucket in [&mut often, &mut once] {
            bucket.settle(tokens, 5);
            bucket.spend(20, tokens);
        }
        for now in 6..40 {
            often.settle(tokens, now);
        }
        once.settle(tokens, 39);
        assert_eq!(often.parts(), once.parts());
        assert_eq!(often.full(), 5 + (20 * 7_u64).div_ceil(3));
        // At another rate it is full at another time, and so it is where nobody knows the rate.
        let slow = Tokens { rate: 1, ..tokens };
        often.settle(slow, 39);
        let (missing, per, (at, full)) = often.parts();
        assert_eq!(u128::from(full - at), missing);
        let mut kept = Bucket::kept(missing, per, (at, 7_000));
        kept.settle(slow, 39);
        assert_eq!(kept.full(), full);
        assert!(kept.has(50 - kept.used(), slow) && !kept.has(51 - kept.used(), slow));
    }
}
