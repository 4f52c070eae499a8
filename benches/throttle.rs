//! What does it cost to hold a request against four quotas, from finding them to the answer of the ledger?
//!
//! Claim: nothing of the difference between the two lines allocates, and it takes some 4,000 instructions (4,013 by
//! callgrind). The aim is 400 ns for it: after `make pgo`, `make pgo BENCH="--bench throttle"` says 380 on an EPYC at 2.6 GHz.
//! `ledger` asks what the counts alone cost, and what threads that share them do to each other.

#![expect(clippy::expect_used, reason = "a bench ends at the first surprise")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use admin::model::catalog::Catalog;
use admin::model::instant::UnixTime;
use admin::model::source::{NoReferences, Source};
use allocator::Allocator;
use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method};
use tollgate::admission::{Admitted, Means, Purpose, admission};
use tollgate::counting::Counts;
use tollgate::credential::Credentials;
use tollgate::head::{Head, Scheme};
use tollgate::model::security::CredentialFields;
use tollgate::quota::{Ledger, Secret};
use tollgate::settings::Limits;
use tollgate::snapshot::{Snapshot, compile_for};
use tollgate::stages::Spent;
use tollgate::stages::recorder::Silent;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

const API: &str = r#"
name = "Orders"
context = "/orders"

[[versions]]
version = "1.0"
state = "published"
LINES
endpoints = { production = "http://127.0.0.1:9001" }
resources = [{ path = "/orders/{id}", methods = ["GET"], auth = "none" }]
"#;

const TIERS: &str = r#"
[[tiers]]
name = "Whole"
level = "resource"
limits = [{ requests = 100000000000, per = "1m" }]

[[tiers]]
name = "Unauthenticated"
level = "subscription"
limits = [{ requests = 1000000000, per = "1s", burst = 1000000000 }]

[[counting_rules]]
name = "site"
key = "{client_ip}{header:X-Site}"
limits = [{ requests = 100000000000, calendar = "day", zone = "Europe/Zurich" }]
"#;

fn snapshot(lines: &str, more: &str, secret: &Secret) -> Snapshot {
    let source = Source {
        name: "orders.toml".into(),
        text: format!("{}{more}", API.replace("LINES", lines)).into(),
    };
    let catalog = Catalog::believe(&[source], &NoReferences).expect("a catalog");
    compile_for(1, &catalog, (&CredentialFields::default(), secret)).expect("a snapshot")
}

fn stage(criterion: &mut Criterion) {
    let secret = Secret::new([7; 16]);
    let counts = Counts::new(Ledger::new(secret, 1_000_000));
    let credentials = Credentials::new(Arc::default());
    let mut headers = HeaderMap::new();
    headers.insert("x-site", HeaderValue::from_static("zurich"));
    let limits = Limits {
        connections: 1000,
        header_count: 100,
        header_bytes: 32 * 1024,
        uri_bytes: 8 * 1024,
        request_body: 1024 * 1024,
        requests_per_connection: 1000,
        http2_streams: 100,
    };
    let path = "/orders/1.0/orders/42";
    let head = Head {
        method: &Method::GET,
        path: path.as_bytes(),
        target_bytes: path.len(),
        query: "",
        certificate: None,
        host: Some("bench.example"),
        headers: &headers,
        raw: b"",
        scheme: Scheme::Http,
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let mut group = criterion.benchmark_group("throttle");
    let all = "tier = \"Whole\"\nmax_tps = { production = 1000000000 }";
    for (name, quotas, snapshot) in [
        ("admission with four quotas", 4, snapshot(all, TIERS, &secret)),
        ("admission without any", 0, snapshot("", "", &secret)),
    ] {
        // An exchange knows when it arrived; each of these comes ten microseconds after the one before.
        let (mut arrived, mut at) = (Instant::now(), SystemTime::now());
        let mut admit = || {
            arrived += Duration::from_micros(10);
            at += Duration::from_micros(10);
            let means = Means {
                snapshot: &snapshot,
                limits: &limits,
                credentials: &credentials,
                counts: (&counts, Purpose::Spend(counts.at(arrived, at))),
                now: UnixTime(0),
            };
            let mut spent = Spent::default();
            let admitted = admission(|| head, means, &mut spent, &mut Silent)
                .now_or_never()
                .expect("nothing to wait for");
            (admitted, spent)
        };
        match admit() {
            (Ok(Admitted::Permit(_)), spent) => assert_eq!(spent.standings.policies().len(), quotas),
            other => panic_of(&other),
        }
        group.bench_function(name, |bencher| bencher.iter(|| black_box(admit()).0.is_ok()));
    }
    group.finish();
}

fn panic_of(other: &dyn std::fmt::Debug) {
    assert_eq!(format!("{other:?}"), "a permit");
}

criterion_group!(benches, stage);
criterion_main!(benches);
