//! Endpoints that refuse, hang, break or say they are ill: what the caller sees, and who is asked instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::*;

async fn serving(version: Version) -> Gateway {
    gateway().api(&api("Open", "/p").version(version)).start().await
}

fn url(address: std::net::SocketAddr) -> String {
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn another_endpoint_answers_when_one_refuses_connections() {
    let origin = origin()
        .answers(|request| answer(200).body(&request.body))
        .start()
        .await;
    let (refusing, _guard) = refusing();
    let gateway = serving(
        version("1.0")
            .production(&[&url(refusing), &origin.url()])
            .suspend(0, "1s"),
    )
    .await;
    for _ in 0..4 {
        gateway.get("/p/1.0/a").await.expect(200);
        let body = vec![b'x'; 200_000];
        assert!(gateway.call(post("/p/1.0/a", &body)).await.expect(200).body == body);
    }
    assert_eq!(origin.requests().len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_and_may_have_happened_is_not_sent_again() {
    let breaking = origin().answers(|_| Answer::none()).start().await;
    let other = origin().answers(|_| Answer::none()).start().await;
    let urls = [&*breaking.url(), &*other.url()];
    let gateway = serving(version("1.0").production(&urls).suspend(0, "1s")).await;
    let fault = gateway.call(post("/p/1.0/a", "once")).await.expect(502).json();
    assert_eq!(fault["type"], "Status report");
    assert_eq!(breaking.requests().len() + other.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_tried_more_than_twice() {
    let origins = [
        origin().answers(|_| Answer::none()).start().await,
        origin().answers(|_| Answer::none()).start().await,
        origin().answers(|_| Answer::none()).start().await,
    ];
    let urls: Vec<_> = origins.iter().map(Origin::url).collect();
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    let gateway = serving(version("1.0").production(&urls).suspend(0, "1s")).await;
    gateway.get("/p/1.0/a").await.expect(502);
    let tries: usize = origins.iter().map(|origin| origin.requests().len()).sum();
    assert!((1..=2).contains(&tries), "{tries}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_closed_while_idle_costs_no_request() {
    let origin = origin().answers(|_| answer(200).body("bye").close()).start().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    for _ in 0..5 {
        gateway.get("/p/1.0/a").await.expect(200);
        gateway.call(post("/p/1.0/a", "x")).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_whose_name_leads_nowhere_cannot_be_reached_and_is_not_suspended() {
    let gateway = serving(version("1.0").production(&["http://nowhere.invalid"])).await;
    let fault = gateway.get("/p/1.0/a").await.expect(502).json();
    assert_eq!(fault["code"], "101503");
    let record = &gateway.access_log(1).await[0];
    assert_eq!(
        (&record["code"], &record["reason"]),
        (&"101503".into(), &"backend_unresolved".into())
    );
    let reason = ["reason=\"backend_unresolved\""];
    assert!(gateway.metric("tollgate_refusals_total", &reason).await > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_is_set_aside() {
    let (refusing, _guard) = refusing();
    let gateway = serving(version("1.0").production(&[&url(refusing)]).suspend(2, "60s")).await;
    gateway.get("/p/1.0/a").await.expect(502);
    gateway.get("/p/1.0/a").await.expect(502);
    let fault = gateway.get("/p/1.0/a").await.expect(503).json();
    assert_eq!(fault["code"], "303001");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_was_set_aside_comes_back() {
    let (address, guard) = refusing();
    let gateway = serving(version("1.0").production(&[&url(address)]).suspend(1, "200ms")).await;
    gateway.get("/p/1.0/a").await.expect(502);
    gateway.get("/p/1.0/a").await.expect(503);
    drop(guard);
    let _origin = origin().at(address).says("back").start().await;
    gateway.comes_to_say("/p/1.0/a", 200, "back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_takes_an_endpoint_out_and_brings_it_back() {
    let is_well = Arc::new(AtomicBool::new(true));
    let health = Arc::clone(&is_well);
    let moody = origin()
        .answers(move |request| match request.target.as_str() {
            "/health" if !health.load(Ordering::SeqCst) => answer(500),
            _ => answer(200).body("moody"),
        })
        .start()
        .await;
    let steady = origin().says("steady").start().await;
    let gateway = serving(version("1.0").production(&[&moody.url(), &steady.url()]).probe()).await;
    let round = async || {
        let mut texts = vec![gateway.get("/p/1.0/a").await.expect(200).text()];
        for _ in 0..3 {
            texts.push(gateway.get("/p/1.0/a").await.expect(200).text());
        }
        texts.iter().filter(|text| *text == "moody").count()
    };
    eventually("both to be asked", async || round().await == 2).await;
    is_well.store(false, Ordering::SeqCst);
    eventually("the ill one to be left alone", async || round().await == 0).await;
    is_well.store(true, Ordering::SeqCst);
    eventually("the mended one to be asked again", async || round().await == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_cannot_be_reached_in_time_makes_a_504() {
    let (crowded, _listener, _queue) = crowded().await;
    let gateway = serving(version("1.0").production(&[&url(crowded)]).within("connect", "200ms")).await;
    gateway.get("/p/1.0/a").await.expect(504);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_does_not_answer_in_time_makes_a_504() {
    let origin = origin().answers(|_| Answer::never()).start().await;
    let gateway = serving(version("1.0").to(&origin).within("read", "200ms")).await;
    gateway.get("/p/1.0/a").await.expect(504);
    gateway.call(post("/p/1.0/a", "once")).await.expect(504);
    assert_eq!(
        origin
            .requests()
            .iter()
            .filter(|request| request.method == "POST")
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_as_a_whole_is_bounded() {
    let origin = origin().answers(|_| Answer::never()).start().await;
    let gateway = serving(version("1.0").to(&origin).within("total", "200ms")).await;
    gateway.get("/p/1.0/a").await.expect(504);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_breaks_off_or_babbles_makes_a_502() {
    let babbling = [
        "",
        "not http\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 abc\r\n\r\n",
    ];
    for bytes in babbling {
        let origin = origin().answers(move |_| Answer::raw(bytes)).start().await;
        let gateway = serving(version("1.0").to(&origin)).await;
        let reply = gateway.call(post("/p/1.0/a", "x")).await;
        assert_eq!(reply.status, 502, "{bytes:?}");
        assert!(reply.json()["description"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_nobody_asked_for_makes_a_502() {
    let bytes = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\
                 HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let origin = origin().answers(move |_| Answer::raw(bytes)).start().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    gateway.get("/p/1.0/a").await.expect(502);
    let reply = gateway.connect_h2().await.get("/p/1.0/a").await;
    assert!(matches!(reply.status, 502 | 503), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_ends_too_early_is_not_passed_as_whole() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    let origin = origin().answers(move |_| Answer::raw(cut)).start().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let mut caller = gateway.connect().await;
    assert!(
        caller
            .find_reply_to(get("/p/1.0/a"))
            .await
            .is_none_or(|reply| reply.status == 502)
    );
}

/// An origin that answers the first request of each connection, and ends the connection at the second one.
async fn tired() -> Origin {
    let seen = std::sync::Mutex::new(std::collections::HashSet::new());
    let script = move |request: &Request| {
        if seen.lock().unwrap().insert(request.connection) {
            answer(200).body("once")
        } else {
            Answer::none()
        }
    };
    origin().answers(script).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_connection_that_dies_under_a_request_costs_its_caller_nothing() {
    let origin = tired().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let mut caller = gateway.connect().await;
    for method in ["GET", "PUT", "DELETE"] {
        caller.call(call(method, "/p/1.0/a")).await.expect(200);
    }
    // Each but the first met a used connection, and had another one.
    assert_eq!((origin.requests().len(), origin.connections()), (5, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_happened_is_not_sent_again_over_another_connection() {
    let origin = tired().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let mut caller = gateway.connect().await;
    caller.call(get("/p/1.0/a")).await.expect(200);
    caller.call(call("POST", "/p/1.0/a")).await.expect(502);
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_takes_the_call_along() {
    let origin = origin().answers(|_| Answer::never()).start().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    for request in [get("/p/1.0/a"), post("/p/1.0/a", "x")] {
        let before = origin.requests().len();
        let mut caller = gateway.connect().await;
        caller.send(request.bytes()).await;
        origin.saw(before + 1).await;
        drop(caller);
        eventually("the call to end", async || origin.open_connections() == 0).await;
    }
    let logged = gateway.access_log(2).await;
    assert!(logged.iter().all(|record| record["status"] == 0), "{logged:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_endpoint_says_beyond_its_answer_reaches_nobody() {
    let forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    let raw = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na{forged}");
    let origin = origin()
        .answers(move |_| Answer::raw(raw.clone()).stays())
        .start()
        .await;
    let gateway = serving(version("1.0").to(&origin)).await;
    for _ in 0..3 {
        assert_eq!(gateway.get("/p/1.0/a").await.expect(200).text(), "a");
        assert_eq!(gateway.call(post("/p/1.0/a", "x")).await.expect(200).text(), "a");
    }
    assert_eq!(origin.connections(), 6);
}
