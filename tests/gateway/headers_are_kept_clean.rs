//! What an endpoint learns about a caller, and what of a caller's header fields never reaches it.

use crate::harness::*;

async fn serving(trusted: &[&str], host: &str) -> (Origin, Gateway) {
    let origin = origin().start().await;
    let open = version("1.0").to(&origin).endpoints(host);
    let gateway = gateway()
        .trusting(trusted)
        .api(&api("Open", "/p").version(open))
        .start()
        .await;
    (origin, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_accepted_or_made() {
    let (origin, gateway) = serving(&[], "").await;
    let reply = gateway
        .call(get("/p/1.0/a").header("X-Request-Id", "abc-123"))
        .await
        .expect(200);
    assert_eq!(reply.header("x-request-id"), Some("abc-123"));
    assert_eq!(origin.last_request().header("x-request-id"), Some("abc-123"));
    let reply = gateway.get("/p/1.0/a").await.expect(200);
    let made = origin.last_request().header("x-request-id").unwrap().to_owned();
    assert_eq!(
        (made.len() > 15, reply.header("x-request-id")),
        (true, Some(made.as_str()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_that_could_forge_log_lines_is_replaced() {
    let (origin, gateway) = serving(&[], "").await;
    for forged in ["a b\"c", &"x".repeat(1_000)] {
        gateway
            .call(get("/p/1.0/a").header("X-Request-Id", forged))
            .await
            .expect(200);
        assert_ne!(origin.last_request().header("x-request-id"), Some(forged));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_passed_on() {
    let (origin, gateway) = serving(&[], "").await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    gateway
        .call(
            get("/p/1.0/a")
                .header("traceparent", parent)
                .header("tracestate", "a=b"),
        )
        .await
        .expect(200);
    let request = origin.only_request();
    assert_eq!(
        (request.header("traceparent"), request.header("tracestate")),
        (Some(parent), Some("a=b"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hop_is_recorded() {
    let (origin, gateway) = serving(&[], "").await;
    gateway
        .call(get("/p/1.0/a").header("Via", "1.0 before"))
        .await
        .expect(200);
    let via = origin.only_request().fields.all("via").join(", ");
    assert!(via.starts_with("1.0 before, 1.1 "), "{via}");
    gateway.connect_h2().await.get("/p/1.0/a").await;
    let via = origin.last_request().fields.all("via").join(", ");
    assert!(via.starts_with("2.0 "), "the version that the caller speaks: {via}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_say_where_a_call_comes_from() {
    let (origin, gateway) = serving(&["192.0.2.0/24"], "").await;
    let forged = get("/p/1.0/a")
        .header("X-Forwarded-For", "203.0.113.7")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "forged.test")
        .header("X-Forwarded-Port", "1")
        .header("X-Real-IP", "203.0.113.7")
        .header("Forwarded", "for=203.0.113.7;proto=https");
    gateway.call(forged).await.expect(200);
    let request = origin.only_request();
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(request.header("x-forwarded-proto"), Some("http"));
    assert_eq!(request.header("x-forwarded-host"), Some("gateway.test"));
    let forwarded = request.header("forwarded").unwrap();
    assert!(
        forwarded.contains("for=127.0.0.1") && forwarded.contains("proto=http"),
        "{forwarded}"
    );
    let head = String::from_utf8(request.head).unwrap();
    assert!(!head.contains("203.0.113.7") && !head.contains("forged.test"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_is_believed_and_added_to() {
    let (origin, gateway) = serving(&["127.0.0.1"], "").await;
    let forwarded = get("/p/1.0/a")
        .header("X-Forwarded-For", "203.0.113.7")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "public.test")
        .header("Forwarded", "for=203.0.113.7;proto=https;host=public.test");
    gateway.call(forwarded).await.expect(200);
    let request = origin.only_request();
    let hops: Vec<_> = request.header("x-forwarded-for").unwrap().split(", ").collect();
    assert_eq!(hops, ["203.0.113.7", "127.0.0.1"]);
    assert_eq!(request.header("x-forwarded-proto"), Some("https"));
    assert_eq!(request.header("x-forwarded-host"), Some("public.test"));
    let forwarded = request.fields.all("forwarded").join(", ");
    assert!(
        forwarded.starts_with("for=203.0.113.7;") && forwarded.contains("for=127.0.0.1"),
        "{forwarded}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_one_hop_goes_one_hop() {
    let (origin, gateway) = serving(&[], "").await;
    let call = get("/p/1.0/a")
        .header("Connection", "keep-alive, X-Secret")
        .header("X-Secret", "one hop")
        .header("Keep-Alive", "timeout=5")
        .header("Proxy-Connection", "keep-alive")
        .header("X-Public", "every hop");
    let ours = [
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "HTTP2-Settings",
        "TE",
        "Trailer",
        "Upgrade",
    ];
    let call = ours.iter().fold(call, |call, name| call.header(name, "one hop"));
    gateway.call(call).await.expect(200);
    let request = origin.only_request();
    for name in ["x-secret", "connection", "keep-alive", "proxy-connection"]
        .iter()
        .chain(&ours)
    {
        assert_eq!(request.header(&name.to_lowercase()), None, "{name}");
    }
    assert_eq!(request.header("x-public"), Some("every hop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_one_hop_goes_one_hop_with_an_upgrade_too() {
    let (origin, gateway) = serving(&[], "").await;
    let call = get("/p/1.0/a")
        .header("Connection", "keep-alive, Upgrade, X-Secret, X-Request-Id")
        .header("Upgrade", "h2c, WebSocket")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Version", "13");
    let call = ["X-Secret", "Keep-Alive", "Proxy-Authorization", "TE", "HTTP2-Settings"]
        .iter()
        .fold(call, |call, name| call.header(name, "one hop"));
    gateway.call(call).await.expect(200);
    let request = origin.only_request();
    assert!(
        !String::from_utf8_lossy(&request.head).contains("one hop"),
        "{request:?}"
    );
    assert_eq!(
        (request.header("connection"), request.header("upgrade")),
        (Some("Upgrade"), Some("websocket"))
    );
    assert!(request.header("x-request-id").is_some() && request.header("sec-websocket-key").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_away_what_forwarding_rests_on() {
    let (origin, gateway) = serving(&["127.0.0.1"], "").await;
    let many = "a, b, c, d, e, f, g, h, i, j, k";
    for named in ["X-Forwarded-For", "host", "Forwarded", "bad token", many] {
        let call = get("/p/1.0/a").header("X-Forwarded-For", "203.0.113.7");
        let call = call.header("Connection", named);
        gateway.call(call).await.refused(400, &origin);
        let call = upgrade("/p/1.0/a").header("Connection", named);
        gateway.call(call).await.refused(400, &origin);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_endpoint_says_to_us_alone_goes_no_further() {
    let origin = origin()
        .answers(|_| {
            let answer = answer(200).header("Connection", "X-Secret, keep-alive");
            let answer = answer.header("X-Secret", "one hop").header("Keep-Alive", "one hop");
            let answer = answer.header("Proxy-Connection", "one hop");
            answer.header("Upgrade", "one hop").header("X-Public", "every hop")
        })
        .start()
        .await;
    let open = api("Open", "/p").version(version("1.0").to(&origin));
    let gateway = gateway().api(&open).start().await;
    for call in [get("/p/1.0/a"), upgrade("/p/1.0/a")] {
        let reply = gateway.call(call).await.expect(200);
        assert_eq!(reply.header("x-public"), Some("every hop"));
        assert!(!format!("{:?}", reply.fields).contains("one hop"), "{:?}", reply.fields);
    }
    let reply = gateway.connect_h2().await.get("/p/1.0/a").await;
    assert_eq!(
        (reply.header("x-public"), reply.header("x-secret")),
        (Some("every hop"), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_to_anything_else_is_not_passed_on() {
    let (origin, gateway) = serving(&[], "").await;
    gateway
        .call(get("/p/1.0/a").header("Connection", "Upgrade").header("Upgrade", "h2c"))
        .await
        .expect(200);
    assert_eq!(origin.only_request().header("upgrade"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_cannot_be_forged() {
    let (origin, gateway) = serving(&["127.0.0.1"], "").await;
    let forged = get("/p/1.0/a")
        .header("X-JWT-Assertion", "forged")
        .header("x-jwt-assertion", "again");
    gateway.call(forged).await.expect(200);
    assert!(origin.only_request().fields.all("x-jwt-assertion").is_empty());
}

/// Backends that know fields as CGI does take an underscore for a hyphen (RFC 3875, 4.1.18).
#[tokio::test(flavor = "multi_thread")]
async fn an_underscore_hides_no_forgery() {
    for trusted in [&[][..], &["127.0.0.1"]] {
        let (origin, gateway) = serving(trusted, "").await;
        let names = [
            "X_JWT_Assertion",
            "X-JWT_Assertion",
            "X_Forwarded_For",
            "X-Forwarded_Proto",
            "X_Real_IP",
        ];
        for call in [get("/p/1.0/a"), upgrade("/p/1.0/a")] {
            let forged = names.iter().fold(call, |call, name| call.header(name, "forged"));
            gateway.call(forged.header("X_Public", "kept")).await.expect(200);
            let request = origin.last_request();
            assert!(
                !String::from_utf8_lossy(&request.head).contains("forged"),
                "{request:?}"
            );
            assert_eq!(request.header("x_public"), Some("kept"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_is_the_endpoints_own_or_the_callers() {
    let (origin, gateway) = serving(&[], "").await;
    gateway.get("/p/1.0/a").await.expect(200);
    assert_eq!(
        origin.only_request().header("host"),
        Some(origin.address().to_string().as_str())
    );
    let (origin, gateway) = serving(&[], "host = \"keep\"").await;
    gateway.call(get("/p/1.0/a").host("public.test:8280")).await.expect(200);
    assert_eq!(origin.only_request().header("host"), Some("public.test:8280"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_passes_with_its_own_fields() {
    let origin = origin()
        .answers(|_| {
            let answer = answer(201)
                .header("Location", "http://elsewhere.test/x")
                .header("Set-Cookie", "a=b");
            answer.header("Set-Cookie", "c=d").header("ETag", "\"v1\"").body("made")
        })
        .start()
        .await;
    let open = api("Open", "/p").version(version("1.0").to(&origin));
    let gateway = gateway().api(&open).start().await;
    // What has no body goes straight.
    for request in [post("/p/1.0/a", "make"), get("/p/1.0/a")] {
        let reply = gateway.call(request).await.expect(201);
        assert_eq!(reply.header("location"), Some("http://elsewhere.test/x"));
        assert_eq!(reply.fields.all("set-cookie"), ["a=b", "c=d"]);
        assert_eq!((reply.header("etag"), reply.text().as_str()), (Some("\"v1\""), "made"));
    }
}
