//! WebSocket: admitted like any other request, then carried both ways until either side ends it.

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::*;

async fn serving(url: &str) -> Gateway {
    let chat = version("1.0")
        .production(&[url])
        .resource(&["GET"], "/chat")
        .resource(&["POST"], "/post");
    gateway().tls().api(&api("Chat", "/c").version(chat)).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_pass_both_ways() {
    let origin = websocket_origin().await;
    let gateway = serving(&origin.url()).await;
    let mut socket = gateway
        .connect()
        .await
        .websocket(upgrade("/c/1.0/chat?room=1"))
        .await
        .unwrap();
    for length in [0, 1, 125, 126, 70_000, 1_000_000] {
        let message = Message::binary(vec![7; length]);
        socket.send(message.clone()).await.unwrap();
        assert_eq!(soon("an echo", socket.next()).await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = soon("the tunnel to end", socket.next()).await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_pass_at_once() {
    let origin = websocket_origin().await;
    let gateway = serving(&origin.url()).await;
    let socket = gateway.connect().await.websocket(upgrade("/c/1.0/chat")).await.unwrap();
    let (mut out, mut back) = socket.split();
    let sending = tokio::spawn(async move {
        for place in 0..2_000_u32 {
            out.send(Message::binary(vec![(place % 256) as u8; 4_000]))
                .await
                .unwrap();
        }
        out
    });
    for place in 0..2_000_u32 {
        let message = soon("an echo", back.next()).await.unwrap().unwrap();
        assert_eq!(message, Message::binary(vec![(place % 256) as u8; 4_000]));
    }
    drop(sending.await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_passes_over_tls() {
    let origin = websocket_origin().await;
    let gateway = serving(&origin.url()).await;
    let (caller, _) = gateway.connect_tls("gateway.test", &["http/1.1"]).await;
    let mut socket = caller.websocket(upgrade("/c/1.0/chat")).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(
        soon("an echo", socket.next()).await.unwrap().unwrap(),
        Message::text("hello")
    );
}

/// The race of pingora's issue 946: a 101 that is read before the end of the request was noticed.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_is_not_lost_however_early_the_101_comes() {
    let origin = early_websocket_origin().await;
    let gateway = serving(&origin.url()).await;
    for _ in 0..100 {
        let mut socket = gateway.connect().await.websocket(upgrade("/c/1.0/chat")).await.unwrap();
        socket.send(Message::text("hello")).await.unwrap();
        assert_eq!(
            soon("an echo", socket.next()).await.unwrap().unwrap(),
            Message::text("hello")
        );
    }
    assert_eq!(origin.connections(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_is_decided_before_anyone_is_dialled() {
    let origin = websocket_origin().await;
    let gateway = serving(&origin.url()).await;
    for (target, status) in [
        ("/c/1.0/nowhere", 404),
        ("/c/1.0/post", 405),
        ("/c/1.0/a%2Fb", 400),
        ("/d/chat", 404),
    ] {
        let refusal = gateway.connect().await.websocket(upgrade(target)).await.unwrap_err();
        assert_eq!(refusal.status, status, "{target}");
    }
    assert_eq!(origin.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_may_refuse_to_upgrade() {
    let origin = origin()
        .answers(|_| answer(403).header("X-Why", "not you").body("no"))
        .start()
        .await;
    let gateway = serving(&origin.url()).await;
    let refusal = gateway
        .connect()
        .await
        .websocket(upgrade("/c/1.0/chat"))
        .await
        .unwrap_err();
    assert_eq!(
        (refusal.status, refusal.header("x-why"), refusal.text().as_str()),
        (403, Some("not you"), "no")
    );
    let request = origin.only_request();
    assert_eq!(
        request.header("upgrade").map(str::to_ascii_lowercase).as_deref(),
        Some("websocket")
    );
    assert!(request.header("x-request-id").is_some() && request.header("x-forwarded-for").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_makes_a_502() {
    let (refusing, _guard) = refusing();
    let gateway = serving(&format!("http://{refusing}")).await;
    let refusal = gateway
        .connect()
        .await
        .websocket(upgrade("/c/1.0/chat"))
        .await
        .unwrap_err();
    assert!(matches!(refusal.status, 502 | 503), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_may_be_silent_for_longer_than_a_call_may_take() {
    let origin = websocket_origin().await;
    let chat = version("1.0").production(&[&origin.url()]).within("total", "200ms");
    let gateway = gateway().api(&api("Chat", "/c").version(chat)).start().await;
    let mut socket = gateway.connect().await.websocket(upgrade("/c/1.0/chat")).await.unwrap();
    // The silence that is tested.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(
        soon("an echo", socket.next()).await.unwrap().unwrap(),
        Message::text("hello")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_tunnel_ends_in_time() {
    let origin = websocket_origin().await;
    let chat = version("1.0").production(&[&origin.url()]).within("read", "200ms");
    let gateway = gateway().api(&api("Chat", "/c").version(chat)).start().await;
    let mut socket = gateway.connect().await.websocket(upgrade("/c/1.0/chat")).await.unwrap();
    while let Some(Ok(_)) = soon("the tunnel to end", socket.next()).await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_ends_when_its_endpoint_ends() {
    let origin = websocket_origin().await;
    let gateway = serving(&origin.url()).await;
    let mut socket = gateway.connect().await.websocket(upgrade("/c/1.0/chat")).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    socket.next().await.unwrap().unwrap();
    drop(origin);
    while let Some(Ok(_)) = soon("the tunnel to end", socket.next()).await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_ends_when_the_gateway_stops() {
    let origin = websocket_origin().await;
    let gateway = serving(&origin.url()).await;
    let mut socket = gateway.connect().await.websocket(upgrade("/c/1.0/chat")).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    socket.next().await.unwrap().unwrap();
    gateway.stop().await;
    while let Some(Ok(_)) = soon("the tunnel to end", socket.next()).await {}
}
