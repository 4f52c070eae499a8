//! The door over real sockets: a tiny proxy behind it, clients that misbehave before it.

use std::net::SocketAddr;
use std::os::fd::IntoRawFd;

use bytes::Bytes;
use parking_lot::Mutex;
use pingora_core::apps::HttpServerOptions;
use pingora_core::server::Fds;
use pingora_core::services::Service as _;
use pingora_core::services::listening::Service;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorType, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::{HttpProxy, ProxyHttp, Session, http_proxy};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream as Client;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::accept::{deadline, possession, sample};
use crate::settings::{CertificateFiles, Tls};

/// Answers every request with the length of its body, and panics at `/panic`.
struct Lengths;

#[async_trait]
impl ProxyHttp for Lengths {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn early_request_filter(&self, session: &mut Session, (): &mut ()) -> Result<()> {
        deadline::header_read(session);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, (): &mut ()) -> Result<bool> {
        assert_ne!(session.req_header().uri.path(), "/panic", "a filter that panics");
        let mut length = 0;
        while let Some(part) = session.read_request_body().await? {
            length += part.len();
        }
        let body = length.to_string();
        let mut head = ResponseHeader::build(200, None)?;
        head.insert_header("content-length", body.len().to_string())?;
        if let Some(shown) = session.digest().and_then(possession::shown) {
            head.insert_header("x-certificate", shown.der().len().to_string())?;
        }
        session.write_response_header(Box::new(head), false).await?;
        session.write_response_body(Some(Bytes::from(body)), true).await?;
        Ok(true)
    }

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Err(Error::new(ErrorType::InternalError))
    }

    async fn logging(&self, session: &mut Session, _: Option<&Error>, (): &mut ()) {
        deadline::between_requests(session);
    }
}

struct Gate {
    address: SocketAddr,
    connections: Arc<Connections>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

const PATIENCE: Patience = Patience {
    handshake: Duration::from_millis(300),
    silence: Duration::from_secs(60),
    header: Duration::from_millis(300),
};

fn lengths() -> Arc<HttpProxy<Lengths>> {
    let mut proxy = http_proxy(&Arc::default(), Lengths);
    let mut options = HttpServerOptions::default();
    options.h2c = true;
    proxy.server_options = Some(options);
    Arc::new(proxy)
}

impl Gate {
    fn plain() -> Self {
        let connections = Connections::new(2);
        Self::open(Door::plain(lengths(), connections, PATIENCE))
    }

    fn tls(files: &[&CertificateFiles]) -> (Self, Arc<Certificates>) {
        let tls = Tls {
            certificates: files.iter().map(|files| (*files).clone()).collect(),
        };
        let certificates = Certificates::open(&tls, std::path::Path::new("/nonexistent"), Box::new(|_| {})).unwrap();
        let handshakes = Handshakes {
            certificates: certificates.clone(),
            asks: Arc::new(|| true),
        };
        let door = Door::tls(lengths(), Connections::new(8), PATIENCE, handshakes);
        (Self::open(door), certificates)
    }

    fn open(door: Door<HttpProxy<Lengths>>) -> Self {
        let connections = door.connections.clone();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let mut service = Service::new("door".to_owned(), door);
        service.add_tcp(&address.to_string());
        let mut fds = Fds::new();
        fds.add(address.to_string(), listener.into_raw_fd());
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(async move {
            service
                .start_service(Some(Arc::new(Mutex::new(fds))), stopping, 1)
                .await;
        });
        Self {
            address,
            connections,
            stop,
            task,
        }
    }

    async fn connect(&self) -> Client {
        Client::connect(self.address).await.unwrap()
    }

    async fn connect_tls(&self, client: ClientConfig, name: &str) -> std::io::Result<TlsStream<Client>> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(client))
            .connect(name, self.connect().await)
            .await
    }
}

fn trusting(files: &[&CertificateFiles], alpn: &[&str]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for files in files {
        roots.add(sample::leaf(files)).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

fn shown(stream: &TlsStream<Client>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Sends a request and returns the body of its response, which is one byte long.
async fn ask(client: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), request: &str) -> char {
    client.write_all(request.as_bytes()).await.unwrap();
    answer(client).await
}

async fn answer(client: &mut (impl AsyncReadExt + Unpin)) -> char {
    let mut read = Vec::new();
    while !read.windows(4).any(|end| end == b"\r\n\r\n") {
        read.push(client.read_u8().await.unwrap());
    }
    assert!(read.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&read));
    char::from(client.read_u8().await.unwrap())
}

/// Sends a header a byte at a time until the connection is cut, and returns how long that took.
async fn drip(client: &mut Client) -> Duration {
    let began = Instant::now();
    let (mut read, mut write) = client.split();
    let dripping = async {
        for byte in "GET / HTTP/1.1\r\nHost: a\r\n".bytes().chain(std::iter::repeat(b'x')) {
            if write.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = dripping => {}
        closed = async { read.read(&mut [0; 1]).await } => assert_eq!(closed.unwrap_or(0), 0, "cut without an answer"),
    }
    began.elapsed()
}

fn about(patience: Duration, took: Duration) -> bool {
    (patience..patience + Duration::from_secs(3)).contains(&took)
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a_client_may_show_a_certificate_of_nobody_and_need_not() {
    let dir = tempfile::tempdir().unwrap();
    let server = sample::write(dir.path(), "server", &["a.example"]);
    let mine = sample::write(dir.path(), "client", &["me.example"]);
    let (gate, _certificates) = Gate::tls(&[&server]);
    let leaf = sample::leaf(&mine);
    let mut roots = RootCertStore::empty();
    roots.add(sample::leaf(&server)).unwrap();
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap();
        let builder = builder.with_root_certificates(roots.clone());
        let key = rustls::pki_types::PrivateKeyDer::from_pem_file(&mine.key).unwrap();
        let config = builder.clone().with_client_auth_cert(vec![leaf.clone()], key).unwrap();
        // The second connection resumes the first.
        for _ in 0..2 {
            let mut client = gate.connect_tls(config.clone(), "a.example").await.unwrap();
            client.write_all(GET.as_bytes()).await.unwrap();
            assert_eq!(certificate(&mut client).await, Some(leaf.len().to_string()));
        }
        let mut client = gate
            .connect_tls(builder.with_no_client_auth(), "a.example")
            .await
            .unwrap();
        client.write_all(GET.as_bytes()).await.unwrap();
        assert_eq!(certificate(&mut client).await, None);
    }
}

/// Reads a response and returns what it says of the client's certificate.
async fn certificate(client: &mut (impl AsyncReadExt + Unpin)) -> Option<String> {
    let mut read = Vec::new();
    while !read.windows(4).any(|end| end == b"\r\n\r\n") {
        read.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(read).unwrap().to_lowercase();
    let field = head.lines().find_map(|line| line.strip_prefix("x-certificate: "));
    field.map(str::to_owned)
}

#[tokio::test]
async fn a_dripped_header_is_cut_on_the_first_request_and_on_the_second() {
    let gate = Gate::plain();
    let mut client = gate.connect().await;
    assert!(about(PATIENCE.header, drip(&mut client).await));
    let mut client = gate.connect().await;
    assert_eq!(ask(&mut client, GET).await, '0');
    assert!(about(PATIENCE.header, drip(&mut client).await));
    gate.connections.idle().await;
    assert_eq!(gate.connections.header_timeouts(), 2);
}

#[tokio::test]
async fn a_slow_body_and_an_idle_connection_outlive_the_header_deadline() {
    let gate = Gate::plain();
    let mut client = gate.connect().await;
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        .await
        .unwrap();
    for _ in 0..5 {
        sleep(PATIENCE.header / 2).await;
        client.write_all(b"x").await.unwrap();
    }
    assert_eq!(answer(&mut client).await, '5');
    sleep(PATIENCE.header * 2).await;
    assert_eq!(ask(&mut client, GET).await, '0');
    assert_eq!(gate.connections.header_timeouts(), 0);
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let patience = Patience {
        silence: Duration::from_millis(300),
        ..PATIENCE
    };
    let gate = Gate::open(Door::plain(lengths(), Connections::new(2), patience));
    for requests in 0..3 {
        // The door's silence begins before the client has read what it was told.
        let mut began = Instant::now();
        let mut client = gate.connect().await;
        for _ in 0..requests {
            began = Instant::now();
            assert_eq!(ask(&mut client, GET).await, '0');
        }
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
        assert!(about(patience.silence, began.elapsed()));
    }
    assert_eq!(gate.connections.header_timeouts(), 0);
}

#[test]
fn what_a_connection_holds_of_its_door_is_small() {
    let (_, stream) = tokio::io::duplex(64);
    let (_, shutdown) = watch::channel(false);
    let door = Arc::new(Door::plain(lengths(), Connections::new(1), PATIENCE));
    let process = door.process_new(Box::new(stream), &shutdown);
    // Handshake and greeting would make it seven times that.
    assert!(size_of_val(&*process) <= 1024, "{}", size_of_val(&*process));
}

#[tokio::test]
async fn a_request_shorter_than_the_http2_preface_is_answered() {
    let gate = Gate::plain();
    let mut client = gate.connect().await;
    assert_eq!(ask(&mut client, "GET / HTTP/1.0\r\n\r\n").await, '0');
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once_and_counted() {
    let gate = Gate::plain();
    let mut clients = [gate.connect().await, gate.connect().await];
    for client in &mut clients {
        assert_eq!(ask(client, GET).await, '0');
    }
    let mut third = gate.connect().await;
    assert_eq!(third.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!((gate.connections.open(), gate.connections.refused()), (2, 1));
    assert_eq!(ask(&mut clients[0], GET).await, '0', "the others are not disturbed");
    drop(clients);
    gate.connections.idle().await;
    assert_eq!(ask(&mut gate.connect().await, GET).await, '0');
}

#[tokio::test]
async fn stopping_closes_idle_connections_whether_they_spoke_or_not() {
    let gate = Gate::plain();
    let began = Instant::now();
    let mut silent = gate.connect().await;
    let mut kept_alive = gate.connect().await;
    assert_eq!(ask(&mut kept_alive, GET).await, '0');
    gate.stop.send(true).unwrap();
    gate.task.await.unwrap();
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(kept_alive.read(&mut [0; 1]).await.unwrap(), 0);
    gate.connections.idle().await;
    assert!(began.elapsed() < PATIENCE.silence / 2);
}

#[tokio::test]
async fn the_certificate_is_chosen_by_the_name_that_the_client_asks_for() {
    let dir = tempfile::tempdir().unwrap();
    let first = sample::write(dir.path(), "first", &["first.example"]);
    let wild = sample::write(dir.path(), "wild", &["*.example.com"]);
    let exact = sample::write(dir.path(), "exact", &["api.example.com"]);
    let files = [&first, &wild, &exact];
    let (gate, _) = Gate::tls(&files);
    for (name, files) in [
        ("api.example.com", &exact),
        ("shop.example.com", &wild),
        ("first.example", &first),
    ] {
        let mut stream = gate.connect_tls(trusting(&[files], &[]), name).await.unwrap();
        assert_eq!(shown(&stream), sample::leaf(files), "{name}");
        assert_eq!(ask(&mut stream, GET).await, '0');
    }
    let refused = gate.connect_tls(trusting(&files, &[]), "other.example").await;
    assert!(
        refused.unwrap_err().to_string().contains("certificate"),
        "the first answers, the client refuses it"
    );
}

#[tokio::test]
async fn http2_is_agreed_on_where_the_client_offers_it() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample::write(dir.path(), "a", &["a.example"]);
    let (gate, _) = Gate::tls(&[&files]);
    let stream = gate
        .connect_tls(trusting(&[&files], &["http/1.1"]), "a.example")
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));

    let stream = gate
        .connect_tls(trusting(&[&files], &["h2", "http/1.1"]), "a.example")
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    sleep(PATIENCE.header * 2).await;
    let request = http::Request::get("https://a.example/").body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    assert_eq!(response.await.unwrap().status(), 200);
    assert_eq!(gate.connections.header_timeouts(), 0);
}

#[tokio::test]
async fn changed_files_are_served_within_seconds_and_open_connections_stay() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample::write(dir.path(), "a", &["a.example"]);
    let (gate, certificates) = Gate::tls(&[&files]);
    let watch = tokio::spawn(certificates.watch(gate.stop.subscribe()));
    let mut before = gate.connect_tls(trusting(&[&files], &[]), "a.example").await.unwrap();
    assert_eq!(ask(&mut before, GET).await, '0');

    let next = sample::write(dir.path(), "b", &["a.example"]);
    let wanted = sample::leaf(&next);
    std::fs::rename(&next.key, &files.key).unwrap();
    std::fs::rename(&next.certificate, &files.certificate).unwrap();
    let began = Instant::now();
    while gate
        .connect_tls(trusting(&[&files], &[]), "a.example")
        .await
        .map(|stream| shown(&stream))
        .ok()
        .as_ref()
        != Some(&wanted)
    {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the new certificate is not served"
        );
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ask(&mut before, GET).await, '0');
    gate.stop.send(true).unwrap();
    watch.await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_shake_hands_is_closed_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample::write(dir.path(), "a", &["a.example"]);
    let (gate, _) = Gate::tls(&[&files]);
    let mut silent = gate.connect().await;
    let began = Instant::now();
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(about(PATIENCE.handshake, began.elapsed()));
    let mut plain = gate.connect().await;
    plain.write_all(GET.as_bytes()).await.unwrap();
    plain.read_to_end(&mut Vec::new()).await.unwrap_or(0);
    gate.connections.idle().await;
    assert_eq!(gate.connections.handshake_failures(), 2);
}

#[tokio::test]
async fn a_dripped_header_is_cut_over_tls_too() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample::write(dir.path(), "a", &["a.example"]);
    let (gate, _) = Gate::tls(&[&files]);
    let mut stream = gate.connect_tls(trusting(&[&files], &[]), "a.example").await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let began = Instant::now();
    stream.read_to_end(&mut Vec::new()).await.unwrap_or(0);
    assert!(about(PATIENCE.header, began.elapsed()));
    assert_eq!(gate.connections.header_timeouts(), 1);
}

#[tokio::test]
async fn a_panic_in_a_filter_costs_its_own_connection_and_no_other() {
    let gate = Gate::plain();
    let mut other = gate.connect().await;
    assert_eq!(ask(&mut other, GET).await, '0');
    // More often than there are places.
    for _ in 0..4 {
        let mut unlucky = gate.connect().await;
        unlucky
            .write_all(b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        _ = unlucky.read_to_end(&mut answer).await;
        assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
        let begun = Instant::now();
        while gate.connections.open() > 1 {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "its place was not given back"
            );
            sleep(Duration::from_millis(5)).await;
        }
    }
    assert_eq!(ask(&mut other, GET).await, '0');
    assert_eq!(ask(&mut gate.connect().await, GET).await, '0');
    gate.stop.send_replace(true);
    drop(other);
    gate.task.await.unwrap();
}
