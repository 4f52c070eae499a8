//! A router behind a real socket: what arrives there, and what comes back.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use axum::Extension;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use http::HeaderMap;
use pingora_core::apps::ServerApp;
use pingora_core::protocols::l4::stream::Stream as TcpStream;
use pingora_core::protocols::{GetSocketDigest, SocketDigest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream as Client};
use tokio::sync::watch;

use super::listener::Listener;
use super::*;
use crate::accept::connections::Connections;
use crate::forwarding::Trust;
use crate::telemetry::Telemetry;

fn router() -> Router {
    async fn echo(Extension(visitor): Extension<Visitor>, headers: HeaderMap, body: Bytes) -> String {
        let cookie = headers.get("cookie").map_or("", |value| value.to_str().unwrap());
        format!("{} {} {cookie} {}", visitor.client, visitor.scheme.as_str(), body.len())
    }
    async fn broken() -> String {
        panic!("on purpose")
    }
    Router::new()
        .route("/echo", post(echo).get(echo))
        .route("/query", get(async |uri: Uri| uri.to_string()))
        .route("/broken", get(broken))
        .route("/empty", get(async || StatusCode::NO_CONTENT))
        .route(
            "/hop",
            get(async || ([("connection", "close"), ("x-kept", "1")], "hop")),
        )
        .layer(DefaultBodyLimit::disable())
}

/// Serves the router on a port of its own.
async fn served(trust: &str) -> SocketAddr {
    let introduce = |request: &mut Request<Body>, visitor: Visitor| {
        request.extensions_mut().insert(visitor);
    };
    let routed = Routed::new(router(), Box::new(introduce), Duration::from_millis(300));
    let trust = Trust::new(trust.parse().ok().into_iter().collect());
    let app = Arc::new(Listener {
        routed,
        trust,
        vouches: None,
        telemetry: Telemetry::new(None, Connections::new(1)),
        write_timeout: Duration::from_secs(5),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (_stop, stopping) = watch::channel(false);
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (app, stopping) = (Arc::clone(&app), stopping.clone());
            tokio::spawn(async move {
                let digest = SocketDigest::from_raw_fd(stream.as_raw_fd());
                let mut stream = TcpStream::from(stream);
                stream.set_socket_digest(digest);
                let mut stream: Option<pingora_core::protocols::Stream> = Some(Box::new(stream));
                while let Some(next) = stream {
                    stream = app.process_new(next, &stopping).await;
                }
            });
        }
    });
    address
}

/// Sends requests on one connection, and returns all that came back until it ended.
async fn said(address: SocketAddr, text: &str) -> String {
    let mut client = Client::connect(address).await.unwrap();
    client.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(10), client.read_to_end(&mut answer));
    read.await.unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

fn last(request: &str) -> String {
    request.replace("\r\n\r\n", "\r\nHost: a\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn a_request_arrives_with_its_body_and_the_answer_goes_back_with_its_length() {
    let address = served("").await;
    let request = "POST /echo HTTP/1.1\r\nContent-Length: 5\r\nX-Request-Id: my-id\r\n\r\nhello";
    let answer = said(address, &last(request)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.to_lowercase().contains("x-request-id: my-id"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n127.0.0.1 http  5"), "{answer}");
}

#[tokio::test]
async fn a_connection_is_kept_and_what_is_hop_by_hop_is_not_sent() {
    let address = served("").await;
    let mut client = Client::connect(address).await.unwrap();
    client.write_all(b"GET /hop HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut first = Vec::new();
    while !first.ends_with(b"hop") {
        assert_ne!(client.read_buf(&mut first).await.unwrap(), 0, "it was closed");
    }
    let second = last("GET /query?a=b%20c&%7e HTTP/1.1\r\n\r\n");
    client.write_all(second.as_bytes()).await.unwrap();
    client.read_to_end(&mut first).await.unwrap();
    let answer = String::from_utf8(first).unwrap();
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "{answer}");
    assert!(
        answer.contains("x-kept: 1") && !answer.contains("connection: close") && answer.ends_with("/query?a=b%20c&%7e"),
        "{answer}"
    );
}

#[tokio::test]
async fn head_gets_the_length_of_a_body_that_is_not_sent() {
    let address = served("").await;
    let answer = said(address, &last("HEAD /hop HTTP/1.1\r\n\r\n")).await;
    assert!(
        answer.to_lowercase().contains("content-length: 3\r\n") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
    let answer = said(address, &last("GET /empty HTTP/1.1\r\n\r\n")).await;
    assert!(
        answer.starts_with("HTTP/1.1 204") && !answer.to_lowercase().contains("content-length"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_router_that_breaks_is_a_500_and_the_next_request_is_answered() {
    let address = served("").await;
    let answer = said(address, &last("GET /broken HTTP/1.1\r\n\r\n")).await;
    assert!(
        answer.starts_with("HTTP/1.1 500") && !answer.contains("on purpose"),
        "{answer}"
    );
    assert!(
        said(address, &last("GET /hop HTTP/1.1\r\n\r\n"))
            .await
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_or_too_late_is_refused() {
    let address = served("").await;
    let stated = format!("POST /echo HTTP/1.1\r\nContent-Length: {}\r\n\r\n", LARGEST_BODY + 1);
    assert!(said(address, &last(&stated)).await.starts_with("HTTP/1.1 413"));
    let chunk = format!("{:x}\r\n{}\r\n", 40_000, "x".repeat(40_000));
    let chunked = last("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n") + &chunk + &chunk + "0\r\n\r\n";
    assert!(said(address, &chunked).await.starts_with("HTTP/1.1 413"));
    let late = last("POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe");
    assert!(said(address, &late).await.starts_with("HTTP/1.1 408"));
}

#[tokio::test]
async fn a_path_is_taken_in_its_canonical_form_or_refused() {
    let address = served("").await;
    assert!(
        said(address, &last("GET /h%6fp HTTP/1.1\r\n\r\n"))
            .await
            .ends_with("hop")
    );
    for path in ["//hop", "/hop;x", "/x/../hop", "/hop%2f"] {
        let answer = said(address, &last(&format!("GET {path} HTTP/1.1\r\n\r\n"))).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn an_address_is_believed_from_a_trusted_proxy_only() {
    let request = last("GET /echo HTTP/1.1\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\r\n");
    assert!(said(served("").await, &request).await.ends_with("127.0.0.1 http  0"));
    assert!(
        said(served("127.0.0.0/8").await, &request)
            .await
            .ends_with("192.0.2.7 https  0")
    );
}

#[test]
fn cookies_of_http2_become_one_field() {
    let mut headers = HeaderMap::new();
    headers.append("cookie", "a=1".parse().unwrap());
    headers.append("cookie", "b=2".parse().unwrap());
    complete(&mut headers, &"https://id.test/x".parse().unwrap());
    assert_eq!(
        (&headers["cookie"], &headers["host"]),
        (&"a=1; b=2".parse().unwrap(), &"id.test".parse().unwrap())
    );
    assert_eq!(headers.get_all("cookie").iter().count(), 1);
}
