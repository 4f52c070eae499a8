//! Guessing is slowed and bounded, so that nobody keeps others out by it.
//!
//! An attempt at a password is admitted before the password is looked at, and whoever is not admitted learns nothing.
//! After some failures each further one doubles the wait; failures are forgotten one by one as time passes. A user who
//! does not exist is counted like one who does. What is counted, and how much is borne of it:
//!
//! | failures of | free | one is forgotten in | longest wait | at once |
//! |---|---|---|---|---|
//! | a user from an address | 5 | 5 min | 1 min | 16 |
//! | a user from wherever the password was not shown before | 50 | 5 min | 15 min | 64 |
//! | an address, of users who did not show their password there before | 100 | 10 s | 30 s | 32 |
//! | a client from an address | 10 | 1 min | 15 min | 256 |
//!
//! Where a user's right password was shown in the last week, only the first line counts: neither somebody who guesses
//! from elsewhere, nor one who guesses at others from the same address (a company's, or that of a proxy that nobody
//! trusts), keeps that user out. So of one user at most 60 passwords an hour can be tried from an address, and about a
//! dozen an hour from all addresses that were not the user's; of all users together about 6 a minute from one address.
//! How many are hashed at once is bounded once more where they are (`registry/password.rs`), and one address takes at
//! most half of the places there.
//!
//! A client's secret is long, and costs nothing to look at: a right one is always taken, and only who shows wrong ones is
//! told to wait.
//!
//! Memory is bounded: what would be needed least is forgotten first, but never somebody who is locked out or being tried.
//! When only those are left, newcomers share one count.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;
use quick_cache::sync::Cache;

use crate::model::instant::UnixTime;
use crate::registry::token::Digest;
use crate::registry::user::UserName;

/// Counts failed attempts.
#[derive(Debug)]
pub struct Guard {
    room: usize,
    counts: Mutex<HashMap<Subject, Count>>,
    /// Where users have shown their right password, and until when that counts.
    homes: Cache<Subject, UnixTime>,
}

/// Whose failures are counted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Subject {
    /// An address: of IPv6 the network of a subscriber, which is 64 bits.
    Address(IpAddr),
    /// A client as tried from an address.
    Client(Digest, IpAddr),
    /// Everybody for whom there is no room.
    Others,
    /// A user, in whatever letter case.
    User(Digest),
    /// A user as tried from an address.
    UserAt(Digest, IpAddr),
}

impl Subject {
    /// Names an address.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(network(address))
    }

    /// Names a client as tried from an address.
    pub fn client(consumer_key: &str, address: IpAddr) -> Self {
        Self::Client(Digest::of(consumer_key), network(address))
    }

    /// Names a user.
    pub fn user(user: &UserName) -> Self {
        Self::User(named(user))
    }

    /// Names a user as tried from an address.
    pub fn user_at(user: &UserName, address: IpAddr) -> Self {
        Self::UserAt(named(user), network(address))
    }

    fn patience(self) -> Patience {
        match self {
            Self::Address(_) | Self::Others => Patience {
                free: 100,
                forgets_one_in: 10,
                longest: 30,
                parallel: 32,
            },
            Self::Client(..) => Patience {
                free: 10,
                forgets_one_in: 60,
                longest: 900,
                parallel: 256,
            },
            Self::User(_) => Patience {
                free: 50,
                forgets_one_in: 300,
                longest: 900,
                parallel: 64,
            },
            Self::UserAt(..) => Patience {
                free: 5,
                forgets_one_in: 300,
                longest: 60,
                parallel: 16,
            },
        }
    }
}

/// How much is borne of one subject.
struct Patience {
    /// Failures before there is a wait.
    free: u32,
    /// Seconds after which one failure is forgotten.
    forgets_one_in: u64,
    /// The longest wait, in seconds.
    longest: u64,
    /// Attempts at the same time while there was no failure; one at a time afterwards would punish the innocent,
    /// so it shrinks by what failed.
    parallel: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    failures: u32,
    /// Up to when failures are forgotten.
    settled: UnixTime,
    locked_until: UnixTime,
    pending: u32,
}

impl Count {
    fn settle(&mut self, patience: &Patience, now: UnixTime) {
        if self.failures == 0 {
            self.settled = now;
            return;
        }
        let forgotten = now.0.saturating_sub(self.settled.0) / patience.forgets_one_in;
        self.failures = self
            .failures
            .saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX));
        self.settled = self.settled.plus(forgotten.saturating_mul(patience.forgets_one_in));
    }

    fn fail(&mut self, patience: &Patience, now: UnixTime) {
        self.settle(patience, now);
        self.failures = self.failures.saturating_add(1);
        if let Some(beyond) = self.failures.checked_sub(patience.free) {
            let wait = 1_u64.checked_shl(beyond).unwrap_or(u64::MAX).min(patience.longest);
            self.locked_until = self.locked_until.max(now.plus(wait));
        }
    }

    /// Returns the seconds to wait, if any.
    fn wait(&self, patience: &Patience, now: UnixTime) -> Option<u64> {
        let left = self.locked_until.0.saturating_sub(now.0);
        if left > 0 {
            return Some(left);
        }
        // What fails at the same time must not get further than what fails in turn.
        let parallel = match self.failures {
            0 => patience.parallel,
            failures => patience.free.saturating_sub(failures).clamp(1, patience.parallel),
        };
        (self.pending >= parallel).then_some(1)
    }

    fn is_needed(&self, now: UnixTime) -> bool {
        self.pending > 0 || self.locked_until > now
    }
}

/// An attempt that was admitted; dropped without an outcome, it counts for nothing.
#[derive(Debug)]
pub struct Attempt {
    guard: Arc<Guard>,
    subjects: Vec<Subject>,
}

impl Guard {
    /// Begins with room for so many counts.
    pub fn with_room(room: usize) -> Arc<Self> {
        Arc::new(Self {
            room,
            counts: Mutex::default(),
            homes: Cache::new(room / 4),
        })
    }

    /// Admits an attempt at a user's password. Where the user is at home, what others do does not count.
    ///
    /// # Errors
    ///
    /// Returns the seconds to wait when there were too many failures.
    pub fn admit_sign_in(self: &Arc<Self>, user: &UserName, address: IpAddr, now: UnixTime) -> Result<Attempt, u64> {
        let here = Subject::user_at(user, address);
        if self.homes.get(&here).is_some_and(|until| now < until) {
            self.admit(&[here], now)
        } else {
            self.admit(&[here, Subject::user(user), Subject::address(address)], now)
        }
    }

    /// Admits an attempt.
    ///
    /// # Errors
    ///
    /// Returns the seconds to wait when any of the subjects has failed too often.
    pub fn admit(self: &Arc<Self>, subjects: &[Subject], now: UnixTime) -> Result<Attempt, u64> {
        let mut counts = self.counts.lock();
        let mut admitted = Vec::with_capacity(subjects.len());
        let mut longest = None;
        for &subject in subjects {
            let subject = self.place(&mut counts, subject, now);
            let patience = subject.patience();
            let count = counts.entry(subject).or_default();
            count.settle(&patience, now);
            longest = longest.max(count.wait(&patience, now));
            admitted.push(subject);
        }
        if let Some(wait) = longest {
            return Err(wait);
        }
        for subject in &admitted {
            let count = counts.entry(*subject).or_default();
            count.pending = count.pending.saturating_add(1);
        }
        Ok(Attempt {
            guard: Arc::clone(self),
            subjects: admitted,
        })
    }

    /// Finds the count of a subject, or makes room for one.
    fn place(&self, counts: &mut HashMap<Subject, Count>, subject: Subject, now: UnixTime) -> Subject {
        if counts.len() < self.room || counts.contains_key(&subject) {
            return subject;
        }
        counts.retain(|subject, count| {
            count.settle(&subject.patience(), now);
            count.failures > 0 || count.is_needed(now)
        });
        if counts.len() >= self.room {
            self.forget_the_least(counts, now);
        }
        if counts.len() < self.room {
            subject
        } else {
            Subject::Others
        }
    }

    /// Forgets a quarter at once, so that a flood does not make every attempt look at every count.
    fn forget_the_least(&self, counts: &mut HashMap<Subject, Count>, now: UnixTime) {
        let is_idle = |(subject, count): &(&Subject, &Count)| **subject != Subject::Others && !count.is_needed(now);
        let mut idle: Vec<_> = counts.iter().filter(is_idle).collect();
        idle.sort_unstable_by_key(|(_, count)| (count.failures, count.settled));
        let least: Vec<_> = idle
            .into_iter()
            .take(self.room / 4 + 1)
            .map(|(subject, _)| *subject)
            .collect();
        for subject in least {
            counts.remove(&subject);
        }
    }
}

impl Attempt {
    /// Counts it as failed.
    pub fn failed(self, now: UnixTime) {
        let mut counts = self.guard.counts.lock();
        for subject in &self.subjects {
            counts.entry(*subject).or_default().fail(&subject.patience(), now);
        }
    }

    /// Counts it as done: what failed before of the client, or of the user from there, is forgiven, and the user is at
    /// home there. An address is not forgiven, or one account of one's own would pay for guessing at others'; nor is a
    /// user as tried from everywhere, or each sign-in would be an invitation to go on.
    pub fn succeeded(self, now: UnixTime) {
        let mut counts = self.guard.counts.lock();
        for subject in &self.subjects {
            if let (Subject::Client(..) | Subject::UserAt(..), Some(count)) = (subject, counts.get_mut(subject)) {
                count.failures = 0;
            }
            if matches!(subject, Subject::UserAt(..)) {
                self.guard.homes.insert(*subject, now.plus(AT_HOME_FOR));
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut counts = self.guard.counts.lock();
        for subject in &self.subjects {
            if let Some(count) = counts.get_mut(subject) {
                count.pending = count.pending.saturating_sub(1);
                if count.pending == 0 && count.failures == 0 {
                    counts.remove(subject);
                }
            }
        }
    }
}

fn named(user: &UserName) -> Digest {
    Digest::of(&format!("{}@{}", user.name.to_lowercase(), user.tenant))
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Seconds for which a user is at home where the right password was shown.
const AT_HOME_FOR: u64 = 7 * 24 * 3_600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::TenantName;

    fn name(name: &str) -> UserName {
        UserName {
            tenant: TenantName::root(),
            name: name.to_owned(),
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn user(text: &str) -> Subject {
        Subject::user_at(&name(text), address("10.0.0.1"))
    }

    /// Guesses as often as is let through, at most so often.
    fn guess(guard: &Arc<Guard>, user: &str, from: &str, times: usize) -> usize {
        let now = UnixTime(1_000);
        let admitted = (0..times).map_while(|_| guard.admit_sign_in(&name(user), address(from), now).ok());
        admitted.map(|attempt| attempt.failed(now)).count()
    }

    fn fail(guard: &Arc<Guard>, subject: Subject, now: u64) -> Result<(), u64> {
        guard.admit(&[subject], UnixTime(now))?.failed(UnixTime(now));
        Ok(())
    }

    #[test]
    fn waits_double_from_the_fifth_failure_on_and_end_at_a_minute() {
        let guard = Guard::with_room(100);
        let mut now = 1_000;
        let mut waits = Vec::new();
        for _ in 0..18 {
            if let Err(wait) = fail(&guard, user("tom"), now) {
                waits.push(wait);
                now += wait;
                fail(&guard, user("tom"), now).unwrap();
            }
        }
        assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(fail(&guard, user("TOM"), now).is_err(), "in whatever letter case");
        assert!(fail(&guard, user("john"), now).is_ok());
    }

    #[test]
    fn who_guesses_elsewhere_or_at_others_keeps_nobody_out_at_home() {
        let guard = Guard::with_room(1_000);
        let at = UnixTime(1);
        let sign_in = |from: &str| guard.admit_sign_in(&name("tom"), address(from), UnixTime(1_000));
        guard
            .admit_sign_in(&name("tom"), address("10.0.0.1"), at)
            .unwrap()
            .succeeded(at);
        let tried: usize = (0..100)
            .map(|host| guess(&guard, "tom", &format!("10.1.0.{host}"), 100))
            .sum();
        assert_eq!(tried, 50, "however many addresses");
        assert!(sign_in("10.0.0.2").is_err());
        sign_in("10.0.0.1").unwrap().succeeded(at);
        let tried: usize = (0..300)
            .map(|number| guess(&guard, &format!("user {number}"), "10.0.0.1", 1))
            .sum();
        assert_eq!(tried, 100, "however many users");
        let newcomer = guard.admit_sign_in(&name("ann"), address("10.0.0.1"), UnixTime(1_000));
        assert!(newcomer.unwrap_err() <= 30, "a short wait");
        sign_in("10.0.0.1").unwrap().succeeded(at);
        // At home one is guessed at as little as elsewhere.
        assert_eq!(guess(&guard, "tom", "10.0.0.1", 100), 5);
    }

    #[test]
    fn one_address_takes_half_of_the_places_at_most() {
        let guard = Guard::with_room(1_000);
        let at_once: Vec<_> = (0..100)
            .map_while(|number| {
                let user = name(&format!("user {number}"));
                guard.admit_sign_in(&user, address("10.0.0.1"), UnixTime(1)).ok()
            })
            .collect();
        assert_eq!(at_once.len(), 32);
        assert!(
            guard
                .admit_sign_in(&name("tom"), address("10.0.0.2"), UnixTime(1))
                .is_ok()
        );
    }

    #[test]
    fn a_success_forgives_the_user_but_not_the_address() {
        let guard = Guard::with_room(100);
        let address = Subject::address("10.0.0.1".parse().unwrap());
        for number in 0..200 {
            let both = [user("own"), address];
            match guard.admit(&both, UnixTime(1)) {
                Ok(attempt) if number % 2 == 0 => attempt.failed(UnixTime(1)),
                Ok(attempt) => attempt.succeeded(UnixTime(1)),
                Err(_) => return,
            }
            if number % 2 == 0 {
                for stranger in 0..2 {
                    let both = [user(&format!("{number}-{stranger}")), address];
                    if let Ok(attempt) = guard.admit(&both, UnixTime(1)) {
                        attempt.failed(UnixTime(1));
                    }
                }
            }
        }
        panic!("an address guessed forever");
    }

    #[test]
    fn guesses_at_the_same_time_get_no_further_than_in_turn() {
        let guard = Guard::with_room(100);
        fail(&guard, user("tom"), 1).unwrap();
        let at_once: Vec<_> = (0..10).map(|_| guard.admit(&[user("tom")], UnixTime(1))).collect();
        assert_eq!(at_once.iter().filter(|attempt| attempt.is_ok()).count(), 4);
        drop(at_once);
        assert!(
            guard.admit(&[user("tom")], UnixTime(1)).is_ok(),
            "what was given up counts for nothing"
        );
    }

    #[test]
    fn many_honest_logins_at_the_same_time_are_admitted() {
        let guard = Guard::with_room(100);
        let at_once: Vec<_> = (0..16).map(|_| guard.admit(&[user("service")], UnixTime(1))).collect();
        assert!(at_once.iter().all(Result::is_ok));
    }

    #[test]
    fn a_flood_never_makes_it_forget_who_is_locked_out() {
        let guard = Guard::with_room(64);
        for _ in 0..5 {
            fail(&guard, user("tom"), 1).unwrap();
        }
        fail(&guard, user("tom"), 2).unwrap();
        for number in 0..10_000 {
            _ = fail(&guard, user(&number.to_string()), 2);
        }
        assert!(fail(&guard, user("tom"), 2).is_err());
        assert!(guard.counts.lock().len() <= 65);
    }

    #[test]
    fn newcomers_share_one_count_when_everybody_is_locked_out() {
        let guard = Guard::with_room(4);
        for name in ["a", "b", "c", "d"] {
            for _ in 0..5 {
                fail(&guard, user(name), 1).unwrap();
            }
        }
        let mut refused = 0;
        for number in 0..200 {
            refused += u32::from(fail(&guard, user(&format!("new {number}")), 1).is_err());
        }
        assert!(refused >= 99, "{refused}");
        assert!(guard.counts.lock().len() <= 5);
    }

    #[test]
    fn an_address_is_the_network_of_a_subscriber() {
        let of = |text: &str| Subject::address(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
