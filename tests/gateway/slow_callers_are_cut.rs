//! How long a caller may take over anything: handshakes, heads, bodies, silence, and reading.

use std::time::Duration;

use tokio::time::sleep;

use crate::harness::*;

async fn serving(settings: &[(&str, &str)]) -> (Origin, Gateway) {
    let origin = origin().start().await;
    let open = api("Open", "/p").version(version("1.0").to(&origin));
    let builder = settings
        .iter()
        .fold(gateway().tls(), |builder, (key, value)| builder.set(key, value));
    (origin, builder.api(&open).start().await)
}

/// Writes one byte of a head again and again until the other side ends the connection.
async fn drip(caller: &mut Caller) {
    let dripped = async {
        for byte in "GET /p/1.0/a HTTP/1.1\r\nX-Slow: "
            .bytes()
            .chain(std::iter::repeat(b'x'))
        {
            if caller.wire().write(&[byte]).await.is_err() {
                return;
            }
            // The pace of the slow caller, not a wait for anything.
            sleep(Duration::from_millis(20)).await;
        }
    };
    soon("a dripping caller to be cut", dripped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_drips_is_cut_on_the_first_request_and_on_the_second() {
    let (origin, gateway) = serving(&[("timeouts.header", "\"300ms\"")]).await;
    drip(&mut gateway.connect().await).await;
    origin.saw_nothing();
    let mut caller = gateway.connect().await;
    caller.call(get("/p/1.0/a")).await.expect(200);
    drip(&mut caller).await;
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_drips_is_cut_over_tls() {
    let (origin, gateway) = serving(&[("timeouts.header", "\"300ms\"")]).await;
    let (mut caller, _) = gateway.connect_tls("gateway.test", &["http/1.1"]).await;
    drip(&mut caller).await;
    origin.saw_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_take_longer_than_a_head() {
    let (origin, gateway) = serving(&[("timeouts.header", "\"200ms\"")]).await;
    let mut caller = gateway.connect().await;
    caller
        .send("POST /p/1.0/a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 20\r\n\r\n")
        .await;
    for _ in 0..20 {
        caller.send("x").await;
        sleep(Duration::from_millis(20)).await;
    }
    caller.reply().await.expect(200);
    assert_eq!(origin.only_request().body.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_is_given_up() {
    let (origin, gateway) = serving(&[("timeouts.read", "\"300ms\"")]).await;
    let mut caller = gateway.connect().await;
    caller
        .send("POST /p/1.0/a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 20\r\n\r\nx")
        .await;
    if let Some(reply) = caller.find_reply("POST").await {
        reply.expect(408);
    }
    caller.closed().await;
    assert!(origin.requests().iter().all(|request| !request.is_whole));
    gateway.get("/p/1.0/a").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_request_is_closed() {
    let (_origin, gateway) = serving(&[("timeouts.idle", "\"1s\"")]).await;
    let mut caller = gateway.connect().await;
    for _ in 0..2 {
        caller.call(get("/p/1.0/a")).await.expect(200);
    }
    assert!(caller.closed().await.is_empty());
    assert!(gateway.connect().await.closed().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http2_connection_without_a_request_is_closed() {
    let (_origin, gateway) = serving(&[("timeouts.idle", "\"1s\"")]).await;
    let mut caller = gateway.connect_h2().await;
    assert_eq!(caller.get("/p/1.0/a").await.status, 200);
    caller.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_does_not_begin_is_cut() {
    let (_origin, gateway) = serving(&[("timeouts.handshake", "\"300ms\"")]).await;
    let mut silent = Caller::connect(gateway.https()).await;
    assert!(silent.closed().await.is_empty());
    let (mut caller, _) = gateway.connect_tls("gateway.test", &[]).await;
    caller.call(get("/p/1.0/a")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_does_not_read_is_given_up() {
    const LENGTH: usize = 64 << 20;
    let origin = origin().answers(|_| answer(200).body(vec![b'x'; LENGTH])).start().await;
    let open = api("Open", "/p").version(version("1.0").to(&origin));
    let gateway = gateway().set("timeouts.write", "\"300ms\"").api(&open).start().await;
    let mut caller = gateway.connect().await;
    caller.send(get("/p/1.0/a").bytes()).await;
    gateway.access_log(1).await;
    assert!(caller.closed().await.len() < LENGTH);
}

/// An API that sets its only endpoint aside after one failure.
async fn touchy(part: &str, origin: &Origin) -> Gateway {
    touchy_within(part, "300ms", origin).await
}

async fn touchy_within(part: &str, time: &str, origin: &Origin) -> Gateway {
    let open = version("1.0").to(origin).within(part, time).suspend(1, "60s");
    gateway().api(&api("Open", "/p").version(open)).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_is_not_held_against_the_endpoint() {
    let origin = origin().start().await;
    for part in ["read", "total"] {
        let gateway = touchy(part, &origin).await;
        let mut caller = gateway.connect().await;
        let head = "POST /p/1.0/a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 20\r\n\r\nx";
        caller.send(head).await;
        caller.reply_to("POST").await.expect(408);
        gateway.get("/p/1.0/a").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http2_body_that_stops_is_not_held_against_the_endpoint() {
    let origin = origin().start().await;
    let gateway = touchy("read", &origin).await;
    let caller = gateway.connect_h2().await;
    let (_body, response) = caller.begin(caller.request("POST", "/p/1.0/a")).await;
    assert_eq!(soon("a reply", response).await.unwrap().status(), 408);
    assert_eq!(caller.get("/p/1.0/a").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_is_cut_when_the_whole_call_is_late() {
    let origin = origin().start().await;
    let gateway = touchy("total", &origin).await;
    let mut caller = gateway.connect().await;
    caller
        .send("POST /p/1.0/a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\n")
        .await;
    let dripped = async {
        while caller.wire().write(b"x").await.is_ok() {
            // The pace of the slow caller, not a wait for anything.
            sleep(Duration::from_millis(20)).await;
        }
    };
    soon("a dripping caller to be cut", dripped).await;
    assert!(!origin.only_request().is_whole);
    gateway.get("/p/1.0/a").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_taken_slowly_is_not_held_against_the_endpoint() {
    const LENGTH: usize = 64 << 20;
    let long = |request: &Request| match request.target.as_str() {
        "/long" => answer(200).body(vec![b'x'; LENGTH]),
        _ => answer(200),
    };
    let origin = origin().answers(long).start().await;
    // Long enough for a head on a busy machine.
    let gateway = touchy_within("total", "2s", &origin).await;
    let mut caller = gateway.connect().await;
    caller.send(get("/p/1.0/long").bytes()).await;
    assert_eq!(caller.head().await.status, 200);
    // The pace of the slow caller: it reads on when the call is late already.
    sleep(Duration::from_millis(2_100)).await;
    assert!(caller.closed().await.len() < LENGTH);
    gateway.get("/p/1.0/a").await.expect(200);
}
