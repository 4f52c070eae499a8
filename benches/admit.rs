//! What does the whole decision about a request cost?
//!
//! Claim: admission does not grow with the number of APIs, and is a small part of what proxying a request costs.

#![expect(clippy::expect_used, reason = "a bench ends at the first surprise")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use admin::model::catalog::Catalog;
use admin::model::instant::UnixTime;
use admin::model::sample;
use admin::model::source::NoReferences;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method};
use tollgate::credential::Credentials;
use tollgate::head::{Head, Scheme};
use tollgate::settings::Limits;
use tollgate::snapshot::compile;
use tollgate::stages::{Demands, admit};

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "bench.example"),
        ("accept", "*/*"),
        ("user-agent", "bench/1.0"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

fn limits() -> Limits {
    Limits {
        connections: 1000,
        header_count: 100,
        header_bytes: 32 * 1024,
        uri_bytes: 8 * 1024,
        request_body: 1024 * 1024,
        requests_per_connection: 1000,
        http2_streams: 100,
    }
}

fn admission(criterion: &mut Criterion) {
    let (headers, limits) = (headers(), limits());
    let credentials = Credentials::new(Arc::default());
    let mut group = criterion.benchmark_group("admit");
    for apis in [10, 10_000] {
        let catalog = Catalog::believe(&sample::catalog(apis, 1, 5), &NoReferences).expect("a sample is valid");
        let snapshot = compile(1, &catalog).expect("a sample compiles");
        for (what, rest, permitted) in [
            ("a permit", "resource-2/42", true),
            ("a refusal", "nothing/here", false),
        ] {
            let path = format!("/sample-{}/1.0/{rest}", apis / 2);
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
            let admit = || {
                let (means, mut demands) = ((&credentials, UnixTime(0)), Demands::default());
                black_box(admit(black_box(&head), &snapshot, &limits, means, &mut demands)).is_ok()
            };
            assert_eq!(admit(), permitted);
            group.bench_function(format!("{what} among {apis} APIs"), |bencher| bencher.iter(admit));
        }
    }
    group.finish();
}

criterion_group!(benches, admission);
criterion_main!(benches);
