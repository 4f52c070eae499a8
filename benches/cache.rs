//! What does a stored response cost: to find, to store, to purge, and in memory?
//!
//! Claims: a million distinct keys leave the process within 1.25 times the bound, beside what it has when idle; a hit
//! does not cost more for a larger body; a purge costs the same however much is stored. Memory is printed and held
//! against the claim; what it is held against is the counting of the store, so it says whether the counting is true.

#![expect(clippy::expect_used, reason = "a bench ends at the first surprise")]
#![expect(clippy::print_stdout, reason = "memory is printed, not timed")]

use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use allocator::Allocator;
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pingora_cache::CacheMeta;
use pingora_cache::key::CacheKey;
use pingora_cache::trace::{Span, SpanHandle};
use pingora_http::ResponseHeader;
use tokio::runtime::{Builder, Runtime};
use tollgate::cache::storage::{Bounds, Doors, Kind, Labels, Owner, Scope, Selector, Store, Storing};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

const OWNER: Owner<'_> = Owner {
    tenant: "carbon.super",
    api: "YouTube",
    version: "3.0",
};

/// A store, and what Pingora would do with it.
struct World {
    store: Arc<Store>,
    doors: Doors,
    runtime: Runtime,
    span: SpanHandle,
}

impl World {
    fn new(memory: u64) -> Self {
        let store = Store::new(Bounds {
            memory,
            entries: 10_000_000,
            max_body: 4 << 20,
            disk: None,
        });
        Self {
            doors: Doors::open(&store),
            store,
            runtime: Builder::new_current_thread().build().expect("a runtime"),
            span: Span::inactive().handle(),
        }
    }

    fn put(&self, number: usize, body: &Bytes) {
        let target = target(number);
        let key = CacheKey::new(target.as_str(), "");
        let meta = self.meta(&target, body.len());
        self.runtime.block_on(async {
            let storage = self.doors.storage(key.primary_key());
            let writer = storage.get_miss_handler(&key, &meta, &self.span).await;
            let mut writer = writer.expect("it is stored");
            writer.write_body(body.clone(), true).await.expect("it is stored");
            writer.finish().await.expect("it is stored");
        });
    }

    /// Asks for a response as Pingora does: looks it up and reads to its end.
    fn find(&self, key: &CacheKey) -> bool {
        self.runtime.block_on(async {
            let storage = self.doors.storage(key.primary_key());
            let Some((meta, mut hit)) = storage.lookup(key, &self.span).await.expect("no failure") else {
                return false;
            };
            while let Some(piece) = hit.read_body().await.expect("no failure") {
                black_box(piece);
            }
            black_box(meta);
            true
        })
    }

    fn meta(&self, target: &str, length: usize) -> CacheMeta {
        let now = SystemTime::now();
        let mut header = ResponseHeader::build(200, Some(8)).expect("a status");
        let length = length.to_string();
        for (name, value) in [
            ("Content-Type", "application/json; charset=utf-8"),
            ("Content-Length", &length),
            ("Cache-Control", "public, max-age=300, stale-while-revalidate=60"),
            ("ETag", "\"33a64df551425fcc55e4d42a148795d9f25f89d4\""),
            ("Last-Modified", "Wed, 21 Oct 2026 07:28:00 GMT"),
            ("Date", "Sun, 22 Nov 2026 12:00:00 GMT"),
            ("Vary", "Accept-Encoding"),
            ("X-Request-Id", "0198b0a2-7c3e-7f5e-9d2a-3a5b8f1c2d4e"),
        ] {
            header.append_header(name, value).expect("a field");
        }
        let mut meta = CacheMeta::new(now + Duration::from_secs(300), now, 60, 0, header);
        let labels = Labels::new(OWNER, target).tagged(OWNER.tenant, ["videos"]);
        meta.extensions_mut().insert(Storing {
            labels: labels.expect("few tags"),
            asked: self.store.stamp(),
        });
        meta
    }
}

fn target(number: usize) -> String {
    format!("/youtube/3.0/videos/{number:08}?part=snippet")
}

fn memory(_: &mut Criterion) {
    const BOUND: u64 = 256 << 20;
    // `cargo bench -- --test` asks whether it runs, not what it says.
    let is_test = std::env::args().any(|word| word == "--test");
    let keys = if is_test { 1_000 } else { 1_000_000 };
    // Kept to the end: what one gave back, the next would not be seen to take.
    let mut worlds = Vec::new();
    let sizes: [(&str, &[usize]); 3] = [
        ("no", &[0]),
        ("1 KiB", &[1 << 10]),
        ("100 B to 200 KiB", &[100, 900, 3_000, 17_000, 70_000, 200_000]),
    ];
    for (name, sizes) in sizes {
        let bodies: Vec<_> = sizes.iter().map(|size| Bytes::from(vec![7; *size])).collect();
        let before = resident();
        let world = World::new(BOUND);
        for number in 0..keys {
            let body = bodies.get(number % bodies.len()).expect("one of them");
            world.put(number, body);
        }
        let figures = world.store.figures();
        let taken = resident() - before;
        println!(
            "memory: {keys} keys, bodies of {name}: {} entries counted as {} MiB, {} MiB taken, {:.2} of the bound",
            figures.entries,
            figures.bytes >> 20,
            taken >> 20,
            ratio(taken, BOUND),
        );
        assert!(taken <= BOUND + BOUND / 4, "more than 1.25 times the bound");
        worlds.push(world);
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "two digits are printed")]
    let ratio = part as f64 / whole as f64;
    ratio
}

fn using(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cache");
    group.throughput(Throughput::Elements(1));
    for (name, size) in [("1 KiB", 1 << 10), ("100 KiB", 100 << 10)] {
        let world = World::new(64 << 20);
        let body = Bytes::from(vec![7; size]);
        world.put(1, &body);
        group.bench_function(format!("a hit of {name}, its key hashed"), |bencher| {
            bencher.iter(|| assert!(world.find(&CacheKey::new(target(1), ""))));
        });
        group.bench_function(format!("a response of {name} is stored"), |bencher| {
            bencher.iter(|| world.put(2, &body));
        });
    }
    for (name, entries) in [("1,000", 1_000), ("30,000", 30_000)] {
        let world = World::new(256 << 20);
        (0..entries).for_each(|number| world.put(number, &Bytes::new()));
        let now = SystemTime::now();
        let tag = |tag| Selector::Tag {
            tenant: OWNER.tenant,
            tag,
        };
        group.bench_function(format!("a purge by tag beside {name} entries"), |bencher| {
            bencher.iter(|| world.store.purge(&tag("none"), Kind::Hard, now));
        });
        group.bench_function(format!("a purge by tag of {name} entries is settled"), |bencher| {
            bencher.iter(|| {
                world.store.purge(&tag("none"), Kind::Hard, now);
                world.store.settle(now)
            });
        });
        let scope = Selector::Scope(Scope::Everything);
        world.store.purge(&scope, Kind::Hard, now);
        world.store.settle(now);
        assert_eq!(world.store.figures().entries, 0);
    }
    group.finish();
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
    targets = memory, using
}
criterion_main!(benches);
