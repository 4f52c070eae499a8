//! What the gateway tells of its last hour and of its endpoints, over real traffic.

use std::time::{Duration, Instant};

use admin::http::traffic::{EndpointState, Environment};

use crate::harness::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_traffic_sets_aside_is_told_with_its_end() {
    let good = origin().answers(|_| answer(200)).start().await;
    let (refusing, _guard) = refusing();
    let urls = [&*format!("http://{refusing}"), &*good.url()];
    let version = version("1.0").production(&urls).suspend(2, "1h");
    let gateway = gateway().api(&api("Open", "/p").version(version)).start().await;
    let told = || gateway.traffic().endpoints(("carbon.super", "Open", "1.0")).unwrap();
    assert!(
        told()
            .iter()
            .all(|it| it.state == EndpointState::Healthy && it.failures == 0)
    );
    for _ in 0..4 {
        gateway.get("/p/1.0/a").await.expect(200);
    }
    let found = told();
    assert_eq!(found[0].environment, Environment::Production);
    assert_eq!((found[0].state, found[0].failures), (EndpointState::Suspended, 2));
    let left = found[0].suspended_for_ms.unwrap();
    assert!((3_000_000..=3_600_000).contains(&left), "{left}");
    assert_eq!(
        (found[1].state, found[1].suspended_until),
        (EndpointState::Healthy, None)
    );
    assert!(gateway.traffic().endpoints(("carbon.super", "Open", "2.0")).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_hour_begins_within_ten_seconds() {
    let origin = origin().answers(|_| answer(200)).start().await;
    let gateway = gateway()
        .api(&api("Open", "/p").version(version("1.0").to(&origin)))
        .start()
        .await;
    for _ in 0..3 {
        gateway.get("/p/1.0/a").await.expect(200);
    }
    gateway.get("/nowhere").await.expect(404);
    assert_eq!(origin.requests().len(), 3, "the last one met no API");
    let began = Instant::now();
    while gateway.traffic().history().samples.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let history = gateway.traffic().history();
    let first = &history.samples[0];
    assert_eq!(
        (first.requests, first.statuses.success, first.statuses.client_error),
        (4, 3, 1)
    );
    assert!(first.latency.p99_ms.is_some() && first.resident_bytes > 0);
    assert!((9.0..30.0).contains(&first.seconds), "{}", first.seconds);
    let version = &history.versions[0];
    assert_eq!((version.api.as_str(), version.requests), ("Open", 3));
}
