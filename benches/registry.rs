//! What does a registry of 100,000 applications with three subscriptions each cost?
//!
//! Claims: a lookup takes the same steps however many applications there are; 100,000 of them are read in under 5 s at
//! start and take less than 250 MB. Start and memory are measured once, and printed before the lookups.
//!
//! The lookups go from one application to another, so that with 100,000 of them no cache but the largest holds what is
//! looked at: the difference between the two counts is the four or five lines of memory that a lookup waits for then.

#![expect(clippy::expect_used, reason = "a bench ends at the first surprise")]
#![expect(clippy::print_stdout, reason = "what is measured once is printed")]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use admin::model::instant::UnixTime;
use admin::registry::Registry;
use admin::registry::application::ApplicationId;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn lookups(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("registry");
    for count in [1_000, 100_000] {
        let data = tempfile::tempdir().expect("a directory");
        runtime.block_on(fill(data.path(), count));
        let before = resident();
        let started = Instant::now();
        let registry = runtime.block_on(open(data.path()));
        let elapsed = started.elapsed();
        // Pages that the allocator holds back for now are the view's too: nothing is subtracted.
        let grown = resident().saturating_sub(before) / 1024;
        println!("registry: {count} applications read in {elapsed:?}, {grown} MiB more resident");
        let view = registry.view();
        assert_eq!(view.counts().applications, count);
        let mut turn = 0;
        let mut next = move || {
            turn = (turn + 7_919) % count;
            turn
        };
        // One after another in memory, as they are asked for: a request brings its key along.
        let keys: Vec<_> = (0..count)
            .map(|_| format!("consumer-key-of-application-{:06}", next() + 1))
            .collect();
        let mut keys = keys.iter().cycle();
        group.bench_function(BenchmarkId::new("client", count), |bencher| {
            bencher.iter(|| black_box(view.client(keys.next().expect("a key"))).expect("a client"));
        });
        group.bench_function(BenchmarkId::new("subscription", count), |bencher| {
            bencher.iter(|| {
                let id = ApplicationId(i64::try_from(next()).expect("a number") + 1);
                black_box(view.subscription(id, ("carbon.super", "Api 2", "1.0.0"))).expect("a subscription")
            });
        });
    }
    group.finish();
}

async fn open(data: &Path) -> Registry {
    Registry::open("sqlite", data, UnixTime(1)).await.expect("a registry")
}

/// Puts `count` applications in, each with two key pairs and three subscriptions to one of a hundred APIs.
async fn fill(data: &Path, count: usize) {
    open(data).await.close().await;
    let url = format!("sqlite://{}/registry.db", data.display());
    let mut database = AnyConnection::connect(&url).await.expect("the database");
    let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})");
    for statement in [
        "INSERT INTO users (id, tenant, name, password, created) VALUES (1, 'carbon.super', 'owner', '', 1)".to_owned(),
        format!(
            "INSERT INTO applications (uuid, name, owner_id, tier, token_type, created) {numbers} SELECT \
             'c7a1f7d6-0000-4000-8000-' || printf('%012d', i), 'Application ' || i, 1, 'Unlimited', 'JWT', 1 FROM n"
        ),
        clients("consumer-key-of-application-", "PRODUCTION"),
        clients("sandbox-key-of-application-", "SANDBOX"),
        subscriptions("1"),
        subscriptions("2"),
        subscriptions("3 + (id % 98)"),
    ] {
        database.execute(AssertSqlSafe(statement)).await.expect("a statement");
    }
    database.close().await.expect("an end");
}

fn clients(prefix: &str, key_type: &str) -> String {
    format!(
        "INSERT INTO clients (consumer_key, application_id, key_type, secret, grants, redirect_uris, is_public, \
         created) SELECT '{prefix}' || printf('%06d', id), id, '{key_type}', randomblob(32), \
         'client_credentials refresh_token', 'https://client.example/back', 0, 1 FROM applications"
    )
}

fn subscriptions(api: &str) -> String {
    format!(
        "INSERT INTO subscriptions (application_id, tenant, api, version, tier, state, created) \
         SELECT id, 'carbon.super', 'Api ' || ({api}), '1.0.0', 'Gold', 'UNBLOCKED', 1 FROM applications"
    )
}

/// Returns the resident memory of this process in KiB.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).expect("a number")
}

criterion_group!(benches, lookups);
criterion_main!(benches);
