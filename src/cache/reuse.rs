//! Whether what is kept may be used for a request (RFC 9111, 4.2 and 5.2.1).

use std::time::{Duration, SystemTime};

use super::directives::Demand;

/// An entry, as far as its use depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// When it was made.
    pub made: SystemTime,
    /// Until when it is fresh.
    pub fresh_until: SystemTime,
    /// Whether it may never be used stale.
    pub must_revalidate: bool,
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Use {
    /// It is used, stale or not, since the request takes it so.
    AsItIs,
    /// The origin is asked, whatever it says itself.
    Ask,
    /// It is used where it is fresh, as it says itself.
    Usual,
}

/// Decides whether an entry may be used.
pub fn judge(entry: Entry, demand: &Demand, now: SystemTime) -> Use {
    let is_beyond =
        |time: Duration, bound: Option<u32>| bound.is_some_and(|bound| time > Duration::from_secs(bound.into()));
    let age = now.duration_since(entry.made).unwrap_or_default();
    let left = entry.fresh_until.duration_since(now).unwrap_or_default();
    let stale = now.duration_since(entry.fresh_until).unwrap_or_default();
    let wants_more = demand
        .min_fresh
        .is_some_and(|wanted| left < Duration::from_secs(wanted.into()));
    if demand.no_cache || is_beyond(age, demand.max_age) || wants_more {
        return Use::Ask;
    }
    let is_stale = entry.fresh_until < now;
    if is_stale && demand.max_stale.is_some() && !entry.must_revalidate && !is_beyond(stale, demand.max_stale) {
        return Use::AsItIs;
    }
    Use::Usual
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(seconds_old: u64, demand: Demand) -> Use {
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let entry = Entry {
            made,
            fresh_until: made + Duration::from_secs(100),
            must_revalidate: false,
        };
        judge(entry, &demand, made + Duration::from_secs(seconds_old))
    }

    #[test]
    fn a_request_may_ask_for_younger_and_take_older() {
        let demand = Demand::default();
        assert_eq!(judged(50, demand), Use::Usual);
        let younger = Demand {
            max_age: Some(40),
            ..demand
        };
        assert_eq!((judged(40, younger), judged(41, younger)), (Use::Usual, Use::Ask));
        let fresher = Demand {
            min_fresh: Some(60),
            ..demand
        };
        assert_eq!((judged(40, fresher), judged(41, fresher)), (Use::Usual, Use::Ask));
        let older = Demand {
            max_stale: Some(10),
            ..demand
        };
        assert_eq!((judged(110, older), judged(111, older)), (Use::AsItIs, Use::Usual));
        let new = Demand {
            no_cache: true,
            max_stale: Some(10),
            ..demand
        };
        assert_eq!(judged(110, new), Use::Ask);
    }
}
