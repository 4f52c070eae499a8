//! The ledger against a plain model that remembers every event, with a stepped clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const SECRET: [u8; 16] = [9; 16];

/// A Thursday, a quarter of an hour before midnight in Greenwich.
const WALL: i64 = 1_790_293_500_000_000;

fn at(micros: u64) -> Moment {
    Moment::new(Duration::from_micros(micros), WALL + micros.cast_signed())
}

fn ledger() -> Arc<Ledger> {
    Ledger::new(Secret::new(SECRET), 10_000)
}

fn quota(limit: Limit, name: &str) -> Quota {
    Quota::new(limit, Subjects::Registered, &["acme", name], &Secret::new(SECRET))
}

fn sliding(quota: u64, micros: u64) -> Limit {
    Limit::sliding(Unit::Requests, quota, Duration::from_micros(micros)).unwrap()
}

fn copy(ledger: &Ledger, scope: Scope, now: Moment, later: Moment) -> Arc<Ledger> {
    let kept = Kept::read(&ledger.dump(scope, now)).unwrap();
    let copy = Ledger::new(kept.secret(), 10_000);
    copy.absorb(&kept, later).unwrap();
    copy
}

/// Figures that both the ledger and the model hold counts against.
#[derive(Clone, Copy, Debug)]
enum Figures {
    Sliding { quota: u64, window: u64 },
    Minute { quota: u64 },
    Tokens { capacity: u64, rate: u64, per: u64 },
}

impl Figures {
    fn limit(self) -> Limit {
        match self {
            Self::Sliding { quota, window } => sliding(quota, window),
            Self::Minute { quota } => Limit::calendar(
                Unit::Requests,
                quota,
                Calendar::new(CalendarSpan::Minute, "UTC").unwrap(),
            ),
            Self::Tokens { capacity, rate, per } => Limit::burst(rate, Duration::from_micros(per), capacity).unwrap(),
        }
    }

    /// Tells whether these events, the last of them now, are within the figures.
    fn allow(self, events: &[(u64, u64)]) -> bool {
        let Some((now, _)) = events.last() else { return true };
        let sum = |since: &dyn Fn(u64) -> bool| -> u64 {
            events
                .iter()
                .filter(|(when, _)| since(*when))
                .map(|(_, amount)| amount)
                .sum()
        };
        let minute = |micros: u64| (WALL.cast_unsigned() + micros) / 60_000_000;
        match self {
            Self::Sliding { quota, window } => sum(&|when| when + window > *now) <= quota,
            Self::Minute { quota } => sum(&|when| minute(when) == minute(*now)) <= quota,
            Self::Tokens { capacity, rate, per } => events.iter().all(|(first, _)| {
                let back = u128::from(rate) * u128::from(now - first);
                u128::from(sum(&|when| when >= *first)) * u128::from(per) <= u128::from(capacity * per) + back
            }),
        }
    }

    fn is_exact(self) -> bool {
        !matches!(self, Self::Sliding { quota, .. } if quota > 1_000)
    }
}

fn figures() -> impl Strategy<Value = Figures> {
    let window = prop_oneof![1_000..50_000_u64, Just(20_000_000), Just(86_400_000_000)];
    prop_oneof![
        (1..12_u64, window.clone()).prop_map(|(quota, window)| Figures::Sliding { quota, window }),
        (1_001..4_000_u64, window).prop_map(|(quota, window)| Figures::Sliding { quota, window }),
        (1..20_u64).prop_map(|quota| Figures::Minute { quota }),
        (1..8_u64, 1..5_u64, 1_000..30_000_u64).prop_map(|(capacity, rate, per)| Figures::Tokens {
            capacity,
            rate,
            per
        }),
    ]
}

/// A step: how long after the one before, for whom, how much of each quota, and whether through a dump first.
type Step = (u64, usize, [u64; 3], bool);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pause = prop_oneof![
        6 => 0..3_000_u64,
        2 => 0..60_000_u64,
        1 => 0..40_000_000_u64,
    ];
    let amount = prop_oneof![4 => Just(1), 1 => 0..4_u64, 1 => 300..1_500_u64];
    vec(
        (
            pause,
            0..2_usize,
            [amount.clone(), amount.clone(), amount],
            proptest::bool::weighted(0.05),
        ),
        1..120,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_ledger_decides_as_the_model_does(figures in [figures(), figures(), figures()], steps in steps()) {
        let quotas = figures.map(Figures::limit);
        let quotas: Vec<_> = quotas.into_iter().zip(["a", "b", "c"]).map(|(limit, name)| quota(limit, name)).collect();
        let mut ledger = ledger();
        let mut events = vec![vec![Vec::<(u64, u64)>::new(); 3]; 2];
        let mut now = 0;
        for (pause, who, amounts, is_copied) in steps {
            now += pause;
            if is_copied {
                ledger = copy(&ledger, Scope::Everything, at(now), at(now));
            }
            let subject = format!("subject {who}");
            let demands: Vec<_> =
                quotas.iter().zip(amounts).map(|(quota, amount)| quota.of(&[&subject]).amounting(amount)).collect();
            let looked = ledger.look(&demands, at(now)).result;
            let answer = ledger.take(&demands, at(now));
            prop_assert_eq!(looked.err(), answer.result.as_ref().err().copied());
            // Of nothing, one must be left.
            let asked = |amount: u64| amount.max(1);
            let would = |place: usize| {
                let mut with = events[who][place].clone();
                with.push((now, asked(amounts[place])));
                figures[place].allow(&with)
            };
            let fits = (0..3).all(would);
            match answer.result {
                Ok(_) => {
                    prop_assert!(fits, "passed beyond a quota at {now}");
                    for place in 0..3 {
                        events[who][place].push((now, amounts[place]));
                    }
                }
                Err(refusal) => {
                    prop_assert!(!fits || !figures.iter().all(|figures| figures.is_exact()), "refused for nothing");
                    prop_assert!(!figures[refusal.demand].is_exact() || !would(refusal.demand));
                    if let Retry::After(wait) = refusal.retry {
                        let wait = u64::try_from(wait.as_micros()).unwrap();
                        let then = copy(&ledger, Scope::Everything, at(now), at(now));
                        prop_assert!(then.look(&demands, at(now + wait - 1)).result.is_err(), "sooner than said");
                        let then = copy(&ledger, Scope::Everything, at(now), at(now));
                        prop_assert!(then.look(&demands, at(now + wait)).result.is_ok(), "later than said");
                    } else {
                        prop_assert_eq!(refusal.retry, Retry::Never);
                    }
                }
            }
        }
    }

    #[test]
    fn a_lone_caller_gets_its_quota(
        figure in prop_oneof![1..60_u64, Just(1_000), 1_001..6_000_u64],
        window in 100_000..10_000_000_u64,
        pace in 1..200_u64,
    ) {
        // Asks that many times as often as would use the quota up evenly.
        let quota = quota(sliding(figure, window), "lone");
        let ledger = ledger();
        let step = (window / (figure * pace).min(8_000)).max(1);
        let windows = 4;
        let mut passed = 0;
        let mut now = 0;
        while now < windows * window {
            passed += u64::from(ledger.take(&[quota.of(&["me"])], at(now)).result.is_ok());
            now += step;
        }
        let asked = windows * window.div_ceil(step);
        let could = asked.min(windows * figure);
        prop_assert!(passed <= windows * figure);
        prop_assert!(passed * 100 >= could * 95, "{} of {}", passed, could);
    }

    #[test]
    fn a_flood_of_newcomers_resets_nobody(visits in vec((0..2_000_u64, 0..60_usize), 1..600)) {
        let secret = Secret::new(SECRET);
        let quota = Quota::new(sliding(3, 40_000), Subjects::Invented, &["acme", "address"], &secret);
        let ledger = Ledger::new(secret, 8);
        let mut events = vec![Vec::new(); 60];
        let mut now = 0;
        for (pause, who) in visits {
            now += pause;
            let answer = ledger.take(&[quota.of(&[&who.to_string()])], at(now));
            if answer.result.is_ok() {
                events[who].push(now);
                let in_force = events[who].iter().filter(|when| **when + 40_000 > now).count();
                prop_assert!(in_force <= 3, "{who} passed {in_force} times in a window");
            }
            let (counters, shared) = ledger.len();
            prop_assert!(counters <= 6 + shared && shared <= 1);
        }
        now += 200_000;
        ledger.sweep(at(now));
        prop_assert_eq!(ledger.len(), (0, 0));
    }
}

#[test]
fn exactly_the_quota_passes_again_in_each_window() {
    let quota = quota(sliding(1_000, 1_000_000), "exact");
    let ledger = ledger();
    for window in 0..5 {
        let mut passed = 0;
        for turn in 0..2_000 {
            passed += u64::from(
                ledger
                    .take(&[quota.of(&["me"])], at(window * 1_000_000 + turn * 500))
                    .result
                    .is_ok(),
            );
        }
        assert_eq!(passed, 1_000);
    }
}

#[test]
fn threads_get_the_quota_together_and_no_more() {
    let secret = Secret::new(SECRET);
    let day = Limit::calendar(Unit::Requests, 20_000, Calendar::new(CalendarSpan::Day, "UTC").unwrap());
    let quotas = [
        quota(sliding(1_000, 60_000_000), "hot"),
        quota(day, "day"),
        quota(sliding(5_000, 60_000_000), "cool"),
    ];
    let ledger = Ledger::new(secret, 10_000);
    let passed = [const { AtomicU64::new(0) }; 3];
    thread::scope(|scope| {
        for number in 0..8_usize {
            let (ledger, quotas, passed) = (&ledger, &quotas, &passed);
            scope.spawn(move || {
                for turn in 0..3_000_usize {
                    // In another order each time, so that locks would cross if they were not put in order.
                    let who = (number + turn) % 3;
                    let subject = who.to_string();
                    let mut demands = quotas.each_ref().map(|quota| quota.of(&[&subject]));
                    demands.rotate_left(turn % 3);
                    if ledger.take(&demands, at(turn as u64)).result.is_ok() {
                        passed[who].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    for passed in passed {
        assert_eq!(passed.into_inner(), 1_000);
    }
}

#[test]
fn who_reads_the_clock_early_and_comes_late_is_told_the_truth() {
    let (quota, ledger) = (quota(sliding(1, 1_000_000), "skew"), ledger());
    drop(ledger.take(&[quota.of(&["me"])], at(9)).result.unwrap());
    let wait = ledger.take(&[quota.of(&["me"])], at(5)).result.unwrap_err().retry;
    assert_eq!(wait, Retry::After(Duration::from_micros(1_000_004)));
}

#[test]
fn what_is_under_way_is_given_back_when_it_ends() {
    let (quota, ledger) = (quota(Limit::concurrent(2), "concurrent"), ledger());
    let take = || ledger.take(&[quota.of(&["me"])], at(0));
    let one = take().result.unwrap();
    let two = take();
    assert_eq!((two.standings[0].quota, two.standings[0].remaining), (2, 0));
    let refusal = take().result.unwrap_err();
    assert_eq!((refusal.retry, refusal.retry.seconds()), (Retry::Release, None));
    assert!(!ledger.reset(quota.of(&["me"]).key()));
    drop(one);
    assert!(take().result.is_ok_and(|hold| !hold.is_empty()));
    // The last one was dropped at once, so there is room for another.
    assert!(take().result.is_ok());
}

#[test]
fn a_refusal_spends_nothing_of_any_quota() {
    let (one, two, ledger) = (
        quota(sliding(1, 1_000_000), "one"),
        quota(sliding(9, 2_000_000), "nine"),
        ledger(),
    );
    let three = quota(Limit::concurrent(1), "concurrent");
    let demands = [three.of(&["me"]), two.of(&["me"]), one.of(&["me"])];
    drop(ledger.take(&demands, at(0)).result.unwrap());
    let answer = ledger.take(&demands, at(1));
    assert_eq!(answer.result.unwrap_err().demand, 2);
    assert_eq!(
        answer
            .standings
            .iter()
            .map(|standing| standing.remaining)
            .collect::<Vec<_>>(),
        [1, 8, 0]
    );
    assert_eq!(
        answer
            .standings
            .iter()
            .map(|standing| standing.reset)
            .collect::<Vec<_>>(),
        [0, 2, 1]
    );
    assert_eq!(ledger.look(&[two.of(&["me"])], at(1)).standings[0].remaining, 8);
}

#[test]
fn two_demands_on_one_count_are_added_up() {
    let (quota, ledger) = (quota(sliding(3, 1_000_000), "twice"), ledger());
    let twice = [quota.of(&["me"]), quota.of(&["me"])];
    assert!(ledger.take(&twice, at(0)).result.is_ok());
    assert_eq!(ledger.take(&twice, at(0)).result.unwrap_err().demand, 1);
    assert!(ledger.take(&twice[..1], at(0)).result.is_ok());
}

#[test]
fn more_demands_than_fit_the_stack_are_spent_together_too() {
    let ledger = ledger();
    let quotas: Vec<_> = (1..=40)
        .map(|figure| quota(sliding(figure, 1_000_000), &figure.to_string()))
        .collect();
    let demands: Vec<_> = quotas.iter().map(|quota| quota.of(&["me"])).collect();
    assert!(ledger.take(&demands, at(0)).result.is_ok());
    assert_eq!(ledger.take(&demands, at(0)).result.unwrap_err().demand, 0);
    assert_eq!(ledger.look(&demands[39..], at(0)).standings[0].remaining, 39);
}

#[test]
fn a_soft_quota_counts_on_and_says_so() {
    let (soft, ledger) = (quota(sliding(2, 1_000_000), "soft").soft(), ledger());
    for turn in 0..5_000 {
        let answer = ledger.take(&[soft.of(&["me"])], at(turn));
        assert!(answer.result.is_ok());
        assert_eq!(answer.standings[0].is_over, turn >= 2);
    }
    assert!(!ledger.take(&[soft.of(&["me"])], at(1_100_000)).standings[0].is_over);
}

#[test]
fn another_figure_applies_to_what_is_counted() {
    let ledger = ledger();
    let take = |figure, window| {
        ledger
            .take(&[quota(sliding(figure, window), "edited").of(&["me"])], at(0))
            .result
    };
    for _ in 0..5 {
        assert!(take(10, 1_000_000).is_ok());
    }
    assert!(take(5, 1_000_000).is_err());
    assert!(take(6, 1_000_000).is_ok());
    // Through another form and another window, and back.
    assert!(take(2_000, 3_000_000_000).is_ok());
    assert!(take(7, 1_000_000).is_err());
    assert!(take(8, 1_000_000).is_ok());
    // Another kind: what is in force counts.
    let tokens = quota(Limit::burst(1, Duration::from_secs(1), 9).unwrap(), "edited");
    assert!(ledger.take(&[tokens.of(&["me"])], at(0)).result.is_ok());
    assert!(ledger.take(&[tokens.of(&["me"])], at(0)).result.is_err());
    assert!(take(9, 1_000_000).is_err());
}

#[test]
fn absurd_figures_are_only_large() {
    let ledger = ledger();
    let long = Duration::from_secs(3_600 * 24 * 3_650);
    for limit in [
        Limit::sliding(Unit::Requests, u64::MAX, long).unwrap(),
        Limit::calendar(
            Unit::Requests,
            u64::MAX,
            Calendar::new(CalendarSpan::Month, "UTC").unwrap(),
        ),
        Limit::burst(u64::MAX, long, u64::MAX).unwrap(),
    ] {
        let quota = quota(limit, "absurd");
        let demand = quota.of(&["me"]);
        assert!(ledger.take(&[demand.amounting(u64::MAX)], at(0)).result.is_ok());
        assert!(ledger.take(&[demand], at(0)).result.is_err());
        ledger.record(&[demand.amounting(u64::MAX), demand.amounting(u64::MAX)], at(0));
        assert!(ledger.take(&[demand], at(0)).result.is_err());
        assert!(ledger.reset(demand.key()));
    }
    let none = quota(sliding(0, 1_000), "none");
    assert_eq!(
        ledger.take(&[none.of(&["me"])], at(0)).result.unwrap_err().retry,
        Retry::Never
    );
}

#[test]
fn bytes_are_charged_as_they_pass() {
    let limit = Limit::sliding(Unit::Bytes, 100, Duration::from_secs(1)).unwrap();
    let (quota, ledger) = (quota(limit, "bytes"), ledger());
    let demand = quota.of(&["me"]);
    assert!(ledger.take(&[demand], at(0)).result.is_ok());
    assert!(ledger.charge(&[demand.amounting(90)], at(0)).result.is_ok());
    assert!(ledger.charge(&[demand.amounting(11)], at(1)).result.is_err());
    ledger.record(&[demand.amounting(11)], at(1));
    let refusal = ledger.take(&[demand], at(2)).result.unwrap_err();
    assert_eq!(refusal.retry, Retry::After(Duration::from_micros(999_999)));
    assert_eq!(refusal.retry.seconds(), Some(1));
}

#[test]
fn a_restart_forgets_only_short_windows() {
    let ledger = ledger();
    let day = Limit::calendar(Unit::Requests, 5, Calendar::new(CalendarSpan::Day, "UTC").unwrap());
    let quotas = [
        quota(sliding(5, 60_000_000), "minute"),
        quota(sliding(5, 3_600_000_000), "hour"),
        quota(sliding(5_000, 3_600_000_000), "many"),
        quota(day, "day"),
    ];
    let demands = quotas.each_ref().map(|quota| quota.of(&["me"]));
    drop(ledger.take(&demands, at(0)).result.unwrap());
    let remaining = |ledger: &Ledger, now: Moment| -> Vec<u64> {
        ledger
            .look(&demands, now)
            .standings
            .iter()
            .map(|standing| standing.remaining)
            .collect()
    };
    let soon = at(1_000_000);
    assert_eq!(
        remaining(&copy(&ledger, Scope::Lasting, soon, soon), soon),
        [5, 4, 4_999, 4]
    );
    assert_eq!(
        remaining(&copy(&ledger, Scope::Everything, soon, soon), soon),
        [4, 4, 4_999, 4]
    );
    let hour = at(3_600_000_000);
    assert_eq!(
        remaining(&copy(&ledger, Scope::Everything, soon, hour), hour),
        [5, 5, 5_000, 5]
    );
    // The wall clock was set back by an hour in between: nothing has aged.
    let back = Moment::new(Duration::ZERO, WALL - 3_600_000_000);
    assert_eq!(
        remaining(&copy(&ledger, Scope::Everything, soon, back), back),
        [4, 4, 4_999, 4]
    );
}

#[test]
fn counts_are_added_to_those_that_a_ledger_has() {
    let (old, new) = (ledger(), ledger());
    let minute = || Limit::calendar(Unit::Requests, 9, Calendar::new(CalendarSpan::Minute, "UTC").unwrap());
    let tokens = || Limit::burst(1, Duration::from_secs(100), 9).unwrap();
    let quotas = [
        quota(sliding(9, 60_000_000), "nine"),
        quota(minute(), "minute"),
        quota(tokens(), "tokens"),
    ];
    let demands = quotas.each_ref().map(|quota| quota.of(&["me"]));
    for now in [3, 9] {
        drop(old.take(&demands, at(now)).result.unwrap());
        drop(new.take(&demands, at(now + 2)).result.unwrap());
    }
    new.absorb(&Kept::read(&old.dump(Scope::Everything, at(20))).unwrap(), at(20))
        .unwrap();
    for standing in new.look(&demands, at(20)).standings {
        assert_eq!(standing.remaining, 5);
    }
}

#[test]
fn damaged_counts_are_refused() {
    let ledger = ledger();
    let quota = quota(sliding(9, 3_600_000_000), "nine");
    drop(ledger.take(&[quota.of(&["me"])], at(0)).result.unwrap());
    let good = ledger.dump(Scope::Lasting, at(0));
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 1;
        assert!(Kept::read(&bad).is_err(), "{place}");
        assert!(Kept::read(&good[..place]).is_err(), "{place}");
    }
    let other = Ledger::new(Secret::new([1; 16]), 1);
    let kept = Kept::read(&good).unwrap();
    assert!(matches!(other.absorb(&kept, at(0)), Err(BadKept::OtherSecret)));
}

#[test]
fn a_file_of_counts_is_private_and_whole() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("counts");
    assert!(Kept::load(&path, 1).unwrap().is_none());
    let ledger = ledger();
    let quota = quota(sliding(9, 3_600_000_000), "nine");
    drop(ledger.take(&[quota.of(&["me"])], at(0)).result.unwrap());
    for _ in 0..2 {
        assert_eq!(ledger.keep(&path, Scope::Lasting, at(0)).unwrap(), 1);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
    let kept = Kept::load(&path, 1).unwrap().unwrap();
    assert_eq!(kept.secret(), Secret::new(SECRET));
    std::fs::write(&path, b"no counts").unwrap();
    assert!(matches!(Kept::load(&path, 1), Err(BadKept::Damaged(_))));
    std::fs::File::create(&path).unwrap().set_len(2 << 20).unwrap();
    assert!(matches!(Kept::load(&path, 1), Err(BadKept::Unreadable(_))));
    assert!(matches!(Kept::load(directory.path(), 1), Err(BadKept::Unreadable(_))));
}

#[test]
fn no_counter_takes_more_of_a_file_than_is_said() {
    let (ledger, year) = (ledger(), 366 * 86_400 * 1_000_000_u64);
    let (quota, many) = (
        quota(sliding(1_000, year), "full"),
        quota(sliding(1 << 60, year), "many"),
    );
    for turn in 0..1_000 {
        let now = at(turn * (year / 1_001));
        let demands = [quota.of(&["me"]), many.of(&["me"]).amounting(1 << 40)];
        drop(ledger.take(&demands, now).result.unwrap());
    }
    let size = ledger.dump(Scope::Lasting, at(year - 1)).len();
    assert!((8 << 10..10 << 10).contains(&size), "{size}");
}

#[test]
fn who_is_registered_finds_room_in_a_flood_of_addresses() {
    let secret = Secret::new(SECRET);
    let ledger = Ledger::new(secret, 100);
    let invented = Quota::new(sliding(9, 1_000_000), Subjects::Invented, &["address"], &secret);
    for who in 0..1_000 {
        _ = ledger.take(&[invented.of(&[&who.to_string()])], at(0)).result;
    }
    assert_eq!(ledger.len(), (76, 1));
    let registered = quota(sliding(9, 1_000_000), "registered");
    for who in 0..25 {
        let answer = ledger.take(&[registered.of(&[&who.to_string()])], at(0));
        assert!(answer.result.is_ok() && !answer.standings[0].is_shared);
    }
}

#[test]
fn a_process_that_nobody_follows_goes_on_with_whole_quotas() {
    let (quota, under_way, ledger) = (
        quota(sliding(32, 60_000_000), "stays"),
        quota(Limit::concurrent(32), "concurrent"),
        ledger(),
    );
    let demands = [quota.of(&["me"]), under_way.of(&["me"])];
    let mut holds = Vec::new();
    for _ in 0..2 {
        drop(ledger.leave(at(0)));
        holds.extend((0..9).filter_map(|_| ledger.take(&demands, at(0)).result.ok()));
        ledger.stay();
    }
    // A sixteenth each time, for what was set aside before was given up.
    assert_eq!(holds.len(), 4);
    holds.extend((0..99).filter_map(|_| ledger.take(&demands, at(0)).result.ok()));
    assert_eq!(holds.len(), 32);
    drop(holds);
    assert_eq!(ledger.look(&demands, at(60_000_000)).standings[1].remaining, 32);
}

#[test]
fn a_hand_over_never_lets_a_quota_be_passed() {
    let fresh = ledger;
    let (old, new) = (fresh(), fresh());
    let tokens = Limit::burst(32, Duration::from_secs(1), 32).unwrap();
    for (limit, most) in [
        (sliding(32, 60_000_000), 32),
        (sliding(3_200, 60_000_000), 3_200),
        (tokens, 32),
    ] {
        let quota = quota(limit, &most.to_string());
        for before in [0, 1, most - 1, most] {
            let subject = before.to_string();
            let demand = quota.of(&[&subject]);
            let passes = |ledger: &Arc<Ledger>| u64::from(ledger.take(&[demand], at(0)).result.is_ok());
            let (old, new) = (fresh(), fresh());
            let mut passed = (0..before).map(|_| passes(&old)).sum::<u64>();
            assert_eq!(passed, before);
            new.join(&Kept::read(&old.leave(at(0))).unwrap(), at(0)).unwrap();
            passed += (0..most).map(|_| passes(&old) + passes(&new)).sum::<u64>();
            assert!(passed <= most, "{passed} of {most}");
            new.conclude(Some(&Kept::read(&old.remainder(at(0))).unwrap()), at(0))
                .unwrap();
            passed += (0..most).map(|_| passes(&new)).sum::<u64>();
            assert_eq!(passed, most);
        }
    }
    let quota = quota(Limit::concurrent(32), "concurrent");
    let take = |ledger: &Arc<Ledger>| ledger.take(&[quota.of(&["me"])], at(0)).result.ok();
    let mut holds: Vec<_> = (0..10).filter_map(|_| take(&old)).collect();
    new.join(&Kept::read(&old.leave(at(0))).unwrap(), at(0)).unwrap();
    holds.extend((0..40).filter_map(|_| take(&old)));
    assert_eq!(holds.len(), 12);
    let newer: Vec<_> = (0..40).filter_map(|_| take(&new)).collect();
    assert_eq!(newer.len(), 20);
    drop(holds);
    new.conclude(Some(&Kept::read(&old.remainder(at(0))).unwrap()), at(0))
        .unwrap();
    assert_eq!((0..40).filter_map(|_| take(&new)).map(std::mem::forget).count(), 12);
}
