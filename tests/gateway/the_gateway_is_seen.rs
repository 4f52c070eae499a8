//! What the gateway says about itself and about each request.

use crate::harness::*;

async fn serving() -> (Origin, Gateway) {
    let origin = origin().start().await;
    let pets = version("1.0").to(&origin).resource(&["GET", "POST"], "/pets/{id}");
    let gateway = gateway().api(&api("Pets", "/p").version(pets)).start().await;
    (origin, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_that_it_lives_and_is_ready_and_what_it_is() {
    let (_origin, gateway) = serving().await;
    gateway.status("/livez").await.expect(200);
    let ready = gateway.status("/readyz").await.expect(200);
    assert!(ready.json().is_object());
    let version = gateway.status("/version").await.expect(200).json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    gateway.status("/nowhere").await.expect(404);
    gateway.get("/livez").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_what_answered_them() {
    let (_origin, gateway) = serving().await;
    for _ in 0..3 {
        gateway.get("/p/1.0/pets/7").await.expect(200);
    }
    gateway.get("/p/1.0/cats").await.expect(404);
    gateway.get("/nowhere").await.expect(404);
    let labels = ["tenant=\"carbon.super\"", "api=\"Pets\"", "version=\"1.0\""];
    let count = async |status: &str| {
        gateway
            .metric("tollgate_requests_total", &[labels[0], labels[1], labels[2], status])
            .await
    };
    eventually("requests to be counted", async || {
        count("2xx").await == 3.0 && count("4xx").await == 1.0
    })
    .await;
    let text = gateway.status("/metrics").await.text();
    assert!(
        !text.contains("/pets/7") && !text.contains("nowhere"),
        "labels must not hold paths"
    );
    assert!(text.contains("_bucket{"), "latencies are histograms");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_leaves_one_record() {
    let (_origin, gateway) = serving().await;
    let call = post("/p/1.0/pets/7?secret=hidden", "hello").header("X-Request-Id", "abc-123");
    gateway
        .call(call.header("User-Agent", "a \"quoted\" agent"))
        .await
        .expect(200);
    gateway.get("/nowhere").await.expect(404);
    let records = gateway.access_log(2).await;
    assert_eq!(records.len(), 2);
    let served = records.iter().find(|record| record["status"] == 200).unwrap();
    for (field, value) in [
        ("method", "POST"),
        ("api", "Pets"),
        ("version", "1.0"),
        ("request_id", "abc-123"),
    ] {
        assert_eq!(served[field], value, "{served}");
    }
    assert!(served.to_string().contains("/pets/{id}"), "{served}");
    let refused = records.iter().find(|record| record["status"] == 404).unwrap();
    assert!(refused.to_string().contains("unknown_api"), "{refused}");
    assert!(
        !records.iter().any(|record| record.to_string().contains("hidden")),
        "queries are not logged"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_parser_refuses_is_seen_too() {
    let (origin, gateway) = serving().await;
    let mut caller = gateway.connect().await;
    caller.send("GET /p/1.0/pets/7 HTTP/1.1\r\n\r\n").await;
    caller.reply().await.refused(400, &origin);
    assert_eq!(gateway.access_log(1).await[0]["status"], 400);
}
