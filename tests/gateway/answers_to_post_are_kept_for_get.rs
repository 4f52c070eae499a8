//! The answer to a POST is what GET gets where the catalog, its endpoint and HTTP say so, and a POST itself always reaches
//! its endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::*;

const FRESH: (&str, &str) = ("Cache-Control", "max-age=600");

/// Answers a POST as what GET would get of the same target, with the number of the request, and GET with `got`.
fn numbered(count: &AtomicUsize, request: &Request) -> Answer {
    let number = count.fetch_add(1, Ordering::SeqCst) + 1;
    match request.method.as_str() {
        "POST" => answer(200)
            .headers(&[FRESH, ("Content-Location", &request.target)])
            .body(format!("posted {number}")),
        "GET" => answer(200).headers(&[FRESH]).body("got"),
        _ => answer(204),
    }
}

async fn counting() -> Origin {
    let count = AtomicUsize::new(0);
    origin().answers(move |request| numbered(&count, request)).start().await
}

async fn start(origin: &Origin, cache: &str) -> Gateway {
    let version = version("1").to(origin).table("cache", cache);
    gateway().api(&api("Posts", "/c").version(version)).start().await
}

fn status(reply: &Reply) -> &str {
    reply.header("cache-status").unwrap_or("none")
}

fn is_hit(reply: &Reply) -> bool {
    status(reply).starts_with("Tollgate; hit")
}

fn methods(origin: &Origin) -> Vec<String> {
    origin.requests().into_iter().map(|request| request.method).collect()
}

fn json(target: &str) -> Call {
    post(target, "{}").header("Content-Type", "application/json")
}

#[tokio::test(flavor = "multi_thread")]
async fn get_gets_what_the_last_post_was_answered() {
    let origin = counting().await;
    let gateway = start(&origin, "posts = true").await;
    for round in 1..=3 {
        let reply = gateway.call(json("/c/1/a?x=1")).await.expect(200);
        assert!(
            status(&reply).starts_with("Tollgate; fwd=method; stored"),
            "{}",
            status(&reply)
        );
        assert_eq!(reply.header("accept-ranges"), None);
        let posted = format!("posted {round}");
        assert_eq!(reply.text(), posted, "a POST reaches its endpoint");
        for call in [get("/c/1/a?x=1"), call("HEAD", "/c/1/a?x=1")] {
            let reply = gateway.call(call).await.expect(200);
            assert_eq!((is_hit(&reply), reply.header("content-length")), (true, Some("8")));
        }
        assert_eq!(gateway.get("/c/1/a?x=1").await.text(), posted);
    }
    assert_eq!(methods(&origin), ["POST"; 3]);
    assert_eq!(gateway.get("/c/1/a?x=2").await.text(), "got");
}

/// Answers POST with something about it that keeps it from GET, and GET with `got`.
fn reluctant(request: &Request) -> Answer {
    let here = ("Content-Location", request.target.as_str());
    let changed = ("Last-Modified", "Thu, 01 Jan 2015 00:00:00 GMT");
    match (request.method.as_str(), request.target.as_str()) {
        ("GET", _) => answer(200).headers(&[]).body("got"),
        (_, "/silent") => answer(200).headers(&[FRESH]).body("x"),
        (_, "/elsewhere") => answer(200).headers(&[FRESH, ("Content-Location", "/other")]).body("x"),
        (_, "/far") => answer(200)
            .headers(&[FRESH, ("Content-Location", "http://other.test/far")])
            .body("x"),
        (_, "/twice") => answer(200).headers(&[FRESH, here, here]).body("x"),
        (_, "/created") => answer(201).headers(&[FRESH, here]).body("x"),
        (_, "/missing") => answer(404).headers(&[FRESH, here]).body("x"),
        (_, "/timeless") => answer(200).headers(&[here, changed, ("ETag", "\"1\"")]).body("x"),
        (_, "/asking") => answer(200)
            .headers(&[here, ("Cache-Control", "max-age=600, no-cache"), ("ETag", "\"1\"")])
            .body("x"),
        (_, "/own") => answer(200)
            .headers(&[here, ("Cache-Control", "max-age=600, private")])
            .body("x"),
        (_, "/cookie") => answer(200).headers(&[FRESH, here, ("Set-Cookie", "a=b")]).body("x"),
        _ => answer(200).headers(&[FRESH, here]).body("x"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_does_not_say_so_is_not_kept_of_a_post() {
    let origin = origin().answers(reluctant).start().await;
    let gateway = start(&origin, "posts = true").await;
    let mut calls = Vec::new();
    for target in [
        "silent",
        "elsewhere",
        "far",
        "twice",
        "created",
        "missing",
        "timeless",
        "asking",
        "own",
        "cookie",
    ] {
        calls.push((target, json(&format!("/c/1/{target}"))));
    }
    for (name, value) in [("If-Match", "\"1\""), ("If-None-Match", "*"), ("Range", "bytes=0-0")] {
        calls.push(("guarded", json("/c/1/guarded").header(name, value)));
    }
    for (target, call) in calls {
        gateway.call(call).await;
        assert!(
            !status(&gateway.get(&format!("/c/1/{target}")).await).contains("hit"),
            "{target}"
        );
    }
    let guarded = origin
        .requests()
        .into_iter()
        .filter(|request| request.target == "/guarded" && request.method == "POST");
    let guards: Vec<_> = guarded
        .map(|request| ["if-match", "if-none-match", "range"].map(|name| request.header(name).is_some()))
        .collect();
    assert_eq!(
        guards,
        [[true, false, false], [false, true, false], [false, false, true]]
    );
    assert_eq!(gateway.metric("tollgate_cache_entries", &[]).await, 0.0);
    // Nor is anything where the catalog does not say so.
    let plain = start(&origin, "").await;
    assert_eq!(status(&plain.call(json("/c/1/a")).await.expect(200)), "none");
    assert_eq!(plain.get("/c/1/a").await.text(), "got");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_post_changes_is_forgotten_before_its_answer_is_kept() {
    let origin = origin()
        .answers(|request| match request.method.as_str() {
            "GET" => answer(200).headers(&[FRESH]).header("Vary", "X-A").body("got"),
            _ => answer(200)
                .headers(&[FRESH, ("Content-Location", &request.target), ("Location", "/b")])
                .body("posted"),
        })
        .start()
        .await;
    let gateway = start(&origin, "posts = true\nunkeyed_headers = [\"X-A\"]").await;
    let variant = |target: &str, value: &str| get(target).header("X-A", value);
    for call in [
        variant("/c/1/a", "1"),
        variant("/c/1/a", "2"),
        get("/c/1/b"),
        get("/c/1/c"),
    ] {
        gateway.call(call).await.expect(200);
    }
    gateway.call(json("/c/1/a")).await.expect(200);
    for value in ["1", "2", "3"] {
        let reply = gateway.call(variant("/c/1/a", value)).await;
        assert_eq!((reply.text().as_str(), is_hit(&reply)), ("posted", true));
    }
    assert!(!is_hit(&gateway.get("/c/1/b").await) && is_hit(&gateway.get("/c/1/c").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_cut_of_what_a_post_asks_for() {
    let origin = counting().await;
    let gateway = start(&origin, "posts = true\nquery = [\"page\"]").await;
    for target in ["/c/1/a?page=1&dry_run=true", "/c/1/a?page=1"] {
        gateway.call(json(target)).await.expect(200);
    }
    gateway.call(json("/c/1/b").header("TE", "trailers")).await.expect(200);
    let targets: Vec<_> = origin.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/a?page=1&dry_run=true", "/a?page=1", "/b"]);
    let reply = gateway.get("/c/1/a?page=1").await;
    assert_eq!((reply.text().as_str(), is_hit(&reply)), ("posted 2", true));
    assert!(!is_hit(&gateway.get("/c/1/b").await));
}

/// Starts an origin that answers requests with a method when the gate opens.
async fn holding(gate: &Gate, method: &'static str) -> Origin {
    let (gate, count) = (gate.clone(), AtomicUsize::new(0));
    let answer = move |request: &Request| {
        let answer = numbered(&count, request);
        if request.method == method {
            answer.behind(&gate)
        } else {
            answer
        }
    };
    origin().answers(answer).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_a_post_is_under_way_is_not_undone_by_its_answer() {
    let gate = Gate::new();
    let origin = holding(&gate, "POST").await;
    let gateway = Arc::new(start(&origin, "posts = true").await);
    let other = Arc::clone(&gateway);
    let posted = tokio::spawn(async move { other.call(json("/c/1/a")).await });
    origin.saw(1).await;
    gateway.call(call("PUT", "/c/1/a").body("x")).await.expect(204);
    gate.open();
    assert_eq!(posted.await.unwrap().expect(200).text(), "posted 1");
    assert_eq!(gateway.get("/c/1/a").await.text(), "got");
    assert_eq!(methods(&origin), ["POST", "PUT", "GET"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_waits_for_nobody_and_outlives_what_was_asked_before() {
    let gate = Gate::new();
    let origin = holding(&gate, "GET").await;
    let gateway = Arc::new(start(&origin, "posts = true").await);
    let other = Arc::clone(&gateway);
    let asked = tokio::spawn(async move { other.get("/c/1/a").await });
    origin.saw(1).await;
    let posted = soon("the POST", gateway.call(json("/c/1/a"))).await;
    assert_eq!(posted.expect(200).text(), "posted 2");
    gate.open_for_all();
    assert_eq!(asked.await.unwrap().expect(200).text(), "got");
    let reply = gateway.get("/c/1/a").await;
    assert_eq!((reply.text().as_str(), is_hit(&reply)), ("posted 2", true));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_one_callers_post_is_no_other_callers() {
    let origin = counting().await;
    let version = version("1")
        .to(&origin)
        .table("cache", "posts = true")
        .asking("any", &["GET", "POST"], "/*");
    let api = api("Own", "/o").version(version);
    let gateway = gateway().set("oauth.algorithm", "\"ES256\"").api(&api).start().await;
    let own = ("Own", "1");
    let tokens = [
        gateway.subscriber("One", own).await,
        gateway.subscriber("Two", own).await,
    ];
    gateway.call(json("/o/1/a")).await.expect(401);
    origin.saw_nothing();
    gateway.call(json("/o/1/a").bearer(&tokens[0])).await.expect(200);
    for (token, expected) in tokens.iter().zip(["posted 1", "got"]) {
        let reply = gateway.call(get("/o/1/a").bearer(token)).await.expect(200);
        assert_eq!(reply.text(), expected);
    }
    assert_eq!(methods(&origin), ["POST", "GET"]);
}
