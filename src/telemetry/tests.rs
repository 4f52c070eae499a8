//! What is counted shows on the status page, over real sockets.

use std::net::SocketAddr;
use std::os::fd::IntoRawFd;
use std::time::Duration;

use parking_lot::Mutex;
use pingora_core::server::Fds;
use pingora_core::services::Service as _;
use pingora_core::services::listening::Service;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::line::tests::record;
use super::readiness::Readiness;
use super::record::Answer;
use super::status::Status;
use super::*;
use crate::accept::door::{Door, Patience};
use crate::upstream::Failure;

fn telemetry() -> Arc<Telemetry> {
    Telemetry::new(None, Connections::new(1))
}

fn lines(telemetry: &Telemetry) -> Vec<String> {
    telemetry
        .metrics()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_request_shows_in_every_metric_that_it_touches() {
    let telemetry = telemetry();
    let meter = telemetry.meter("carbon.super", "YouTube", "3.0");
    let under_way = telemetry.began();
    meter.upstream_failed(Failure::ConnectFailed);
    telemetry.record(&record(b"/youtube/videos/7", b""), Some(&meter));
    let refused = Answer {
        status: 404,
        code: Some("404"),
        reason: Some("unknown_api"),
        flaw: None,
        cache: None,
        bytes: 0,
        duration: Duration::from_micros(20),
    };
    telemetry.record(
        &Record {
            route: None,
            identity: None,
            upstream: None,
            answer: refused,
            ..record(b"/nothing", b"")
        },
        None,
    );
    let shown = lines(&telemetry);
    for line in [
        r#"tollgate_requests_total{tenant="carbon.super",api="YouTube",version="3.0",status="2xx"} 1"#,
        r#"tollgate_requests_total{tenant="",api="",version="",status="4xx"} 1"#,
        r#"tollgate_request_duration_seconds_count{tenant="carbon.super",api="YouTube",version="3.0"} 1"#,
        r#"tollgate_request_duration_seconds_bucket{le="0.0025",tenant="carbon.super",api="YouTube",version="3.0"} 1"#,
        r#"tollgate_upstream_duration_seconds_count{tenant="carbon.super",api="YouTube",version="3.0"} 1"#,
        r#"tollgate_upstream_failures_total{tenant="carbon.super",api="YouTube",version="3.0",reason="connect_failed"} 1"#,
        r#"tollgate_upstream_retries_total{tenant="carbon.super",api="YouTube",version="3.0"} 1"#,
        r#"tollgate_refusals_total{code="404",reason="unknown_api"} 1"#,
        "tollgate_requests_in_flight 1",
        "tollgate_access_log_dropped_total 0",
        "tollgate_connections_open 0",
    ] {
        assert!(shown.iter().any(|shown| shown == line), "{line}\n{}", shown.join("\n"));
    }
    drop(under_way);
    assert!(lines(&telemetry).contains(&"tollgate_requests_in_flight 0".to_owned()));
}

#[test]
fn the_label_set_stays_as_small_as_the_catalog() {
    let telemetry = telemetry();
    for revision in 1..=2_000 {
        let version = format!("{revision}.0");
        let meter = telemetry.meter("carbon.super", "Orders", &version);
        telemetry.record(&record(b"/", b""), Some(&meter));
        telemetry.published(
            revision,
            1,
            std::iter::once(("carbon.super", "Orders", version.as_str())),
        );
    }
    let shown = lines(&telemetry);
    assert_eq!(
        shown
            .iter()
            .filter(|line| line.starts_with("tollgate_requests_total"))
            .count(),
        1
    );
    assert!(shown.contains(&"tollgate_catalog_revision 2000".to_owned()));
    assert!(shown.contains(&r#"tollgate_reloads_total{outcome="applied"} 2000"#.to_owned()));
}

#[test]
fn a_refused_change_is_up_until_it_is_mended() {
    let telemetry = telemetry();
    let refused = || {
        lines(&telemetry)
            .into_iter()
            .find(|line| line.starts_with("tollgate_catalog_refused"))
            .unwrap()
    };
    telemetry.published(1, 1, std::iter::empty());
    telemetry.reload_refused();
    assert_eq!(refused(), "tollgate_catalog_refused 1");
    telemetry.reload_unchanged();
    assert_eq!(refused(), "tollgate_catalog_refused 0");
}

#[test]
fn a_page_of_many_versions_is_readable_to_the_end() {
    let telemetry = telemetry();
    for version in 0..100 {
        let meter = telemetry.meter("carbon.super", "Orders", &version.to_string());
        telemetry.record(&record(b"/", b""), Some(&meter));
    }
    let page = telemetry.metrics();
    assert!(page.ends_with("# EOF\n"));
    let families: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let mut once = families.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(families.len(), once.len(), "each family is declared once");
    let memory = page
        .lines()
        .find_map(|line| line.strip_prefix("process_resident_memory_bytes "))
        .unwrap();
    assert!(memory.parse::<u64>().unwrap() > 1_000_000);
}

struct Page {
    address: SocketAddr,
    readiness: Arc<Readiness>,
    _stop: watch::Sender<bool>,
}

fn open() -> Page {
    let readiness = Arc::<Readiness>::default();
    let status = Arc::new(Status::new(telemetry(), readiness.clone()));
    let second = Duration::from_secs(1);
    let patience = Patience {
        handshake: second,
        silence: second,
        header: second,
    };
    let door = Door::plain(status, Connections::new(8), patience);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let mut service = Service::new("status".to_owned(), door);
    service.add_tcp(&address.to_string());
    let mut fds = Fds::new();
    fds.add(address.to_string(), listener.into_raw_fd());
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        service
            .start_service(Some(Arc::new(Mutex::new(fds))), stopping, 1)
            .await
    });
    Page {
        address,
        readiness,
        _stop: stop,
    }
}

/// Asks two things on one connection, so that a body where none may be would be seen, and returns the first answer.
async fn ask(page: &Page, request: &str) -> String {
    let mut client = TcpStream::connect(page.address).await.unwrap();
    client
        .write_all(format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    let mut read = [0; 65536];
    while !answer.contains("\r\n\r\n") {
        let length = client.read(&mut read).await.unwrap();
        answer.push_str(std::str::from_utf8(&read[..length]).unwrap());
    }
    let second = "GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    client.write_all(second.as_bytes()).await.unwrap();
    client.read_to_string(&mut answer).await.unwrap();
    let (first, second) = answer.rsplit_once("HTTP/1.1 ").unwrap();
    assert!(second.starts_with("404 "), "{answer}");
    first.to_owned()
}

#[tokio::test]
async fn probes_are_told_whether_to_send_traffic() {
    let page = open();
    assert!(ask(&page, "GET /livez").await.starts_with("HTTP/1.1 200 "));
    assert!(ask(&page, "GET /readyz").await.starts_with("HTTP/1.1 503 "));
    page.readiness.set_serving(7);
    let ready = ask(&page, "GET /readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200 "), "{ready}");
    assert!(
        ready.contains(r#"{"ready":true,"revision":7,"draining":false,"catalog":{"applied":"2"#),
        "{ready}"
    );
    page.readiness.set_draining();
    assert!(ask(&page, "GET /readyz").await.starts_with("HTTP/1.1 503 "));
    assert!(ask(&page, "GET /livez").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn metrics_and_version_are_served_and_nothing_else() {
    let page = open();
    let metrics = ask(&page, "GET /metrics").await.to_lowercase();
    assert!(
        metrics.contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{metrics}"
    );
    assert!(metrics.ends_with("# eof\n"), "{metrics}");
    let version = ask(&page, "GET /version").await;
    assert!(
        version.ends_with(&format!(
            r#"{{"name":"tollgate","version":"{}"}}"#,
            env!("CARGO_PKG_VERSION")
        )),
        "{version}"
    );
    assert!(ask(&page, "GET /metrics/more").await.starts_with("HTTP/1.1 404 "));
    let refused = ask(&page, "DELETE /metrics").await;
    assert!(
        refused.starts_with("HTTP/1.1 405 ") && refused.to_lowercase().contains("allow: get, head"),
        "{refused}"
    );
    let head = ask(&page, "HEAD /livez").await;
    assert!(
        head.ends_with("\r\n\r\n") && head.to_lowercase().contains("content-length: 3"),
        "{head}"
    );
}
