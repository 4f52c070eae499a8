//! Whatever a caller says that an endpoint sees tells entries apart, so that nobody's words shape another one's answer.

use crate::harness::*;

/// A well-formed value, and another line behind it.
const DOUBLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntraceparent: evil";

/// Answers with what it sees of each request, but for what says where a request comes from.
async fn mirror() -> Origin {
    origin()
        .answers(|request| {
            let head = String::from_utf8_lossy(&request.head).into_owned();
            let is_seen = |line: &&str| {
                let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
                !["x-request-id", "x-forwarded-for", "forwarded"].contains(&name.as_str())
            };
            // The order of fields is nobody's words.
            let mut lines: Vec<&str> = head.lines().filter(is_seen).collect();
            lines[1..].sort_unstable();
            let body = [lines.join("\n").as_bytes(), &request.body].concat();
            answer(200).header("Cache-Control", "max-age=600").body(body)
        })
        .start()
        .await
}

async fn start(origin: &Origin, cache: &str, trusted: &[&str]) -> Gateway {
    let version = version("1")
        .to(origin)
        .table("cache", cache)
        .asking("none", &["GET", "HEAD"], "/*");
    let api = api("Kept", "/c").version(version);
    gateway().trusting(trusted).api(&api).start().await
}

fn is_hit(reply: &Reply) -> bool {
    let status = reply.header("cache-status");
    status.is_some_and(|status| status.starts_with("Tollgate; hit"))
}

/// Calls with each of these fields, and then without, which must be answered as if nobody ever had.
async fn shape_nothing(gateway: &Gateway, fields: &[(&str, &str)]) {
    let clean = gateway.get("/c/1/clean").await.expect(200).text();
    for (number, (name, value)) in fields.iter().enumerate() {
        let target = format!("/c/1/{number:05}");
        gateway.call(get(&target).header(name, value)).await;
        let (reply, expected) = (gateway.get(&target).await, format!("/{number:05}"));
        assert_eq!(reply.expect(200).text(), clean.replace("/clean", &expected), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_one_caller_shapes_no_answer_to_another() {
    let origin = mirror().await;
    let gateway = start(&origin, "", &[]).await;
    let fields = [
        ("X-Foo", "evil"),
        ("X-Original-URL", "/evil"),
        ("X_Original_URL", "/evil"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("Accept", "text/evil"),
        ("Accept-Language", "evil"),
        ("Origin", "http://evil.test"),
        ("Authorization", "Bearer evil"),
        ("Cookie", "name=evil"),
        ("X-Forwarded-Host", "evil.test"),
        ("X_Forwarded_Host", "evil.test"),
        ("X-Forwarded-Prefix", "/evil"),
        ("Forwarded", "host=evil.test"),
        ("User-Agent", "evil"),
        ("Referer", "http://evil.test"),
        ("Sec-Fetch-Site", "evil"),
        ("Cache-Control", "evil"),
        ("Pragma", "evil"),
        ("Baggage", "evil"),
        ("traceparent", "evil"),
        ("traceparent", DOUBLED),
        ("Via", "1.1 evil"),
        ("tracestate", "evil=1"),
        ("TE", "evil"),
        ("Range", "bytes=0-0"),
        ("If-None-Match", "\"evil\""),
        ("Proxy-Authenticate", "evil"),
    ];
    shape_nothing(&gateway, &fields).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_describes_a_caller_does_not_reach_the_endpoint_unless_it_is_named() {
    let origin = mirror().await;
    let gateway = start(
        &origin,
        "headers = [\"Referer\"]\nunkeyed_headers = [\"X-Correlation-Id\"]",
        &[],
    )
    .await;
    let by = |agent: &str| get("/c/1/a").header("User-Agent", agent);
    let first = gateway.call(by("one").header("X-Correlation-Id", "1")).await;
    let seen = origin.only_request();
    assert_eq!(
        (seen.header("user-agent"), seen.header("x-correlation-id")),
        (Some("Tollgate"), Some("1"))
    );
    let second = gateway.call(by("two").header("X-Correlation-Id", "2")).await;
    assert!(is_hit(&second) && first.text() == second.text());
    let named = gateway.call(by("one").header("Referer", "http://a.test")).await;
    assert!(!is_hit(&named) && named.text().contains("http://a.test"));
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    gateway
        .call(get("/c/1/b").header("traceparent", trace))
        .await
        .expect(200);
    assert_eq!(origin.last_request().header("traceparent"), Some(trace));
    gateway.call(call("HEAD", "/c/1/a").header("User-Agent", "one")).await;
    assert_eq!(origin.requests().len(), 3, "HEAD is answered from GET");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_spelling_of_a_host_has_its_own_answers() {
    let origin = mirror().await;
    let gateway = start(&origin, "", &[]).await;
    for _ in 0..2 {
        for host in ["gateway.test", "gateway.test:1337", "gateway.test.", "GATEWAY.test"] {
            let reply = gateway.call(get("/c/1/a").host(host)).await.expect(200);
            assert!(reply.text().contains(&format!("x-forwarded-host: {host}\n")) || reply.text().ends_with(host));
        }
    }
    assert_eq!(origin.requests().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_share_answers_of_an_endpoint_that_is_not_told_of_them() {
    let origin = mirror().await;
    let gateway = start(&origin, "ignore_host = true", &[]).await;
    let first = gateway.call(get("/c/1/a").host("evil.test")).await.expect(200);
    assert!(!first.text().contains("evil"), "{}", first.text());
    assert!(origin.only_request().header("forwarded").is_none());
    assert!(is_hit(&gateway.get("/c/1/a").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trusted_proxy_passes_on_shapes_no_answer_to_another() {
    let origin = mirror().await;
    for cache in ["", "ignore_host = true"] {
        let gateway = start(&origin, cache, &["127.0.0.0/8"]).await;
        let fields = [
            ("X-Forwarded-Host", "evil.test"),
            ("X-Forwarded-Prefix", "/evil"),
            ("X-Forwarded-Port", "666"),
            ("X-Forwarded-Scheme", "evil"),
            ("X-Real-IP", "evil"),
            ("Forwarded", "for=evil;host=evil.test"),
        ];
        shape_nothing(&gateway, &fields).await;
        // What says where each call comes from leaves nobody with entries of their own.
        let by = |client: &str| {
            let call = get("/c/1/clean").header("X-Real-IP", client);
            call.header("Forwarded", &format!("for={client}"))
        };
        assert!(is_hit(&gateway.call(by("192.0.2.7")).await) && is_hit(&gateway.call(by("192.0.2.8")).await));
        let forged = get("/c/1/address").header("X-Forwarded-For", "<evil>, 192.0.2.7, 127.0.0.3");
        gateway.call(forged).await.expect(200);
        let seen = origin.last_request();
        assert_eq!(seen.header("x-forwarded-for"), Some("192.0.2.7"));
        assert!(seen.header("forwarded").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_tell_nothing_apart_do_not_reach_the_endpoint() {
    let origin = mirror().await;
    for (cache, sent) in [
        ("query = [\"page\"]", "/a?page=1"),
        ("ignore_query = [\"callback\", \"p%61ge\"]", "/a?page=1&_method=DELETE"),
    ] {
        let gateway = start(&origin, cache, &[]).await;
        gateway
            .get("/c/1/a?callback=evil&page=1&_method=DELETE&p%61ge=2")
            .await
            .expect(200);
        assert_eq!(origin.last_request().target, sent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_of_what_was_asked_in_a_body() {
    let origin = mirror().await;
    let gateway = start(&origin, "", &[]).await;
    let caller = gateway.connect_h2().await;
    let clean = |text: String| text.lines().next().unwrap().to_owned() + text.rsplit("\r\n").next().unwrap();
    let evil = caller.call(caller.request("GET", "/c/1/a"), &[b"evil"]).await;
    assert!(
        evil.text().ends_with("evil") && evil.header("cache-status").is_none(),
        "{}",
        evil.text()
    );
    let reply = caller.get("/c/1/a").await;
    assert!(!clean(reply.text()).contains("evil"), "{}", reply.text());
    gateway.call(get("/c/1/b").chunked(&[b"evil"])).await;
    assert!(!gateway.get("/c/1/b").await.expect(200).text().contains("evil"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_a_connection_takes_back_is_in_nobodys_key() {
    let origin = mirror().await;
    let gateway = start(&origin, "", &[]).await;
    for name in ["Origin", "X-Tenant"] {
        let target = format!("/c/1/{name}");
        let named = format!("keep-alive, {name}");
        let call = get(&target).header(name, "ours").header("Connection", &named);
        let taken_back = gateway.call(call).await.expect(200);
        assert!(taken_back.header("cache-status").is_none() && !taken_back.text().contains("ours"));
        let reply = gateway.call(get(&target).header(name, "ours")).await.expect(200);
        assert!(reply.text().contains("ours"), "{}", reply.text());
    }
    // What names only fields of a connection is answered from what is kept.
    let plain = || get("/c/1/plain").header("Connection", "keep-alive, x-none");
    gateway.call(plain()).await.expect(200);
    assert!(is_hit(&gateway.call(plain()).await));
}
