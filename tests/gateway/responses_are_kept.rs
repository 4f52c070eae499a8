//! What is kept of responses is used as HTTP says (RFC 9111, 9110, 5861, 9211, 9213), and no longer.

use crate::harness::*;

/// Starts a gateway whose API `/c/1` keeps responses as this table says.
async fn start(origin: &Origin, cache: &str) -> Gateway {
    let version = version("1").to(origin).table("cache", cache);
    gateway()
        .api(&api("Kept", "/c").default_version(&["1"]).version(version))
        .start()
        .await
}

/// Returns what a reply says of the cache.
fn status(reply: &Reply) -> &str {
    reply.header("cache-status").unwrap_or("none")
}

#[track_caller]
fn is_hit(reply: &Reply) {
    assert!(status(reply).starts_with("Tollgate; hit"), "{:?}", reply.fields);
}

#[track_caller]
fn is_stored(reply: &Reply) {
    assert!(status(reply).contains("; stored"), "{:?}", reply.fields);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_response_is_used_again_under_both_names_of_its_version() {
    let origin = origin()
        .answers(|_| {
            answer(200)
                .header("Cache-Control", "max-age=600")
                .header("Age", "30")
                .body("kept")
        })
        .start()
        .await;
    let gateway = start(&origin, "").await;
    let first = gateway.get("/c/1/a?x=1").await.expect(200);
    is_stored(&first);
    let second = gateway.get("/c/a?x=1").await.expect(200);
    is_hit(&second);
    assert_eq!(second.text(), "kept");
    let age: u64 = second.header("age").unwrap().parse().unwrap();
    assert!((30..60).contains(&age), "{age}");
    assert_eq!(origin.only_request().target, "/a?x=1");
    is_stored(&gateway.get("/c/1/a?x=2").await.expect(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_unless_somebody_says_so() {
    let origin = origin()
        .answers(|_| answer(200).header("Cache-Control", "public, max-age=600").body("new"))
        .start()
        .await;
    let version = version("1")
        .to(&origin)
        .table("cache", "timeout = \"300s\"")
        .resource(&["GET"], "/kept")
        .resource(&["GET"], "/off")
        .resource_line("cache = { mode = \"off\" }");
    let plain = api("Plain", "/p").version(super::harness::version("1").to(&origin));
    let gateway = gateway()
        .api(&api("C", "/c").version(version))
        .api(&plain)
        .start()
        .await;
    for target in ["/p/1/a", "/c/1/off"] {
        for _ in 0..2 {
            let reply = gateway.get(target).await.expect(200);
            assert_eq!(status(&reply), "none");
        }
    }
    assert_eq!(origin.requests().len(), 4);
    gateway.get("/c/1/kept").await.expect(200);
    is_hit(&gateway.get("/c/1/kept").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_kept_is_not() {
    let origin = origin()
        .answers(|request| {
            let field = request
                .target
                .trim_start_matches('/')
                .replace('_', " ")
                .replace(';', ",");
            let (name, value) = field.split_once(':').unwrap();
            answer(200)
                .header("Cache-Control", "max-age=600")
                .header(name, value)
                .body("x")
        })
        .start()
        .await;
    let version = version("1")
        .line("paths = [\"path_parameters\"]")
        .to(&origin)
        .table("cache", "");
    let gateway = gateway().api(&api("C", "/c").version(version)).start().await;
    for (field, reason) in [
        ("Cache-Control:no-store", "no-store"),
        ("Cache-Control:private", "private"),
        ("Cache-Control:private=x", "private"),
        ("CDN-Cache-Control:no-store", "no-store"),
        ("Set-Cookie:a=b", "set-cookie"),
        ("Vary:*", "vary"),
        ("Vary:X-Forwarded-For", "vary"),
        ("Trailer:X-A", "trailer"),
    ] {
        for _ in 0..2 {
            let reply = gateway.get(&format!("/c/1/{field}")).await.expect(200);
            assert!(
                status(&reply).contains(&format!("detail={reason}")),
                "{field}: {}",
                status(&reply)
            );
        }
    }
    assert_eq!(origin.requests().len(), 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_kept_where_the_catalog_and_the_origin_say_so() {
    let origin = origin()
        .answers(|request| {
            let reply = match request.target.as_str() {
                "/said" => answer(200).header("Cache-Control", "max-age=600"),
                _ => answer(200).header("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            };
            reply.header("Set-Cookie", "a=b").body("x")
        })
        .start()
        .await;
    let gateway = start(&origin, "set_cookie = \"keep\"").await;
    is_stored(&gateway.get("/c/1/said").await.expect(200));
    let kept = gateway.get("/c/1/said").await.expect(200);
    is_hit(&kept);
    assert_eq!(kept.header("set-cookie"), Some("a=b"));
    for _ in 0..2 {
        let guessed = gateway.get("/c/1/guessed").await.expect(200);
        assert!(status(&guessed).contains("detail=set-cookie"), "{}", status(&guessed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn variants_are_told_apart_by_what_the_response_names() {
    let origin = origin()
        .answers(|request| {
            let language = request.header("accept-language").unwrap_or("none").to_owned();
            answer(200)
                .header("Cache-Control", "max-age=600")
                .header("Vary", "Accept-Language")
                .body(language)
        })
        .start()
        .await;
    let gateway = start(&origin, "").await;
    for _ in 0..2 {
        for language in ["de", "en", "fr"] {
            let reply = gateway.call(get("/c/1/a").header("Accept-Language", language)).await;
            assert_eq!(reply.text(), language);
        }
        assert_eq!(gateway.get("/c/1/a").await.text(), "none");
    }
    assert_eq!(origin.requests().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stale_is_validated_and_its_fields_renewed() {
    let origin = origin()
        .answers(|request| match request.header("if-none-match") {
            Some("\"1\"") => answer(304)
                .header("Cache-Control", "max-age=600")
                .header("ETag", "\"1\"")
                .header("X-Seen", "twice"),
            _ => answer(200)
                .header("Cache-Control", "max-age=60")
                .header("Age", "61")
                .header("ETag", "\"1\"")
                .header("X-Seen", "once")
                .body("whole"),
        })
        .start()
        .await;
    let gateway = start(&origin, "").await;
    gateway.get("/c/1/a").await.expect(200);
    let second = gateway.get("/c/1/a").await.expect(200);
    assert_eq!(
        (second.text().as_str(), second.header("x-seen")),
        ("whole", Some("twice"))
    );
    assert!(
        status(&second).starts_with("Tollgate; fwd=stale; fwd-status=304"),
        "{}",
        status(&second)
    );
    let third = gateway.get("/c/1/a").await.expect(200);
    is_hit(&third);
    assert_eq!(
        (third.text().as_str(), third.header("x-seen")),
        ("whole", Some("twice"))
    );
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_ranges_and_validations_are_answered_from_what_is_kept() {
    let origin = origin()
        .answers(|_| {
            answer(200)
                .header("Cache-Control", "max-age=600")
                .header("ETag", "\"1\"")
                .header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
                .body("0123456789")
        })
        .start()
        .await;
    let gateway = start(&origin, "").await;
    // What is fetched for a range, or for a head, is the whole.
    let first = gateway
        .call(get("/c/1/a").header("Range", "bytes=2-4"))
        .await
        .expect(206);
    assert_eq!(first.text(), "234");
    assert_eq!(origin.only_request().header("range"), None);
    let head = gateway.call(call("HEAD", "/c/1/a")).await.expect(200);
    assert_eq!((head.header("content-length"), head.body.len()), (Some("10"), 0));
    let range = gateway
        .call(get("/c/1/a").header("Range", "bytes=8-"))
        .await
        .expect(206);
    assert_eq!(
        (range.text().as_str(), range.header("content-range")),
        ("89", Some("bytes 8-9/10"))
    );
    gateway
        .call(get("/c/1/a").header("Range", "bytes=20-"))
        .await
        .expect(416);
    let known = gateway
        .call(get("/c/1/a").header("If-None-Match", "W/\"1\""))
        .await
        .expect(304);
    assert!(known.body.is_empty());
    let since = "Thu, 01 Jan 2026 00:00:00 GMT";
    gateway
        .call(get("/c/1/a").header("If-Modified-Since", since))
        .await
        .expect(304);
    gateway
        .call(get("/c/1/a").header("If-None-Match", "\"2\""))
        .await
        .expect(200);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_ask_only_where_they_may() {
    let start = async |obeys: &str| {
        let origin = origin()
            .answers(|_| {
                answer(200)
                    .header("Cache-Control", "max-age=600")
                    .header("Age", "20")
                    .body("x")
            })
            .start()
            .await;
        let gateway = start(&origin, &format!("obeys = \"{obeys}\"")).await;
        (gateway, origin)
    };
    let asking = |value: &str| get("/c/1/a").header("Cache-Control", value);
    let (stranger, origin) = start("callers").await;
    for value in ["no-store", "no-cache", "max-age=0", "only-if-cached"] {
        stranger.call(asking(value)).await.expect(200);
    }
    assert_eq!(origin.requests().len(), 1, "a stranger has no say");
    let (gateway, origin) = start("everybody").await;
    let refused = gateway.call(asking("only-if-cached")).await.refused(504, &origin);
    assert!(refused.text().contains("Nothing is cached"), "{}", refused.text());
    gateway.call(asking("no-store")).await.expect(200);
    is_stored(&gateway.get("/c/1/a").await);
    is_hit(&gateway.call(asking("only-if-cached")).await);
    is_hit(&gateway.call(asking("max-age=60, min-fresh=60")).await);
    for (count, value) in ["no-cache", "max-age=10", "min-fresh=590", "no-store"]
        .into_iter()
        .enumerate()
    {
        gateway.call(asking(value)).await.expect(200);
        assert_eq!(origin.requests().len(), 3 + count, "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_changes_is_forgotten() {
    let origin = origin()
        .answers(|request| match (request.method.as_str(), request.target.as_str()) {
            ("GET", _) => answer(200).header("Cache-Control", "max-age=600").body("x"),
            ("DELETE", _) => answer(400).body("no"),
            (_, "/far") => answer(201).header("Location", "http://other.test/c/1/b").body(""),
            _ => answer(201)
                .header("Location", "/c/1/b")
                .header("Content-Location", "c")
                .body(""),
        })
        .start()
        .await;
    let gateway = start(&origin, "").await;
    let count = || {
        origin
            .requests()
            .iter()
            .filter(|request| request.method == "GET")
            .count()
    };
    for target in ["/c/1/a", "/c/1/b", "/c/1/c", "/c/1/far"] {
        gateway.get(target).await.expect(200);
    }
    gateway.call(call("DELETE", "/c/1/a")).await.expect(400);
    gateway.call(post("/c/1/far", "x")).await.expect(201);
    for target in ["/c/1/a", "/c/1/b", "/c/1/c"] {
        is_hit(&gateway.get(target).await);
    }
    assert_eq!(count(), 4);
    gateway.call(post("/c/1/a", "x")).await.expect(201);
    for target in ["/c/1/a", "/c/1/b", "/c/1/c"] {
        is_stored(&gateway.get(target).await);
    }
    assert_eq!(count(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stale_bridges_failures_where_the_origin_allows_it() {
    let origin = origin()
        .answers(|request| {
            if request.header("x-fail").is_some() {
                return answer(503).body("down");
            }
            let more = if request.target == "/strict" {
                ", must-revalidate"
            } else {
                ""
            };
            let control = format!("max-age=10, stale-if-error=600{more}");
            answer(200)
                .header("Cache-Control", &control)
                .header("Age", "11")
                .header("ETag", "\"1\"")
                .body("old")
        })
        .start()
        .await;
    let gateway = start(&origin, "unkeyed_headers = [\"X-Fail\"]").await;
    for target in ["/c/1/a", "/c/1/strict"] {
        gateway.get(target).await.expect(200);
    }
    let failing = |target: &str| get(target).header("X-Fail", "yes");
    let stale = gateway.call(failing("/c/1/a")).await.expect(200);
    assert_eq!(stale.text(), "old");
    assert!(status(&stale).starts_with("Tollgate; hit; ttl=-"), "{}", status(&stale));
    gateway.call(failing("/c/1/strict")).await.expect(503);
    drop(origin);
    assert_eq!(gateway.get("/c/1/a").await.expect(200).text(), "old");
    assert!(gateway.get("/c/1/strict").await.status >= 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stale_is_used_while_it_is_renewed_and_counted_once() {
    let origin = origin()
        .answers(|request| {
            let is_first = request.header("if-none-match").is_none();
            let reply = answer(200).header("ETag", "\"1\"");
            if is_first {
                let control = "max-age=10, stale-while-revalidate=600";
                reply.header("Cache-Control", control).header("Age", "11").body("old")
            } else {
                reply.header("Cache-Control", "max-age=600").body("new")
            }
        })
        .start()
        .await;
    let gateway = start(&origin, "").await;
    gateway.get("/c/1/a").await.expect(200);
    assert_eq!(gateway.get("/c/1/a").await.text(), "old", "nobody waits");
    eventually("the renewal", async || {
        origin.requests().len() == 2 && gateway.get("/c/1/a").await.text() == "new"
    })
    .await;
    is_hit(&gateway.get("/c/1/a").await);
    assert_eq!(origin.requests().len(), 2);
    let log = gateway.access_log(4).await;
    assert!(log.iter().all(|line| line["status"] == 200), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_fetches_for_many() {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = origin()
        .answers(move |_| {
            answer(200)
                .header("Cache-Control", "max-age=600")
                .body("one")
                .behind(&held)
        })
        .start()
        .await;
    let gateway = std::sync::Arc::new(start(&origin, "").await);
    let ask = || {
        let gateway = std::sync::Arc::clone(&gateway);
        tokio::spawn(async move { gateway.get("/c/1/a").await })
    };
    let asked: Vec<_> = (0..1000).map(|_| ask()).collect();
    // All of them are there before the origin answers any.
    let under_way = async || gateway.metric("tollgate_requests_in_flight", &[]).await;
    eventually("a thousand requests", async || under_way().await == 1000.0).await;
    assert_eq!(origin.requests().len(), 1);
    gate.open_for_all();
    for reply in asked {
        assert_eq!(reply.await.unwrap().expect(200).text(), "one");
    }
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_kept_is_waited_for_by_nobody() {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = origin()
        .answers(move |request| match request.header("x-wait") {
            Some(_) => answer(200).header("Cache-Control", "no-store").body("x").behind(&held),
            None => answer(200).header("Cache-Control", "no-store").body("x"),
        })
        .start()
        .await;
    let gateway = std::sync::Arc::new(start(&origin, "unkeyed_headers = [\"X-Wait\"]").await);
    gateway.get("/c/1/a").await.expect(200);
    let ask = || {
        let gateway = std::sync::Arc::clone(&gateway);
        tokio::spawn(async move { gateway.call(get("/c/1/a").header("X-Wait", "yes")).await })
    };
    let asked: Vec<_> = (0..10).map(|_| ask()).collect();
    // All of them are at the origin at once, before it has answered any.
    eventually("every request", async || origin.requests().len() == 11).await;
    gate.open_for_all();
    for reply in asked {
        reply.await.unwrap().expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_fails_releases_those_who_wait() {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = origin()
        .answers(move |request| match request.header("x-first") {
            Some(_) => Answer::none().behind(&held),
            None => answer(200).header("Cache-Control", "max-age=600").body("second"),
        })
        .start()
        .await;
    let gateway = std::sync::Arc::new(start(&origin, "unkeyed_headers = [\"X-First\"]").await);
    let other = std::sync::Arc::clone(&gateway);
    let first = tokio::spawn(async move { other.call(get("/c/1/a").header("X-First", "yes")).await });
    eventually("the first fetch", async || origin.requests().len() == 1).await;
    let other = std::sync::Arc::clone(&gateway);
    let second = tokio::spawn(async move { other.get("/c/1/a").await });
    gate.open_for_all();
    assert_eq!(soon("the second", second).await.unwrap().expect(200).text(), "second");
    assert!(soon("the first", first).await.unwrap().status >= 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_decides_where_the_catalog_says_so() {
    let origin = origin()
        .answers(|request| match request.target.as_str() {
            "/private" => answer(200).header("Cache-Control", "private").body("x"),
            "/missing" => answer(404).body("x"),
            _ => answer(200).header("Cache-Control", "max-age=0, no-cache").body("x"),
        })
        .start()
        .await;
    let gateway = start(
        &origin,
        "mode = \"fixed\"\ntimeout = \"300s\"\nignore_query = [\"utm\"]",
    )
    .await;
    gateway.get("/c/1/a?utm=1").await.expect(200);
    is_hit(&gateway.get("/c/1/a?utm=2").await);
    for target in ["/c/1/private", "/c/1/missing"] {
        gateway.get(target).await;
        assert!(status(&gateway.get(target).await).contains("fwd="), "{target}");
    }
    assert_eq!(origin.requests().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_passes_whole() {
    let gate = Gate::new();
    gate.open_for_all();
    let chunk = "x".repeat(700);
    let origin = origin()
        .answers(move |request| {
            let reply = answer(200).header("Cache-Control", "max-age=600");
            match request.target.as_str() {
                "/said" => reply.body(chunk.repeat(3)),
                _ => reply.chunks(&gate, &[&chunk, &chunk, &chunk]),
            }
        })
        .start()
        .await;
    let gateway = start(&origin, "max_body = \"1KiB\"").await;
    for _ in 0..2 {
        for target in ["/c/1/said", "/c/1/chunks"] {
            assert_eq!(gateway.get(target).await.expect(200).body.len(), 2100, "{target}");
        }
    }
    assert_eq!(origin.requests().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shapes_responses_is_part_of_their_key() {
    let (one, two) = (
        origin()
            .answers(|_| answer(200).header("Cache-Control", "max-age=600").body("one"))
            .start()
            .await,
        origin()
            .answers(|_| answer(200).header("Cache-Control", "max-age=600").body("two"))
            .start()
            .await,
    );
    let kept = |origin: &Origin| api("Kept", "/c").version(version("1").to(origin).table("cache", ""));
    let gateway = gateway().api(&kept(&one)).start().await;
    for _ in 0..2 {
        assert_eq!(gateway.get("/c/1/a").await.text(), "one");
    }
    gateway.edit_api(&kept(&two));
    gateway.reloaded();
    assert_eq!(gateway.get("/c/1/a").await.text(), "two");
    gateway.edit_api(&kept(&one).line("# a comment"));
    gateway.reloaded();
    is_hit(&gateway.get("/c/1/a").await);
    assert_eq!(one.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stale_is_renewed_for_callers_of_http2() {
    let origin = origin()
        .answers(|request| match request.header("if-none-match") {
            None => answer(200)
                .header("Cache-Control", "max-age=10, stale-while-revalidate=600")
                .header("ETag", "\"1\"")
                .header("Age", "11")
                .body("old"),
            Some(_) => answer(200).header("Cache-Control", "max-age=600").body("new"),
        })
        .start()
        .await;
    let gateway = start(&origin, "").await;
    let caller = gateway.connect_h2().await;
    assert_eq!(caller.get("/c/1/a").await.text(), "old");
    assert_eq!(caller.get("/c/1/a").await.text(), "new");
    let kept = caller.get("/c/1/a").await;
    assert!(kept.text() == "new" && kept.header("cache-status").unwrap().starts_with("Tollgate; hit"));
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_in_chunks_goes_out_with_one_length_alone() {
    let gate = Gate::new();
    gate.open_for_all();
    let origin = origin()
        .answers(move |_| {
            let reply = answer(200).header("Cache-Control", "max-age=600");
            reply.chunks(&gate, &["one ", "two"])
        })
        .start()
        .await;
    let gateway = start(&origin, "").await;
    is_stored(&gateway.get("/c/1/a").await.expect(200));
    for call in [get("/c/1/a"), call("HEAD", "/c/1/a")] {
        let reply = gateway.call(call).await.expect(200);
        is_hit(&reply);
        // Both would be two messages to some and one to others (RFC 9112, 6.1).
        let framing = (reply.header("content-length"), reply.header("transfer-encoding"));
        assert_eq!(framing, (Some("7"), None), "{:?}", reply.fields);
    }
    assert_eq!(gateway.get("/c/1/a").await.text(), "one two");
    assert_eq!(origin.requests().len(), 1);
}
