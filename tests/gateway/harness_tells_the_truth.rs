//! The harness itself: what its origins record is what its callers sent, with no gateway between them.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::*;

#[tokio::test]
async fn an_origin_records_every_byte_and_understands_them() {
    let origin = origin()
        .answers(|request| answer(201).header("X-Echo", &request.target).body(&request.body))
        .start()
        .await;
    let mut caller = Caller::connect(origin.address()).await;
    let first = post("/a?b", "hello");
    let reply = caller.call(first.clone()).await.expect(201);
    assert_eq!((reply.header("x-echo"), reply.text().as_str()), (Some("/a?b"), "hello"));
    let second = call("PUT", "/c").chunked(&[b"one", b"two"]);
    assert_eq!(caller.call(second.clone()).await.text(), "onetwo");
    assert_eq!(origin.bytes_of(0), [first.bytes(), second.bytes()].concat());
    assert_eq!(origin.last_request().body, b"onetwo");
    assert_eq!((origin.connections(), origin.requests().len()), (1, 2));
}

#[tokio::test]
async fn an_origin_waits_at_its_gates() {
    let gate = Gate::new();
    let events = gate.clone();
    let origin = origin()
        .answers(move |_| answer(200).chunks(&events, &["one", "two"]))
        .start()
        .await;
    let mut caller = Caller::connect(origin.address()).await;
    caller.send(get("/").bytes()).await;
    caller.head().await;
    for expected in ["one", "two"] {
        gate.open();
        assert_eq!(caller.chunk().await.unwrap(), expected.as_bytes());
    }
    assert_eq!(caller.chunk().await.unwrap(), b"");
}

#[tokio::test]
async fn addresses_that_play_dead_refuse_or_hang() {
    let (refusing, _guard) = refusing();
    assert!(tokio::net::TcpStream::connect(refusing).await.is_err());
    let (crowded, _listener, _queue) = crowded().await;
    let dial = tokio::net::TcpStream::connect(crowded);
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(100), dial)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn an_origin_over_tls_may_ask_for_a_certificate() {
    let authority = Authority::new("test");
    let identity = authority.identity(&["127.0.0.1", "localhost"]);
    let open = origin().tls(identity.server(&["http/1.1"])).start().await;
    let connected = Caller::connect_tls(open.address(), "localhost", trusting(&["http/1.1"])).await;
    let (mut caller, facts) = connected.unwrap();
    assert_eq!(
        (facts.alpn.as_deref(), facts.leaf),
        (Some("http/1.1"), Some(identity.leaf()))
    );
    caller.call(get("/")).await.expect(200);
    let closed = origin().tls(identity.server_for(&authority)).start().await;
    // In TLS 1.3 the refusal comes after the caller's side of the handshake is done.
    if let Ok((mut caller, _)) = Caller::connect_tls(closed.address(), "localhost", trusting(&[])).await {
        caller.try_send(get("/").bytes()).await;
        assert!(caller.find_reply("GET").await.is_none());
    }
    closed.saw_nothing();
}

#[tokio::test]
async fn http2_is_spoken_with_trailers() {
    let origin = grpc_origin(None).await;
    let caller = CallerH2::connect(origin.url().trim_start_matches("http://").parse().unwrap()).await;
    let reply = caller
        .call(caller.request("POST", "/Service/Method"), &[b"ab", b"c"])
        .await;
    assert_eq!(
        (reply.status, reply.text().as_str(), reply.trailer("grpc-status")),
        (200, "abc", Some("0"))
    );
    assert_eq!(origin.requests()[0].uri.path(), "/Service/Method");
}

#[tokio::test]
async fn websockets_echo_whenever_their_101_comes() {
    for origin in [websocket_origin().await, early_websocket_origin().await] {
        let address = origin.url().trim_start_matches("http://").parse().unwrap();
        let mut socket = Caller::connect(address).await.websocket(upgrade("/")).await.unwrap();
        socket.send(Message::text("hello")).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
        assert_eq!(origin.connections(), 1);
    }
}

#[tokio::test]
async fn an_authority_signs_different_certificates() {
    let authority = Arc::new(Authority::new("test"));
    assert_ne!(
        authority.identity(&["a.test"]).leaf(),
        authority.identity(&["a.test"]).leaf()
    );
}
