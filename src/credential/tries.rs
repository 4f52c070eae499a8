//! How often passwords were tried of late: by user and address, by user, and by address.
//!
//! What may be checked in a minute, right ones apart:
//!
//! | passwords of | a minute | counts |
//! |---|---|---|
//! | a user from an address | 5 | always |
//! | a user from anywhere | 30 | where the right one was not shown in the last day |
//! | all users from an address | 100 | where the right one was not shown in the last day |
//!
//! So whoever guesses elsewhere, or at others, keeps nobody out who has been let in from the same address before. What
//! was found right is remembered for the address that showed it: where a user has just been let in, a further guess is
//! compared at no cost and without being admitted, which is why, after 600 wrong ones of a user from that address, what
//! is remembered does not count for the rest of the minute. An IPv6 address stands for its network of 64 bits.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;

use parking_lot::Mutex;
use quick_cache::sync::Cache;

use crate::model::instant::UnixTime;
use crate::registry::user::UserName;

/// Passwords that were tried of late.
#[derive(Debug)]
pub(super) struct Tries {
    names: RandomState,
    counts: Cache<u64, (UnixTime, u32)>,
    /// Where users were let in, and until when that counts.
    homes: Cache<u64, UnixTime>,
    /// Held by who changes counts.
    changing: Mutex<()>,
}

/// Whose password is tried, and from where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Try<'a> {
    pub(super) user: &'a UserName,
    pub(super) network: IpAddr,
}

impl Tries {
    pub(super) fn new() -> Self {
        Self {
            names: RandomState::new(),
            counts: Cache::new(COUNTED),
            homes: Cache::new(HOMES),
            changing: Mutex::default(),
        }
    }

    /// Tells whether one more may be checked; counts it as a guess where not.
    pub(super) fn may(&self, of: Try<'_>, now: UnixTime) -> bool {
        let may = self.has_room(of, now);
        if !may {
            let _changing = self.changing.lock();
            self.add(self.here(of), now, 1);
        }
        may
    }

    /// Counts one more, if it may be checked.
    pub(super) fn count(&self, of: Try<'_>, now: UnixTime) -> bool {
        let _changing = self.changing.lock();
        let may = self.has_room(of, now);
        if may {
            self.add_all(of, now, 1);
        }
        may
    }

    /// Takes back what was counted for the right password, and knows from now on where the user is at home.
    pub(super) fn forgive(&self, of: Try<'_>, now: UnixTime) {
        let _changing = self.changing.lock();
        self.add_all(of, now, -1);
        self.homes.insert(self.here(of), now.plus(AT_HOME_FOR));
    }

    /// Tells whether so many guess at a user from an address that what is remembered of it does not count.
    pub(super) fn is_besieged(&self, of: Try<'_>, now: UnixTime) -> bool {
        self.of(self.here(of), now).1 >= BESIEGED
    }

    fn has_room(&self, of: Try<'_>, now: UnixTime) -> bool {
        let [here, elsewhere @ ..] = self.counted(of);
        let has_room = |(key, most): (u64, u32)| self.of(key, now).1 < most;
        has_room(here) && (self.is_at_home(here.0, now) || elsewhere.into_iter().all(has_room))
    }

    fn is_at_home(&self, here: u64, now: UnixTime) -> bool {
        self.homes.get(&here).is_some_and(|until| now < until)
    }

    /// Says under what a try is counted, and how often that may be in a minute.
    fn counted(&self, of: Try<'_>) -> [(u64, u32); 3] {
        [
            (self.here(of), 5),
            (self.name(("user", of.user)), 30),
            (self.name(("network", of.network)), 100),
        ]
    }

    fn here(&self, of: Try<'_>) -> u64 {
        self.name((of.user, of.network))
    }

    fn name(&self, of: impl Hash) -> u64 {
        self.names.hash_one(of)
    }

    fn add_all(&self, of: Try<'_>, now: UnixTime, tries: i32) {
        for (key, _) in self.counted(of) {
            self.add(key, now, tries);
        }
    }

    fn add(&self, key: u64, now: UnixTime, tries: i32) {
        let (since, counted) = self.of(key, now);
        self.counts.insert(key, (since, counted.saturating_add_signed(tries)));
    }

    fn of(&self, key: u64, now: UnixTime) -> (UnixTime, u32) {
        let known = self.counts.get(&key).filter(|(since, _)| now < since.plus(WINDOW));
        known.unwrap_or((now, 0))
    }
}

/// Returns an address as one caller may have them: of IPv6 it has 2^64.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address => address,
    }
}

const COUNTED: usize = 100_000;
const HOMES: usize = 10_000;
const WINDOW: u64 = 60;
const BESIEGED: u32 = 600;
const AT_HOME_FOR: u64 = 24 * 3_600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::TenantName;

    const NOW: UnixTime = UnixTime(1_000);

    fn user(name: &str) -> UserName {
        UserName {
            tenant: TenantName::root(),
            name: name.to_owned(),
        }
    }

    fn guess(tries: &Tries, name: &str, from: &str, times: usize) -> usize {
        let user = user(name);
        let network = network(from.parse().unwrap());
        let of = Try { user: &user, network };
        (0..times)
            .filter(|_| tries.may(of, NOW) && tries.count(of, NOW))
            .count()
    }

    #[test]
    fn a_user_is_guessed_at_five_times_from_an_address_and_thirty_from_all() {
        let tries = Tries::new();
        assert_eq!(guess(&tries, "tom", "10.0.0.1", 100), 5);
        let all: usize = (2..200)
            .map(|host| guess(&tries, "tom", &format!("10.0.0.{host}"), 100))
            .sum();
        assert_eq!(all, 25);
        assert_eq!(guess(&tries, "ann", "10.0.0.1", 1), 1);
    }

    #[test]
    fn who_was_let_in_from_an_address_does_not_share_what_others_do() {
        let tries = Tries::new();
        let (tom, home) = (user("tom"), network("10.0.0.1".parse().unwrap()));
        let of = Try {
            user: &tom,
            network: home,
        };
        assert!(tries.count(of, NOW));
        tries.forgive(of, NOW);
        for number in 0..200 {
            guess(&tries, &format!("user {number}"), "10.0.0.1", 1);
            guess(&tries, "tom", &format!("10.0.1.{number}"), 1);
        }
        assert_eq!(
            (guess(&tries, "ann", "10.0.0.1", 9), guess(&tries, "tom", "10.0.0.2", 9)),
            (0, 0)
        );
        assert_eq!(guess(&tries, "tom", "10.0.0.1", 9), 5);
    }

    #[test]
    fn what_is_remembered_counts_until_too_many_guess_at_it() {
        let tries = Tries::new();
        let tom = user("tom");
        let network = network("10.0.0.1".parse().unwrap());
        let of = Try { user: &tom, network };
        guess(&tries, "tom", "10.0.0.1", 500);
        assert!(!tries.is_besieged(of, NOW));
        guess(&tries, "tom", "10.0.0.1", 200);
        assert!(tries.is_besieged(of, NOW) && !tries.is_besieged(of, NOW.plus(WINDOW)));
    }

    #[test]
    fn an_address_is_the_network_of_a_subscriber() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
