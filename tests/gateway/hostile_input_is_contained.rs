//! Requests that are wrong on purpose, and bounds with a test that pushes past each.

use crate::harness::*;

async fn serving(settings: &[(&str, &str)]) -> (Origin, Gateway) {
    let origin = origin().start().await;
    let open = api("Open", "/p").version(version("1.0").to(&origin));
    let builder = settings
        .iter()
        .fold(gateway(), |builder, (key, value)| builder.set(key, value));
    (origin, builder.api(&open).start().await)
}

/// Sends bytes on a connection of their own; `None` where it was closed without a word.
async fn send(gateway: &Gateway, bytes: impl AsRef<[u8]>) -> Option<Reply> {
    let mut caller = gateway.connect().await;
    caller.try_send(bytes).await;
    caller.find_reply("GET").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_required_once() {
    let (origin, gateway) = serving(&[]).await;
    for bytes in [
        "GET /p/1.0/a HTTP/1.1\r\n\r\n",
        "GET /p/1.0/a HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
        "GET /p/1.0/a HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n",
    ] {
        send(&gateway, bytes).await.unwrap().refused(400, &origin);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_in_our_own_words() {
    let (origin, gateway) = serving(&[]).await;
    for (bytes, status) in [
        ("XX\r\n\r\n", 400),
        ("GET /p/1.0/a HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n", 400),
        ("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", 405),
    ] {
        let reply = send(&gateway, bytes).await.unwrap().refused(status, &origin);
        assert!(reply.header("server").is_none(), "{bytes:?}");
        assert!(
            reply.text().contains(&format!("\"code\":\"{status}\"")),
            "{}",
            reply.text()
        );
    }
    assert!(gateway.metric("tollgate_requests_unreadable_total", &[]).await >= 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absolute_target_is_taken_for_its_path() {
    let (origin, gateway) = serving(&[]).await;
    let bytes = "GET http://gateway.test/p/1.0/a?b HTTP/1.1\r\nHost: gateway.test\r\n\r\n";
    send(&gateway, bytes).await.unwrap().expect(200);
    assert_eq!(origin.only_request().target, "/a?b");
    let bytes = "GET http://one.test/p/1.0/a HTTP/1.1\r\nHost: two.test\r\n\r\n";
    send(&gateway, bytes).await.unwrap().expect(400);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn framing_that_could_be_read_in_two_ways_is_refused() {
    let (origin, gateway) = serving(&[]).await;
    for fields in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: +2",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
        "X-Folded: a\r\n b",
        "X-Space : a",
    ] {
        let bytes = format!("POST /p/1.0/a HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n\r\n0\r\n\r\n");
        if let Some(reply) = send(&gateway, bytes).await {
            assert!([400, 501].contains(&reply.status), "{fields}");
        }
        origin.saw_nothing();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_outrank_a_length_and_end_the_connection() {
    let (origin, gateway) = serving(&[]).await;
    let fields = "Content-Length: 4\r\nTransfer-Encoding: chunked";
    let smuggled = "GET /p/1.0/smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let bytes = format!("POST /p/1.0/a HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n\r\n0\r\n\r\n{smuggled}");
    let mut caller = gateway.connect().await;
    caller.send(bytes).await;
    let reply = caller.find_reply("POST").await;
    assert!(caller.find_reply("GET").await.is_none());
    // Refusing such a request is right as well (RFC 9112, 6.3).
    if reply.is_some_and(|reply| reply.status == 200) {
        assert_eq!(origin.only_request().header("content-length"), None);
    } else {
        origin.saw_nothing();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_whose_chunks_are_none_is_refused_and_never_whole() {
    let (origin, gateway) = serving(&[]).await;
    for chunks in [
        "5\r\nhello\r\nzz\r\n",
        "ffffffffffffffff1\r\n",
        "5\nhello\n0\n\n",
        "5\r\nhelloXX0\r\n\r\n",
    ] {
        let fields = "Host: a.test\r\nTransfer-Encoding: chunked";
        let mut caller = gateway.connect().await;
        caller
            .send(format!("POST /p/1.0/a HTTP/1.1\r\n{fields}\r\n\r\n{chunks}"))
            .await;
        caller.reply_to("POST").await.expect(400);
        assert!(caller.closed().await.is_empty());
    }
    assert!(origin.requests().iter().all(|request| !request.is_whole));
    gateway.get("/p/1.0/a").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn bare_line_feeds_do_not_make_a_head() {
    let (origin, gateway) = serving(&[]).await;
    for bytes in [
        "GET /p/1.0/a HTTP/1.1\nHost: a.test\n\n",
        "GET /p/1.0/a HTTP/1.1\r\nHost: a.test\nX-Hidden: b\r\n\r\n",
        "GET /p/1.0/a HTTP/1.1\nHost: a.test\r\n\r\n",
    ] {
        if let Some(reply) = send(&gateway, bytes).await {
            assert_eq!(reply.status, 400, "{bytes:?}");
        }
        origin.saw_nothing();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_so_many_fields_and_no_more() {
    let (origin, gateway) = serving(&[("limits.header_count", "20")]).await;
    let many = |count| (0..count).fold(get("/p/1.0/a"), |call, place| call.header(&format!("X-{place}"), "v"));
    gateway.call(many(30)).await.refused(431, &origin);
    gateway.call(many(15)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_so_many_bytes_and_no_more() {
    let (origin, gateway) = serving(&[("limits.header_bytes", "\"2KiB\"")]).await;
    let long = |bytes| get("/p/1.0/a").header("X-Long", &"v".repeat(bytes));
    gateway.call(long(3_000)).await.refused(431, &origin);
    let caller = gateway.connect_h2().await;
    let mut request = caller.request("GET", "/p/1.0/a");
    request
        .headers_mut()
        .insert("x-long", "v".repeat(3_000).parse().unwrap());
    assert_eq!(caller.call(request, &[]).await.status, 431);
    origin.saw_nothing();
    gateway.call(long(1_000)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_has_so_many_bytes_and_no_more() {
    let (origin, gateway) = serving(&[("limits.uri_length", "\"1KiB\"")]).await;
    gateway
        .get(&format!("/p/1.0/{}", "a".repeat(1_100)))
        .await
        .refused(414, &origin);
    gateway
        .get(&format!("/p/1.0/a?{}", "a".repeat(1_100)))
        .await
        .refused(414, &origin);
    gateway.get(&format!("/p/1.0/{}", "a".repeat(900))).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_too_long_is_refused_before_anything_is_sent() {
    let (origin, gateway) = serving(&[("limits.request_body", "\"1KiB\"")]).await;
    gateway
        .call(post("/p/1.0/a", vec![b'x'; 1_025]))
        .await
        .refused(413, &origin);
    gateway.call(post("/p/1.0/a", vec![b'x'; 1_024])).await.expect(200);
    assert_eq!(origin.only_request().body.len(), 1_024);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_grows_too_long_is_cut_and_its_upstream_connection_is_not_used_again() {
    let (origin, gateway) = serving(&[("limits.request_body", "\"1KiB\"")]).await;
    gateway.call(post("/p/1.0/first", "x")).await.expect(200);
    let mut caller = gateway.connect().await;
    let chunk = [b'x'; 700];
    if let Some(reply) = caller
        .find_reply_to(call("POST", "/p/1.0/long").chunked(&[&chunk, &chunk, &chunk]))
        .await
    {
        reply.expect(413);
    }
    caller.closed().await;
    let reply = gateway.call(post("/p/1.0/after", "y")).await.expect(200);
    assert_eq!(reply.text(), "origin");
    let requests = origin.requests();
    let after = requests.last().unwrap();
    assert_eq!((after.target.as_str(), after.body.as_slice()), ("/after", &b"y"[..]));
    for long in requests.iter().filter(|request| request.target == "/long") {
        assert!(!long.is_whole && long.body.len() <= 1_024, "{}", long.body.len());
        assert_ne!(long.connection, after.connection);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_may_take_longer_or_shorter_bodies() {
    let origin = origin().start().await;
    let short = version("1.0").to(&origin).line("max_request_body = \"1KiB\"");
    let long = version("2.0").to(&origin).line("max_request_body = \"64KiB\"");
    let open = api("Open", "/p").version(short).version(long);
    let gateway = gateway()
        .set("limits.request_body", "\"4KiB\"")
        .api(&open)
        .start()
        .await;
    gateway
        .call(post("/p/1.0/a", vec![b'x'; 2_000]))
        .await
        .refused(413, &origin);
    gateway.call(post("/p/2.0/a", vec![b'x'; 60_000])).await.expect(200);
    assert_eq!(origin.only_request().body.len(), 60_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_connections_are_open_and_no_more() {
    let (_origin, gateway) = serving(&[("limits.connections", "2")]).await;
    let (mut first, mut second) = (gateway.connect().await, gateway.connect().await);
    first.call(get("/p/1.0/a")).await.expect(200);
    second.call(get("/p/1.0/a")).await.expect(200);
    if let Some(reply) = gateway.connect().await.find_reply_to(get("/p/1.0/a")).await {
        reply.expect(503);
    }
    drop(first);
    eventually("a place to be free again", async || {
        gateway
            .connect()
            .await
            .find_reply_to(get("/p/1.0/a"))
            .await
            .is_some_and(|reply| reply.status == 200)
    })
    .await;
    second.call(get("/p/1.0/a")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http2_connection_carries_so_many_requests_at_once_and_no_more() {
    let (_origin, gateway) = serving(&[("limits.http2_streams", "2")]).await;
    let caller = gateway.connect_h2().await;
    assert_eq!(caller.get("/p/1.0/a").await.status, 200);
    assert_eq!(caller.most_streams(), 2);
    let (first, second, third) = tokio::join!(caller.get("/p/1.0/a"), caller.get("/p/1.0/a"), caller.get("/p/1.0/a"));
    assert_eq!([first.status, second.status, third.status], [200; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_carries_so_many_requests_and_no_more() {
    let (origin, gateway) = serving(&[("limits.requests_per_connection", "3")]).await;
    let mut caller = gateway.connect().await;
    for _ in 0..3 {
        caller.call(get("/p/1.0/a")).await.expect(200);
    }
    assert!(caller.closed().await.is_empty());
    assert_eq!(origin.requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_connect_is_refused() {
    let (origin, gateway) = serving(&[]).await;
    let bytes = "CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\n";
    send(&gateway, bytes).await.unwrap().refused(405, &origin);
}
