//! HTTP/1.0, HTTP/2, gRPC, event streams and long bodies: each arrives as it was sent, when it was sent.

use std::time::Duration;

use crate::harness::*;

async fn serving(version: Version) -> Gateway {
    gateway().tls().api(&api("Open", "/p").version(version)).start().await
}

/// Finds how often one byte string occurs in another.
fn count(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).filter(|window| *window == wanted).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_spoken_with_prior_knowledge() {
    let origin = origin().start().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let caller = gateway.connect_h2().await;
    for _ in 0..3 {
        let reply = caller.get("/p/1.0/a?b").await;
        assert_eq!((reply.status, reply.text().as_str()), (200, "origin"));
    }
    let request = origin.last_request();
    assert_eq!(
        (request.target.as_str(), request.header("x-forwarded-host")),
        ("/a?b", Some("gateway.test"))
    );
    assert_eq!(
        gateway.get("/p/1.0/a").await.status,
        200,
        "HTTP/1 is spoken at the same address"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_settles_on_http2_or_http1_as_the_caller_offers() {
    let origin = origin().start().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let (caller, facts) = gateway.connect_tls("gateway.test", &["h2", "http/1.1"]).await;
    assert_eq!(facts.alpn.as_deref(), Some("h2"));
    let (socket, _) = caller.into_wire().into_parts();
    assert_eq!(CallerH2::over(socket).await.get("/p/1.0/a").await.status, 200);
    for offer in [&["http/1.1"][..], &[]] {
        let (mut caller, facts) = gateway.connect_tls("gateway.test", offer).await;
        assert_eq!(facts.alpn.as_deref(), offer.first().copied());
        caller.call(get("/p/1.0/a")).await.expect(200);
        assert_eq!(origin.last_request().header("x-forwarded-proto"), Some("https"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http10_is_answered_and_closed() {
    let origin = origin().start().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let mut caller = gateway.connect().await;
    caller.send("GET /p/1.0/a HTTP/1.0\r\nHost: gateway.test\r\n\r\n").await;
    assert_eq!(caller.reply().await.expect(200).text(), "origin");
    assert!(caller.closed().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_spoken_to_in_our_version_whatever_the_caller_speaks() {
    let origin = origin().start().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    for target in ["/p/1.0/a", "http://gateway.test/p/1.0/a"] {
        let mut caller = gateway.connect().await;
        caller
            .send(format!("GET {target} HTTP/1.0\r\nHost: gateway.test\r\n\r\n"))
            .await;
        caller.reply().await.expect(200);
        assert!(
            origin.last_request().head.starts_with(b"GET /a HTTP/1.1\r\n"),
            "{target}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http10_gets_neither_chunks_nor_early_answers() {
    let gate = Gate::new();
    gate.open_for_all();
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let raw = format!("{hints}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    let origin = origin().answers(move |_| Answer::raw(raw.clone())).start().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let mut caller = gateway.connect().await;
    let fields = "Host: gateway.test\r\nConnection: keep-alive";
    caller.send(format!("GET /p/1.0/a HTTP/1.0\r\n{fields}\r\n\r\n")).await;
    let text = String::from_utf8(caller.closed().await).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "ab");
    assert!(
        head.contains(" 200 ") && !head.to_lowercase().contains("transfer-encoding"),
        "{head}"
    );
    assert!(head.to_lowercase().contains("connection: close"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_passes_from_end_to_end() {
    let origin = grpc_origin(None).await;
    let gateway = serving(version("1.0").production(&[&origin.url()]).over_http2()).await;
    let caller = gateway.connect_h2().await;
    for _ in 0..20 {
        let mut request = caller.request("POST", "/p/1.0/Service/Method");
        request
            .headers_mut()
            .insert("content-type", "application/grpc".parse().unwrap());
        request.headers_mut().insert("te", "trailers".parse().unwrap());
        let reply = caller.call(request, &[b"\0\0\0\0\x02", b"hi"]).await;
        assert_eq!((reply.status, reply.body.as_slice()), (200, &b"\0\0\0\0\x02hi"[..]));
        assert_eq!(
            (reply.trailer("grpc-status"), reply.trailer("grpc-message")),
            (Some("0"), Some("done"))
        );
    }
    let seen = origin.requests().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.uri.path()), ("POST", "/Service/Method"));
    assert_eq!(seen.body, b"\0\0\0\0\x02hi");
    assert_eq!(seen.headers["te"], "trailers");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_grpc_calls_share_a_connection() {
    let origin = grpc_origin(None).await;
    let gateway = serving(version("1.0").production(&[&origin.url()]).over_http2()).await;
    let caller = gateway.connect_h2().await;
    let mut open = Vec::new();
    for place in 0..50 {
        open.push(caller.begin(caller.request("POST", "/p/1.0/S/M")).await);
        eventually("the call to arrive", async || origin.begun() > place).await;
    }
    assert_eq!(origin.connections(), 1, "all of them are under way at once");
    for (mut body, response) in open {
        body.send_data(b"x"[..].into(), true).unwrap();
        assert_eq!(soon("an answer", response).await.unwrap().status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_pass_one_by_one() {
    let gate = Gate::new();
    let events = gate.clone();
    let origin = origin()
        .answers(move |_| {
            let answer = answer(200).header("Content-Type", "text/event-stream");
            answer.chunks(&events, &["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"])
        })
        .start()
        .await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let mut caller = gateway.connect().await;
    caller
        .send(get("/p/1.0/events").header("Accept", "text/event-stream").bytes())
        .await;
    assert_eq!(caller.head().await.header("content-type"), Some("text/event-stream"));
    for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
        gate.open();
        assert_eq!(caller.chunk().await.unwrap(), event.as_bytes());
    }
    assert_eq!(caller.chunk().await.unwrap(), b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_outlast_the_total_timeout() {
    let gate = Gate::new();
    let events = gate.clone();
    let origin = origin()
        .answers(move |_| {
            let answer = answer(200).header("Content-Type", "text/event-stream");
            answer.chunks(&events, &["data: 1\n\n", "data: 2\n\n"])
        })
        .start()
        .await;
    let gateway = serving(version("1.0").to(&origin).within("total", "200ms")).await;
    let mut caller = gateway.connect().await;
    caller
        .send(get("/p/1.0/events").header("Accept", "text/event-stream").bytes())
        .await;
    let head = caller.head().await;
    // Longer than the timeout that must not apply.
    tokio::time::sleep(Duration::from_millis(400)).await;
    gate.open_for_all();
    assert_eq!(caller.rest_of(&head).await.unwrap().text(), "data: 1\n\ndata: 2\n\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_begin_before_the_body_ends() {
    let origin = origin().early().says("early").start().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let mut caller = gateway.connect().await;
    caller
        .send("POST /p/1.0/a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhe")
        .await;
    assert_eq!(caller.head().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_streams_and_waits_for_a_slow_endpoint() {
    const LENGTH: usize = 256 << 20;
    let gate = Gate::new();
    let shut = gate.clone();
    let origin = origin()
        .early()
        .answers(move |_| answer(200).body("read").behind(&shut))
        .start()
        .await;
    let gateway = gateway().set("limits.request_body", "\"1GiB\"");
    let gateway = gateway
        .api(&api("Open", "/p").version(version("1.0").to(&origin)))
        .start()
        .await;
    let mut caller = gateway.connect().await;
    caller
        .send(format!(
            "POST /p/1.0/a HTTP/1.1\r\nHost: a.test\r\nContent-Length: {LENGTH}\r\n\r\n"
        ))
        .await;
    let piece = vec![b'x'; 64 << 10];
    let mut taken = 0;
    while let Ok(count) = tokio::time::timeout(Duration::from_millis(500), caller.wire().offer(&piece)).await {
        taken += count.unwrap();
        assert!(
            taken < LENGTH / 4,
            "the gateway keeps a body that its endpoint does not read"
        );
    }
    gate.open();
    assert_eq!(caller.reply().await.expect(200).text(), "read");
    assert!(!origin.only_request().is_whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_bodies_arrive_whole_both_ways() {
    let origin = origin()
        .answers(|request| answer(200).body(&request.body))
        .start()
        .await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let body: Vec<u8> = (0..3_000_000_u32).map(|place| (place % 251) as u8).collect();
    assert!(gateway.call(post("/p/1.0/a", &body)).await.expect(200).body == body);
    let chunks: Vec<&[u8]> = body.chunks(70_000).collect();
    assert!(
        gateway
            .call(call("PUT", "/p/1.0/a").chunked(&chunks))
            .await
            .expect(200)
            .body
            == body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http2_body_that_ends_with_an_empty_frame_ends_once() {
    let origin = origin()
        .answers(|request| answer(200).body(&request.body))
        .start()
        .await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let caller = gateway.connect_h2().await;
    for _ in 0..3 {
        let reply = caller.call(caller.request("POST", "/p/1.0/a"), &[b"hello", b""]).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, "hello"));
    }
    let bytes = origin.bytes_of(0);
    assert_eq!(count(&bytes, b"0\r\n\r\n"), 3, "{}", String::from_utf8_lossy(&bytes));
    assert_eq!((origin.connections(), origin.requests().len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_http2_body_makes_no_second_request() {
    let origin = origin().start().await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let caller = gateway.connect_h2().await;
    for _ in 0..3 {
        assert_eq!(
            caller.call(caller.request("POST", "/p/1.0/a"), &[b""]).await.status,
            200
        );
    }
    assert!(
        origin
            .requests()
            .iter()
            .all(|request| request.method == "POST" && request.body.is_empty())
    );
    assert!(count(&origin.bytes_of(0), b"0\r\n\r\n") <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_waits_to_be_asked_for_is_asked_for_by_the_endpoint() {
    let origin = origin()
        .answers(|request| answer(200).body(&request.body))
        .start()
        .await;
    let gateway = serving(version("1.0").to(&origin)).await;
    let head = "POST /p/1.0/a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let mut caller = gateway.connect().await;
    caller.send(head).await;
    let interim = soon("to be asked for the body", caller.wire().head()).await.unwrap();
    assert!(
        interim.starts_with(b"HTTP/1.1 100 "),
        "{}",
        String::from_utf8_lossy(&interim)
    );
    caller.send("hello").await;
    let reply = caller.reply_to("POST").await.expect(200);
    assert_eq!(reply.text(), "hello");
    // Pingora takes an interim answer for one that came before the body was wanted (0.9.1), and says so.
    assert_eq!(reply.header("connection"), Some("close"));
    assert_eq!(origin.last_request().header("expect"), Some("100-continue"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_wants_is_not_asked_for() {
    let strict = origin().early().answers(|_| answer(413).close()).start().await;
    let gateway = serving(version("1.0").to(&strict)).await;
    for (path, status) in [("/p/1.0/a", 413), ("/nowhere", 404)] {
        let mut caller = gateway.connect().await;
        caller
            .send(format!(
                "POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
            ))
            .await;
        let head = soon("an answer", caller.wire().head()).await.unwrap();
        let wanted = format!("HTTP/1.1 {status} ");
        assert!(
            head.starts_with(wanted.as_bytes()),
            "{}",
            String::from_utf8_lossy(&head)
        );
    }
}
