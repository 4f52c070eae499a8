//! What do readers of the snapshot notice of a writer that replaces it all the time?
//!
//! Claim: a read stays within tens of nanoseconds, with and without a writer.

#![expect(clippy::expect_used, reason = "a bench ends at the first surprise")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use criterion::{Criterion, criterion_group, criterion_main};
use tollgate::snapshot::Snapshot;
use tollgate::snapshot::live::Live;

fn reading(criterion: &mut Criterion) {
    let live = Arc::new(Live::new(Snapshot::default()));
    let mut group = criterion.benchmark_group("swap");
    group.bench_function("read, nobody writes", |bencher| {
        bencher.iter(|| black_box(live.current()))
    });
    let stop = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let (live, stop) = (Arc::clone(&live), Arc::clone(&stop));
        move || {
            while !stop.load(Ordering::Relaxed) {
                drop(live.replace(Snapshot::default()));
            }
        }
    });
    group.bench_function("read, one writes without pause", |bencher| {
        bencher.iter(|| black_box(live.current()))
    });
    group.finish();
    stop.store(true, Ordering::Relaxed);
    writer.join().expect("the writer ends");
}

criterion_group!(benches, reading);
criterion_main!(benches);
