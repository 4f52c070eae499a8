//! Does a change stay affordable when the whole catalog is compiled for it?
//!
//! Claim: believing and compiling grow in proportion to the catalog, and 10,000 API versions take well under a second.

#![expect(clippy::expect_used, reason = "a bench ends at the first surprise")]

use admin::model::catalog::Catalog;
use admin::model::sample;
use admin::model::source::NoReferences;
use criterion::{Criterion, criterion_group, criterion_main};
use tollgate::snapshot::compile;

fn compiling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    for apis in [1_000, 10_000] {
        let sources = sample::catalog(apis, 1, 3);
        let catalog = Catalog::believe(&sources, &NoReferences).expect("a sample is valid");
        group.bench_function(format!("believe {apis} APIs"), |bencher| {
            bencher.iter(|| Catalog::believe(&sources, &NoReferences));
        });
        group.bench_function(format!("compile {apis} APIs"), |bencher| {
            bencher.iter(|| compile(1, &catalog))
        });
    }
    group.finish();
}

criterion_group!(benches, compiling);
criterion_main!(benches);
