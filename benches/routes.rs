//! Does finding a resource grow with the catalog?
//!
//! Claim: a lookup costs the same with 10, 1,000 and 100,000 resources, and with one tenant or a thousand.

#![expect(clippy::expect_used, clippy::panic, reason = "a bench ends at the first surprise")]

use std::hint::black_box;

use admin::model::catalog::Catalog;
use admin::model::method::MethodName;
use admin::model::sample;
use admin::model::source::NoReferences;
use criterion::{Criterion, criterion_group, criterion_main};
use tollgate::snapshot::{Mount, Snapshot, compile};
use tollgate::target::segments;

fn snapshot(apis: usize, resources: usize) -> Snapshot {
    let sources = sample::catalog(apis, 1, resources);
    let catalog = Catalog::believe(&sources, &NoReferences).expect("a sample is valid");
    compile(1, &catalog).expect("a sample compiles")
}

fn lookup(snapshot: &Snapshot, path: &str) {
    let place = snapshot
        .find_place("bench.example", black_box(path))
        .expect("a sample is mounted");
    let Mount::Named(version) = place.mount else {
        panic!("a sample names its version")
    };
    black_box(snapshot.find_route(version, &segments(&path[place.rest..]), Some(MethodName::Get)));
}

fn routes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("routes");
    for (apis, resources) in [(1, 10), (10, 100), (1_000, 100), (10, 10_000)] {
        let snapshot = snapshot(apis, resources);
        let path = format!("/sample-{}/1.0/resource-{}/42", apis / 2, resources / 4 * 2);
        group.bench_function(format!("{} resources in {apis} APIs", apis * resources), |bencher| {
            bencher.iter(|| lookup(&snapshot, &path));
        });
    }
    group.finish();
}

criterion_group!(benches, routes);
criterion_main!(benches);
