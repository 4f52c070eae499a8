//! What is told of a catalog that is published, and of requests that were counted.

use std::net::{IpAddr, Ipv4Addr};

use admin::control::publish::{Publish, Revision};
use admin::http::traffic::Traffic;
use http::Version;

use super::*;
use crate::accept::connections::Connections;
use crate::bridge::publish::Publisher;
use crate::model::catalog::Catalog;
use crate::model::source::{NoReferences, Source};
use crate::telemetry::record::{Answer, Asked, By, Record};
use crate::upstream::{Keeping, Pool};

const PETS: &str = r#"
name = "Pets"
context = "/pets"

[[versions]]
version = "1.0"
state = "published"
endpoints = { production = ["http://127.0.0.1:9", "http://nowhere.invalid:81"], sandbox = "http://[::1]:8/x" }
resources = [{ path = "/cats", methods = ["GET"], auth = "none" }]

[[versions]]
version = "2.0"
state = "retired"
endpoints = { production = "http://127.0.0.1:9" }
resources = [{ path = "/cats", methods = ["GET"], auth = "none" }]
"#;

/// A request that was answered within a millisecond.
fn record(status: u16) -> Record<'static> {
    Record {
        at: UNIX_EPOCH,
        id: "",
        by: By::Gateway(1),
        asked: Asked {
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            scheme: "http",
            protocol: Version::HTTP_11,
            method: "GET",
            host: b"",
            path: b"/",
            user_agent: b"",
            trace: None,
            bytes: 0,
        },
        route: None,
        identity: None,
        upstream: None,
        answer: Answer {
            status,
            code: None,
            reason: None,
            flaw: None,
            cache: None,
            bytes: 0,
            duration: Duration::from_millis(1),
        },
    }
}

fn watching() -> Watching {
    let source = Source {
        name: "pets.toml".into(),
        text: PETS.into(),
    };
    let live = Arc::new(Live::new(Served::default()));
    let telemetry = Telemetry::new(None, Connections::new(0));
    let pool = Pool::new(Keeping::new(Duration::from_secs(1), 1));
    let publisher = Publisher::new(Arc::clone(&live), pool, Arc::clone(&telemetry), None);
    let catalog = Catalog::believe(&[source], &NoReferences).unwrap();
    publisher.prepare(Revision(1), &catalog).unwrap()();
    Watching::new(live, telemetry)
}

#[test]
fn the_endpoints_of_a_version_are_told_in_the_order_of_the_catalog() {
    let watching = watching();
    let told = watching.endpoints(("carbon.super", "Pets", "1.0")).unwrap();
    let states: Vec<_> = told
        .iter()
        .map(|it| (it.environment, it.url.as_str(), it.state, it.addresses.len()))
        .collect();
    assert_eq!(
        states,
        [
            (
                port::Environment::Production,
                "http://127.0.0.1:9/",
                port::EndpointState::Healthy,
                1
            ),
            (
                port::Environment::Production,
                "http://nowhere.invalid:81/",
                port::EndpointState::Unresolved,
                0
            ),
            (
                port::Environment::Sandbox,
                "http://[::1]:8/x",
                port::EndpointState::Healthy,
                1
            ),
        ]
    );
    assert!(watching.endpoints(("carbon.super", "Pets", "3.0")).is_none());
    assert!(watching.endpoints(("acme.example", "Pets", "1.0")).is_none());
    let retired = watching.endpoints(("carbon.super", "Pets", "2.0")).unwrap();
    assert_eq!(retired[0].state, port::EndpointState::Inactive);
}

#[test]
fn a_suspension_is_told_with_its_end() {
    let now = UNIX_EPOCH + Duration::from_secs(1_000);
    let report = Report {
        url: "http://a/".to_owned(),
        state: EndpointState::Suspended(Duration::from_millis(2_500)),
        failures: 3,
        probed: Some(Probed::InOrder),
        under_way: 1,
        addresses: Vec::new(),
    };
    let told = serde_json::to_value(endpoint(report, port::Environment::Sandbox, now)).unwrap();
    assert_eq!(
        told,
        serde_json::json!({
            "environment": "sandbox", "url": "http://a/", "state": "suspended", "suspended_for_ms": 2500,
            "suspended_until": 1002, "failures": 3, "probe": "up", "under_way": 1, "addresses": [],
        })
    );
}

#[tokio::test(start_paused = true)]
async fn traffic_is_told_by_sample_and_by_version() {
    let watching = watching();
    let (shutdown, stopping) = tokio::sync::watch::channel(false);
    let keeping = tokio::spawn(Arc::clone(&watching.telemetry).keep_history(stopping));
    tokio::time::sleep(STEP / 2).await;
    let meter = |version: &str| watching.telemetry.meter("carbon.super", "Pets", version);
    let answer = |version: &str, status: u16| {
        watching.telemetry.record(&record(status), Some(&meter(version)));
    };
    for status in [200, 200, 404, 503] {
        answer("1.0", status);
    }
    answer("2.0", 200);
    tokio::time::sleep(STEP).await;
    (0..9).for_each(|_| answer("2.0", 304));
    tokio::time::sleep(STEP).await;
    shutdown.send_replace(true);
    keeping.await.unwrap();
    let told = serde_json::to_value(watching.history()).unwrap();
    assert_eq!((&told["interval_seconds"], &told["most"]), (&10.into(), &360.into()));
    let first = &told["samples"][0];
    assert_eq!(first["requests"], 5);
    assert_eq!(
        first["statuses"],
        serde_json::json!({ "none": 0, "1xx": 0, "2xx": 3, "3xx": 0, "4xx": 1, "5xx": 1 })
    );
    let p50 = first["latency"]["p50_ms"].as_f64().unwrap();
    assert!((0.5..=1.0).contains(&p50), "{p50}");
    assert_eq!(told["samples"][1]["statuses"]["3xx"], 9);
    let versions: Vec<_> = told["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["version"].as_str().unwrap(), it["requests"].as_u64().unwrap()))
        .collect();
    assert_eq!(versions, [("2.0", 10), ("1.0", 4)]);
    let of_first = &told["versions"][1];
    assert_eq!(
        (&of_first["client_errors"], &of_first["server_errors"]),
        (&1.into(), &1.into())
    );
    assert_eq!(of_first["samples"][1]["requests"], 0, "nothing in the second");
    assert_eq!(of_first["samples"].as_array().unwrap().len(), 2);
}
