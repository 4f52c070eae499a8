//! Questions of whether a request may go on: to whom, by whom, how often.

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use futures_util::FutureExt as _;
use tollgate::admission::{Means, Purpose, admission};
use tollgate::counting::Counts;
use tollgate::credential::{Credentials, Judgement, Occasion};
use tollgate::quota::{Calendar, CalendarSpan, Ledger, Limit, Moment, Quota, Subjects, Unit};
use tollgate::stages::recorder::Silent;
use tollgate::stages::{self, Demands, Spent};

use crate::questions::Asked;
use crate::world::{CALLER, NOW, World, head, headers, limits, sampled, secret};

/// Decides about a request without counting it, among so many APIs.
pub(crate) fn admit(apis: usize, rest: &str) -> Asked {
    let (snapshot, limits, headers) = (sampled(apis), limits(), headers(None));
    let credentials = Credentials::new(Default::default());
    let path = format!("/sample-{}/1.0/{rest}", apis / 2);
    let is_there = rest != "nothing/here";
    Box::new(move || {
        let mut demands = Demands::default();
        let admitted = stages::admit(
            black_box(&head(&path, &headers)),
            &snapshot,
            &limits,
            (&credentials, NOW),
            &mut demands,
        );
        assert_eq!(black_box(admitted).is_ok(), is_there);
    })
}

/// Judges a token that was verified before.
pub(crate) fn token() -> Asked {
    let world = World::new();
    let (token, on) = (world.token(), occasion(world));
    judging(move || world.credentials.bearer(black_box(&token), &on))
}

/// Judges an API key that was seen before.
pub(crate) fn api_key() -> Asked {
    let world = World::new();
    let on = occasion(world);
    judging(move || world.credentials.api_key(black_box(API_KEY), &on))
}

/// That of `conf/bootstrap.toml`.
const API_KEY: &str = "tgk_of-the-bench-of-some-length";

fn judging(judge: impl Fn() -> Judgement + 'static) -> Asked {
    Box::new(move || assert!(matches!(black_box(judge()), Judgement::Proven(_))))
}

fn occasion(world: &'static World) -> Occasion<'static> {
    Occasion {
        version: world.snapshot.versions().get(1).expect("the one that asks who calls"),
        managers: &[],
        edition: (1, 1),
        claims: world.snapshot.tiers().claims(),
        certificate: None,
        client: CALLER,
        referer: None,
        now: NOW,
    }
}

/// Takes from four limits at once, of which the first is this; the keys of all are hashed each time.
pub(crate) fn ledger(most: u64) -> Asked {
    let secret = secret();
    let day = Calendar::new(CalendarSpan::Day, "Europe/Zurich").expect("a zone");
    let minute = Duration::from_secs(60);
    let sliding = |most| Limit::sliding(Unit::Requests, most, minute).expect("a limit");
    let burst = Limit::burst(1_000_000, Duration::from_secs(1), 1_000_000).expect("a limit");
    let quota = |limit, name| Quota::new(limit, Subjects::Registered, &["acme", name], &secret);
    let quotas = [
        quota(sliding(most), "subscription"),
        quota(burst, "burst"),
        quota(sliding(1_000_000_000), "application"),
        quota(Limit::calendar(Unit::Requests, u64::MAX, day), "resource"),
    ];
    let ledger = Ledger::new(secret, 1_000_000);
    let mut turn = 0;
    Box::new(move || {
        turn += 1;
        let [subscription, burst, application, resource] = &quotas;
        let demands = [
            subscription.of(&["subject", "orders", "1.0"]),
            burst.of(&["subject", "orders", "1.0"]),
            application.of(&["subject", "user"]),
            resource.of(&["orders", "1.0", "/orders/{id}", "GET"]),
        ];
        let now = Moment::new(Duration::from_micros(turn * 10), 1_790_000_000_000_000);
        let answer = black_box(ledger.take(black_box(&demands), now));
        assert_eq!(answer.result.is_ok(), turn <= most);
    })
}

/// Makes the whole decision about a request, from its head to what it may do or why not.
pub(crate) fn decision(path: &'static str, shows_token: bool, status: u16) -> Asked {
    let world = World::new();
    let headers = headers(shows_token.then(|| world.token()).as_deref());
    let (counts, limits) = (Counts::new(Ledger::new(secret(), 1_000_000)), limits());
    let (start, wall) = (Instant::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.0));
    let mut turn = 0;
    Box::new(move || {
        // An exchange knows when it arrived; each of these comes ten microseconds after the one before.
        turn += 1;
        let passed = Duration::from_micros(turn * 10);
        let means = Means {
            snapshot: &world.snapshot,
            limits: &limits,
            credentials: &world.credentials,
            counts: (&counts, Purpose::Spend(counts.at(start + passed, wall + passed))),
            now: NOW,
        };
        let mut spent = Spent::default();
        let head = || head(black_box(path), &headers);
        let admitted = admission(head, means, &mut spent, &mut Silent).now_or_never();
        match black_box(admitted.expect("nothing to wait for")) {
            Ok(_) => assert!(status == 200 || turn == 1),
            Err(refusal) => assert_eq!(refusal.denial.fault().status, status),
        }
    })
}
