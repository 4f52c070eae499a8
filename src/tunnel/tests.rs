//! Tunnels over real sockets, against origins that write what they like when they like.

use std::net::SocketAddr;
use std::sync::LazyLock;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

static CONNECTOR: LazyLock<TransportConnector> = LazyLock::new(|| TransportConnector::new(None));

const ASK: &[u8] =
    b"GET /chat HTTP/1.1\r\nHost: origin.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// Starts an origin that treats each connection alike.
async fn origin<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

struct Opened {
    client: DuplexStream,
    stop: watch::Sender<bool>,
    tunnel: JoinHandle<Result<Ended, TunnelError>>,
}

/// Sends a request through a tunnel to an origin; `early` is sent by the caller before any answer.
async fn open(address: SocketAddr, early: &[u8]) -> Opened {
    let (mut client, ours) = duplex(1 << 16);
    client.write_all(&[ASK, early].concat()).await.unwrap();
    let (stop, shutdown) = watch::channel(false);
    let tunnel = tokio::spawn(async move {
        let mut session = Session::new_h1(Box::new(ours));
        assert!(session.read_request().await.unwrap());
        assert!(is_websocket(session.req_header()));
        let mut peer = HttpPeer::new(address, false, String::new());
        peer.options.read_timeout = Some(Duration::from_secs(5));
        peer.options.connection_timeout = Some(Duration::from_secs(5));
        let mut respond = |answer: &mut ResponseHeader| answer.insert_header("via", "1.1 tollgate").unwrap();
        let tunnel = Tunnel {
            connector: &CONNECTOR,
            peer: &peer,
            request: session.req_header().clone(),
            respond: &mut respond,
            options: Options {
                idle: Duration::from_secs(30),
                life: None,
                charge: &|_| true,
            },
            shutdown,
            withdrawn: pin!(std::future::pending()),
        };
        let ended = tunnel.run(&mut session).await;
        if ended.as_ref().is_ok_and(|ended| ended.clean) {
            session.downstream_session.finish().await.unwrap();
        }
        ended
    });
    Opened { client, stop, tunnel }
}

async fn head(client: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

/// Answers with a 101 and everything in `with`, then echoes; reads the request's head first or only afterwards.
async fn echo(mut stream: TcpStream, eager: bool, with: &'static [u8]) {
    if !eager {
        head(&mut stream).await;
    }
    stream.write_all(&[SWITCH, with].concat()).await.unwrap();
    if eager {
        head(&mut stream).await;
    }
    let (mut read, mut write) = stream.into_split();
    let _ = tokio::io::copy(&mut read, &mut write).await;
}

#[tokio::test]
async fn no_upgrade_is_lost_however_early_the_answer_comes() {
    for eager in [true, false] {
        let address = origin(move |stream| echo(stream, eager, b"\x81\x05hello")).await;
        for _ in 0..200 {
            let mut opened = open(address, b"").await;
            let answer = head(&mut opened.client).await;
            assert!(
                answer.starts_with("http/1.1 101") && answer.contains("via: 1.1 tollgate"),
                "{answer}"
            );
            let mut glued = [0; 7];
            opened.client.read_exact(&mut glued).await.unwrap();
            assert_eq!(&glued, b"\x81\x05hello");
            opened.client.write_all(b"\x81\x03you").await.unwrap();
            let mut echoed = [0; 5];
            opened.client.read_exact(&mut echoed).await.unwrap();
            assert_eq!(&echoed, b"\x81\x03you");
            drop(opened.client);
            let ended = opened.tunnel.await.unwrap().unwrap();
            assert_eq!(
                (ended.cause, ended.to_backend.frames, ended.to_client.frames),
                (Cause::Client, 1, 2)
            );
        }
    }
}

#[tokio::test]
async fn what_the_caller_sends_before_the_answer_is_not_lost() {
    let address = origin(|stream| echo(stream, false, b"")).await;
    let mut opened = open(address, b"\x81\x05early").await;
    head(&mut opened.client).await;
    let mut echoed = [0; 7];
    opened.client.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"\x81\x05early");
}

#[tokio::test]
async fn large_messages_pass_both_ways_at_once() {
    let address = origin(|stream| echo(stream, false, b"")).await;
    let mut opened = open(address, b"").await;
    head(&mut opened.client).await;
    let size = 4 << 20;
    let (mut read, mut write) = tokio::io::split(opened.client);
    let sender = tokio::spawn(async move {
        write
            .write_all(&[&[0x82, 127][..], &(size as u64).to_be_bytes(), &vec![7; size]].concat())
            .await
            .unwrap();
        write
    });
    let mut echoed = vec![0; 10 + size];
    read.read_exact(&mut echoed).await.unwrap();
    assert!(echoed[10..].iter().all(|&byte| byte == 7));
    drop((sender.await.unwrap(), read));
    let ended = opened.tunnel.await.unwrap().unwrap();
    assert_eq!(
        ended.to_backend,
        Flow {
            bytes: 10 + size as u64,
            frames: 1
        }
    );
}

#[tokio::test]
async fn an_answer_that_is_no_upgrade_reaches_the_caller_whole() {
    let answers: [(&[u8], &str); 2] = [
        (
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
            "content-length: 2",
        ),
        (
            b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\nno",
            "transfer-encoding: chunked",
        ),
    ];
    for (answer, framing) in answers {
        let address = origin(move |mut stream| async move {
            head(&mut stream).await;
            stream.write_all(answer).await.unwrap();
        })
        .await;
        let mut opened = open(address, b"").await;
        let seen = head(&mut opened.client).await;
        assert!(seen.starts_with("http/1.1 403") && seen.contains(framing), "{seen}");
        let ended = opened.tunnel.await.unwrap().unwrap();
        assert_eq!(
            (ended.status.as_u16(), ended.cause, ended.to_client.bytes),
            (403, Cause::Refused, 2)
        );
        let mut body = String::new();
        opened.client.read_to_string(&mut body).await.unwrap();
        assert!(body.contains("no"), "{body}");
    }
}

#[tokio::test]
async fn failures_say_whether_anything_was_sent() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let refused = open(closed, b"").await.tunnel.await.unwrap();
    assert!(matches!(refused, Err(TunnelError::Connect(_))), "{refused:?}");
    let silent = origin(|mut stream| async move { drop(head(&mut stream).await) }).await;
    let silent = open(silent, b"").await.tunnel.await.unwrap();
    assert!(matches!(silent, Err(TunnelError::Backend(_))), "{silent:?}");
}

#[tokio::test]
async fn shutdown_reaches_open_tunnels() {
    let address = origin(|stream| echo(stream, false, b"")).await;
    let mut opened = open(address, b"").await;
    head(&mut opened.client).await;
    opened.stop.send(true).unwrap();
    let mut goodbye = [0; 4];
    opened.client.read_exact(&mut goodbye).await.unwrap();
    assert_eq!(goodbye, [0x88, 2, 0x03, 0xe9]);
    opened.client.write_all(&[0x88, 0x80, 1, 2, 3, 4]).await.unwrap();
    let ended = opened.tunnel.await.unwrap().unwrap();
    assert_eq!((ended.cause, ended.clean), (Cause::Shutdown, true));
}

#[test]
fn only_a_get_that_asks_for_it_is_a_websocket() {
    let asks = |method: &str, pairs: &[(&'static str, &'static str)]| {
        let mut request = RequestHeader::build(method, b"/", None).unwrap();
        for &(name, value) in pairs {
            request.append_header(name, value).unwrap();
        }
        is_websocket(&request)
    };
    let (upgrade, connection) = (("Upgrade", "WebSocket"), ("Connection", "keep-alive, UPGRADE"));
    assert!(asks("GET", &[upgrade, connection]));
    assert!(asks(
        "GET",
        &[
            upgrade,
            ("Connection", "keep-alive"),
            connection,
            ("Content-Length", "0")
        ]
    ));
    assert!(!asks("POST", &[upgrade, connection]));
    assert!(!asks("GET", &[upgrade]));
    assert!(!asks("GET", &[("Upgrade", "h2c"), connection]));
    assert!(!asks("GET", &[upgrade, connection, ("Content-Length", "5")]));
    assert!(!asks("GET", &[upgrade, connection, ("Transfer-Encoding", "chunked")]));
}
