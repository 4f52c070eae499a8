//! What does it cost to ask the ledger, and how much memory do counters take?
//!
//! Claims: threads that share one subject get no less done together than one alone gets in half its time; a refusal
//! costs no more than a take. The aim is 400 ns for a take with four limits on one subject, their keys hashed each time
//! as it is timed here; it is not reached yet. Memory is printed by the counter, which is as many megabytes by the
//! million. What a stage costs with it is `throttle`'s question.

#![expect(clippy::expect_used, reason = "a bench ends at the first surprise")]
#![expect(clippy::print_stdout, reason = "memory is printed, not timed")]

use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use allocator::Allocator;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate::quota::{Calendar, CalendarSpan, Ledger, Limit, Moment, Quota, Secret, Subjects, Unit};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// The four limits of a request: of its subscription, two; of its application; of its resource.
struct Tiers([Quota; 4]);

impl Tiers {
    fn new(secret: &Secret, calls: u64) -> Self {
        let day = Calendar::new(CalendarSpan::Day, "Europe/Zurich").expect("a zone");
        let quota = |limit, name| Quota::new(limit, Subjects::Registered, &["acme", name], secret);
        let window = Duration::from_millis(50);
        Self([
            quota(
                Limit::sliding(Unit::Requests, calls, window).expect("a limit"),
                "subscription",
            ),
            quota(
                Limit::burst(1_000, Duration::from_millis(1), 5_000).expect("a limit"),
                "burst",
            ),
            quota(
                Limit::sliding(Unit::Requests, 1_000_000, window).expect("a limit"),
                "application",
            ),
            quota(Limit::calendar(Unit::Requests, u64::MAX, day), "resource"),
        ])
    }

    fn take(&self, ledger: &Arc<Ledger>, subject: &str, now: Moment) -> bool {
        let Self([subscription, burst, application, resource]) = self;
        let demands = [
            resource.of(&["orders", "1.0", "/orders/{id}", "GET"]),
            subscription.of(&[subject, "orders", "1.0"]),
            burst.of(&[subject, "orders", "1.0"]),
            application.of(&[subject, "user"]),
        ];
        black_box(ledger.take(&demands, now)).result.is_ok()
    }
}

fn taking(criterion: &mut Criterion) {
    let secret = Secret::new([7; 16]);
    let subjects: Vec<_> = (0..100_000).map(|number| format!("subject-{number}")).collect();
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Elements(1));
    for (name, calls) in [("passes", 1_000), ("is refused", 0)] {
        let tiers = Tiers::new(&secret, calls);
        for (spread, many) in [("one subject", 1), ("100,000 subjects", 100_000)] {
            let subjects = subjects.get(..many).expect("so many");
            for threads in [1, 2, 4] {
                let ledger = Ledger::new(secret, 1_000_000);
                group.bench_function(format!("{spread}, {threads} threads, {name}"), |bencher| {
                    let mut passed = Duration::ZERO;
                    bencher.iter_custom(|times| {
                        let (took, end) = run(&ledger, &tiers, subjects, (threads, times, passed));
                        passed = end;
                        took
                    });
                });
            }
        }
    }
    group.finish();
}

/// Takes so many times on so many threads, each 100 microseconds after the one before; returns how long all took
/// together, and the time that the ledger has got to.
fn run(
    ledger: &Arc<Ledger>,
    tiers: &Tiers,
    subjects: &[String],
    (threads, times, passed): (u64, u64, Duration),
) -> (Duration, Duration) {
    let share = times.div_ceil(threads);
    let start = Instant::now();
    thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let mut place = usize::try_from(thread).unwrap_or_default() * 7_919;
                for turn in 0..share {
                    place = (place + 61_813) % subjects.len();
                    let micros = (turn * threads + thread) * 100;
                    let subject = subjects.get(place).expect("one of them");
                    let now = passed + Duration::from_micros(micros);
                    let wall = 1_790_000_000_000_000;
                    tiers.take(ledger, subject, Moment::new(now, wall));
                }
            });
        }
    });
    (start.elapsed(), passed + Duration::from_micros(times * 100 + 1_000))
}

fn memory(_: &mut Criterion) {
    let secret = Secret::new([7; 16]);
    let is_test = std::env::args().any(|word| word == "--test");
    // Kept to the end: what one gave back, the next would not be seen to take.
    let mut ledgers = Vec::new();
    for (requests, figure, keys) in [
        (1, 1_000, 200_000),
        (50, 1_000, 200_000),
        (1_000, 1_000, 50_000),
        (1_000, 5_000, 50_000),
    ] {
        // `cargo bench -- --test` asks whether it runs, not what it says.
        let keys = if is_test { keys / 1_000 } else { keys };
        let limit = Limit::sliding(Unit::Requests, figure, Duration::from_secs(3_600)).expect("a limit");
        let quota = Quota::new(limit, Subjects::Registered, &["acme", "Gold"], &secret);
        let before = resident();
        let ledger = Ledger::new(secret, 2 * keys);
        for request in 0..requests {
            // Spread over the window, so that sums fill all of their slices.
            let now = Moment::new(Duration::from_millis(request * 3_599), 0);
            for key in 0..keys {
                assert!(ledger.take(&[quota.of(&[&key.to_string()])], now).result.is_ok());
            }
        }
        let each = resident().saturating_sub(before) / keys as u64;
        println!("memory: {requests} requests of {figure} in force: {each} bytes a counter");
        ledgers.push(ledger);
    }
}

/// Returns the bytes that the process has in memory.
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = pages.split(' ').nth(1).expect("a field").parse().expect("a number");
    pages * 4_096
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = memory, taking
}
criterion_main!(benches);
