//! However a request comes, it passes the same decisions: no protocol, method, spelling or field goes round them.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::Request;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::*;

async fn world() -> (Origin, Gateway, String) {
    let origin = origin().start().await;
    let version = version("1.0")
        .to(&origin)
        .asking("any", &["GET", "POST"], "/closed/*")
        .asking("any", &["GET", "OPTIONS"], "/options")
        .asking("application_user", &["GET"], "/users")
        .resource(&["GET"], "/open");
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .tls()
        .api(&api("Pets", "/p").default_version(&["1.0"]).version(version))
        .start()
        .await;
    let app = gateway.app("joe", "Phone").await;
    gateway.subscribe(&app, "Pets", "1.0").await;
    let token = gateway.app_token(&app.keys).await;
    (origin, gateway, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_method_does() {
    let (origin, gateway, token) = world().await;
    let mut caller = gateway.connect().await;
    for method in [
        "GET", "HEAD", "POST", "get", "Get", "TRACE", "PROPFIND", "M-SEARCH", "CONNECT",
    ] {
        let reply = caller.find_reply_to(call(method, "/p/1.0/closed/a")).await;
        if reply.is_none() {
            caller = gateway.connect().await;
        }
        assert!(reply.is_none_or(|reply| reply.status / 100 == 4), "{method}");
        origin.saw_nothing();
    }
    for (name, value) in [
        ("X-HTTP-Method-Override", "OPTIONS"),
        ("X-Method-Override", "OPTIONS"),
        ("X-Original-URL", "/p/1.0/open"),
        ("X-Rewrite-URL", "/p/1.0/open"),
        ("Access-Control-Request-Method", "GET"),
        ("Origin", "https://evil.test"),
    ] {
        gateway
            .call(get("/p/1.0/closed/a").header(name, value))
            .await
            .refused(401, &origin);
    }
    // The gateway's own answer to OPTIONS never reaches a backend; a declared one is a resource like any other.
    gateway.call(call("OPTIONS", "/p/1.0/closed/a")).await;
    origin.saw_nothing();
    gateway
        .call(call("OPTIONS", "/p/1.0/options"))
        .await
        .refused(401, &origin);
    let preflight = call("OPTIONS", "/p/1.0/options")
        .header("Origin", "https://a.test")
        .header("Access-Control-Request-Method", "GET");
    gateway.call(preflight).await;
    origin.saw_nothing();
    gateway
        .call(call("HEAD", "/p/1.0/closed/a").bearer(&token))
        .await
        .expect(200);
    gateway
        .call(call("OPTIONS", "/p/1.0/options").bearer(&token))
        .await
        .expect(200);
    let reply = gateway.call(call("HEAD", "/p/1.0/users").bearer(&token)).await;
    reply.expect(401);
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_the_target_does() {
    let (origin, gateway, _) = world().await;
    for target in [
        "/p/1.0/closed/a",
        "/p/closed/a",
        "/p/1%2e0/closed/a",
        "/%70/1.0/closed/a",
        "/p/1.0/clos%65d/a",
        "/p/1.0/closed/%2e%2e/open",
        "/p/1.0/open/../closed/a",
        "/p/1.0/open/%2e%2e/closed/a",
        "/p/1.0/open%2f..%2fclosed/a",
        "//p/1.0/closed/a",
        "/p//1.0/closed/a",
        "/p/1.0//closed/a",
        "/p/1.0/closed//a",
        "/p/1.0/closed\\a",
        "/p/1.0/open;/../closed/a",
        "/p/1.0/closed/a;x=/open",
        "/p/1.0/closed/a%00",
        "/p/1.0/closed/a?/p/1.0/open",
        "/p/1.0/closed/a#/p/1.0/open",
        "http://gateway.test/p/1.0/closed/a",
        "http://gateway.test//p/1.0/closed/a",
        "HTTP://x@gateway.test/p/1.0/closed/a",
        "/t/carbon.super/p/1.0/closed/a",
    ] {
        let mut caller = gateway.connect().await;
        let reply = caller.find_reply_to(get(target)).await;
        assert!(reply.is_none_or(|reply| reply.status / 100 == 4), "{target}");
        origin.saw_nothing();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_version_of_http_does() {
    let (origin, gateway, token) = world().await;
    let show = format!("Authorization: Bearer {token}\r\n");
    for (fields, status) in [("", 401), ("Authorization: Bearer x\r\n", 401), (show.as_str(), 200)] {
        for line in [
            "HTTP/1.0\r\n",
            "HTTP/1.0\r\nHost: gateway.test\r\n",
            "HTTP/1.0\r\nConnection: keep-alive\r\n",
        ] {
            let before = origin.requests().len();
            let mut caller = gateway.connect().await;
            caller.send(format!("GET /p/1.0/closed/a {line}{fields}\r\n")).await;
            caller.reply().await.expect(status);
            assert_eq!(origin.requests().len(), before + usize::from(status == 200));
        }
    }
    let before = origin.requests().len();
    let h2 = gateway.connect_h2().await;
    assert_eq!(h2.get("/p/1.0/closed/a").await.status, 401);
    assert_eq!(origin.requests().len(), before);
    let grpc = |token: Option<&str>| {
        let request = Request::post("http://gateway.test/p/1.0/closed/a").header("content-type", "application/grpc");
        let request = match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        request.header("te", "trailers").body(()).unwrap()
    };
    let reply = h2.call(grpc(None), &[b"x"]).await;
    assert_eq!((reply.status, reply.header("grpc-status")), (200, Some("16")));
    assert_eq!(
        h2.call(grpc(Some("x")), &[b"x"]).await.header("grpc-status"),
        Some("16")
    );
    assert_eq!(origin.requests().len(), before);
    let twice = Request::get("http://gateway.test/p/1.0/closed/a")
        .header("authorization", format!("Bearer {token}"))
        .header("authorization", "Bearer x")
        .body(())
        .unwrap();
    assert_eq!(h2.call(twice, &[]).await.status, 401);
    assert_eq!(origin.requests().len(), before);
    assert_eq!(h2.call(grpc(Some(&token)), &[b"x"]).await.status, 200);
    assert_eq!(origin.requests().len(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_opened_with_a_token_alone_and_the_token_stays_here() {
    let origin = origin().start().await;
    let echo = websocket_origin().await;
    let version = version("1.0").production(&[&echo.url()]).asking("any", &["GET"], "/*");
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .api(&api("Chat", "/c").version(version))
        .start()
        .await;
    let app = gateway.app("joe", "Phone").await;
    let token = gateway.app_token(&app.keys).await;
    gateway.call(upgrade("/c/1.0/a")).await.refused(401, &origin);
    gateway
        .call(upgrade("/c/1.0/a").bearer("x"))
        .await
        .refused(401, &origin);
    gateway
        .call(upgrade("/c/1.0/a").bearer(&token))
        .await
        .refused(403, &origin);
    assert_eq!(echo.connections(), 0);
    gateway.subscribe(&app, "Chat", "1.0").await;
    gateway.call(upgrade("/c/1.0/a").bearer(&token)).await.expect(101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_ends_with_the_token_that_opened_it() {
    let echo = websocket_origin().await;
    let version = version("1.0").production(&[&echo.url()]).asking("any", &["GET"], "/*");
    let gateway = gateway()
        .set("oauth.algorithm", "\"ES256\"")
        .set("oauth.access_token", "\"3s\"")
        .api(&api("Chat", "/c").version(version))
        .start()
        .await;
    let app = gateway.app("joe", "Phone").await;
    gateway.subscribe(&app, "Chat", "1.0").await;
    let token = gateway.app_token(&app.keys).await;
    let call = upgrade("/c/1.0/a").bearer(&token);
    let mut socket = gateway.connect().await.websocket(call).await.unwrap();
    socket.send("here".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().into_text().unwrap(), "here");
    let ended = timeout(Duration::from_secs(10), async {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Close(Some(frame)) = message else {
                panic!("{message}")
            };
            assert_eq!(u16::from(frame.code), 1008);
        }
    });
    ended.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_trick_with_fields_does() {
    let (origin, gateway, token) = world().await;
    let shown = format!("Bearer {token}");
    for call in [
        get("/p/1.0/closed/a").header("Authorization_", &shown),
        get("/p/1.0/closed/a").header("Proxy-Authorization", &shown),
        get("/p/1.0/closed/a").header("X-Authorization", &shown),
        get("/p/1.0/closed/a").header("Cookie", &format!("access_token={token}")),
        get("/p/1.0/closed/a").header("Authorization", &format!("Token {token}")),
        get("/p/1.0/closed/a").bearer(&token).header("Authorization", ""),
        get("/p/1.0/closed/a").bearer(&token).host("a").header("Host", "b"),
    ] {
        let reply = gateway.call(call).await;
        assert_eq!(reply.status / 100, 4);
        origin.saw_nothing();
    }
    // In trailers it is nobody's credential.
    let mut caller = gateway.connect().await;
    let trailing = format!(
        "POST /p/1.0/closed/a HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n\
         1\r\nx\r\n0\r\nAuthorization: {shown}\r\n\r\n"
    );
    caller.send(trailing).await;
    caller.reply().await.refused(401, &origin);
    // What `Connection` names is taken before it is dropped, and dropped all the same.
    for name in ["Authorization", "authorization, close", "AUTHORIZATION"] {
        gateway
            .call(get("/p/1.0/closed/a").bearer(&token).header("Connection", name))
            .await
            .expect(200);
        assert_eq!(origin.last_request().header("authorization"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_that_was_routed_by_is_the_host_that_the_backend_is_told() {
    let (origin, gateway, token) = world().await;
    let routed = || get("http://routed.test/p/1.0/closed/a").bearer(&token);
    gateway.call(routed().host("stated.test")).await.refused(400, &origin);
    gateway.call(routed().host("routed.test")).await.expect(200);
    let h2 = Request::get("http://routed.test/p/1.0/closed/a")
        .header("host", "stated.test")
        .header("authorization", format!("Bearer {token}"))
        .body(())
        .unwrap();
    let reply = gateway.connect_h2().await.call(h2, &[]).await;
    assert!([200, 400].contains(&reply.status));
    for seen in origin.requests() {
        assert_eq!(seen.header("x-forwarded-host"), Some("routed.test"));
        assert!(
            seen.header("forwarded").unwrap().contains("host=\"routed.test\""),
            "{seen:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_one_hop_stays_here_whatever_is_spoken_on_both_sides() {
    let backend = grpc_origin(None).await;
    let version = version("1.0").production(&[&backend.url()]).over_http2();
    let gateway = gateway().api(&api("Pets", "/p").version(version)).start().await;
    let h2 = gateway.connect_h2().await;
    let request = Request::post("http://gateway.test/p/1.0/a")
        .header("content-type", "application/grpc")
        .header("proxy-authorization", "Basic eDp5")
        .header("te", "trailers")
        .body(())
        .unwrap();
    h2.call(request, &[b"x"]).await;
    let seen = backend.requests().pop().unwrap().headers;
    assert!(!seen.contains_key("proxy-authorization"), "{seen:?}");
    assert_eq!(seen["te"], "trailers");
}
