//! Attempts and pools inside Pingora's own proxy, over real sockets.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pingora_core::apps::ServerApp;
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, HttpProxy, ProxyHttp, Session, http_proxy};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;

use super::registry::Registry;
use super::registry::tests::{draft, name, spec};
use super::*;
use crate::model::backend::{self as model, Probe, Protocol, TlsProfile};

/// The thinnest gateway: what `gateway.rs` has to call, and nothing else. `/0` is its first backend, and so on.
struct Gateway(Vec<Arc<Backend>>);

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Attempts;

    fn new_ctx(&self) -> Attempts {
        Attempts::default()
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Attempts) -> Result<Box<HttpPeer>> {
        let call = Call {
            client: IpAddr::from([127, 0, 0, 1]),
            headers: &session.req_header().headers,
        };
        let index: usize = session.req_header().uri.path().trim_start_matches('/').parse().unwrap();
        ctx.choose(&self.0[index], call)?;
        Ok(ctx.peer().expect("one was chosen"))
    }

    fn fail_to_connect(&self, _: &mut Session, _: &HttpPeer, ctx: &mut Attempts, e: Box<Error>) -> Box<Error> {
        ctx.connect_failed(e)
    }

    fn error_while_proxy(
        &self,
        _: &HttpPeer,
        session: &mut Session,
        e: Box<Error>,
        ctx: &mut Attempts,
        reused: bool,
    ) -> Box<Error> {
        ctx.broke(session, e, reused)
    }

    async fn upstream_request_filter(&self, _: &mut Session, out: &mut RequestHeader, _: &mut Attempts) -> Result<()> {
        out.remove_header("connection");
        Ok(())
    }

    async fn response_filter(&self, _: &mut Session, head: &mut ResponseHeader, ctx: &mut Attempts) -> Result<()> {
        ctx.answered(head);
        Ok(())
    }

    fn response_body_filter(
        &self,
        _: &mut Session,
        _: &mut Option<Bytes>,
        _: bool,
        ctx: &mut Attempts,
    ) -> Result<Option<Duration>> {
        ctx.check_deadline()?;
        Ok(None)
    }

    async fn fail_to_proxy(&self, session: &mut Session, e: &Error, _: &mut Attempts) -> FailToProxy {
        if session.response_written().is_none() {
            let mut head = ResponseHeader::build(502, None).unwrap();
            head.insert_header("failure", format!("{:?}", classify(e))).unwrap();
            head.insert_header("content-length", "0").unwrap();
            session.set_keepalive(None);
            session.write_response_header(Box::new(head), true).await.unwrap();
        }
        FailToProxy {
            error_code: 502,
            can_reuse_downstream: false,
        }
    }
}

type Proxy = Arc<HttpProxy<Gateway>>;

fn proxy(backend: &Arc<Backend>) -> Proxy {
    proxy_to(vec![Arc::clone(backend)])
}

fn proxy_to(backends: Vec<Arc<Backend>>) -> Proxy {
    Arc::new(http_proxy(&Arc::new(ServerConf::default()), Gateway(backends)))
}

fn backend(spec: model::Backend) -> Arc<Backend> {
    draft(&Registry::default(), &[(name("t", "1"), spec)]).remove(0)
}

fn at(addresses: &[SocketAddr]) -> model::Backend {
    let uris: Vec<_> = addresses.iter().map(|address| format!("http://{address}")).collect();
    spec(&uris.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Sends one request to the first backend and returns the whole answer.
async fn call(proxy: &Proxy, method: &str, body: &str) -> String {
    ask(proxy, &format!("{method} /0"), body).await
}

/// Sends one request through the proxy over a connection of its own and returns the whole answer.
async fn ask(proxy: &Proxy, what: &str, body: &str) -> String {
    let (mut client, server) = duplex(1 << 16);
    let proxy = Arc::clone(proxy);
    let (_stop, shutdown) = watch::channel(false);
    let served = tokio::spawn(async move { proxy.process_new(Box::new(server), &shutdown).await.is_some() });
    let length = body.len();
    let request = format!("{what} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    served.await.unwrap();
    answer
}

/// Starts an origin that treats each connection as `serve` says; it is told which one it is.
async fn origin<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(usize, TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for count in 0.. {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            tokio::spawn(serve(count, stream));
        }
    });
    address
}

/// Returns an address that nobody listens at.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Reads one request's head and answers it; says whether there was one.
async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), answer: &str) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return false };
        head.push(byte);
    }
    stream.write_all(answer.as_bytes()).await.is_ok() && stream.flush().await.is_ok()
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn always_ok(_: usize, mut stream: TcpStream) {
    while answer(&mut stream, OK).await {}
}

async fn eventually(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !what() {
        assert!(Instant::now() < deadline, "it never came about");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Uses a backend for production keys alone.
fn production(backend: &Arc<Backend>) -> Backends {
    Backends {
        production: Some(Arc::clone(backend)),
        sandbox: None,
    }
}

#[tokio::test]
async fn any_method_goes_elsewhere_when_nothing_was_sent() {
    let proxy = proxy(&backend(at(&[nobody().await, origin(always_ok).await])));
    for method in ["GET", "POST", "PUT", "DELETE"] {
        let answer = call(&proxy, method, "body").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{method}: {answer}");
    }
}

#[tokio::test]
async fn failures_keep_their_kind_on_the_way_out() {
    let dead = proxy(&backend(at(&[nobody().await])));
    assert!(call(&dead, "GET", "").await.contains("failure: Some(ConnectFailed)"));
    assert!(call(&dead, "GET", "").await.contains("failure: Some(ConnectFailed)"));
    // Two failures set it aside.
    assert!(call(&dead, "GET", "").await.contains("failure: Some(NoEndpoint)"));
    let rude = proxy(&backend(at(&[origin(|_, stream| async move { drop(stream) }).await])));
    assert!(call(&rude, "GET", "").await.contains("failure: Some(Broken)"));
    let mut spec = at(&[origin(|_, stream| async move {
        sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await]);
    spec.timeouts.total = Duration::from_millis(100);
    assert!(
        call(&proxy(&backend(spec)), "GET", "")
            .await
            .contains("failure: Some(TimedOut)")
    );
}

#[tokio::test]
async fn a_name_is_looked_for_again_however_often_the_catalog_changes() {
    let pool = Pool::new(Keeping::new(Duration::from_secs(7), 7));
    let backends = [backend(spec(&["http://localhost:9"]))];
    let (stop, stopping) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(&pool).run(stopping));
    eventually(|| {
        pool.commit(&[production(&backends[0])]);
        backends[0].slots[0].target.is_resolved()
    })
    .await;
    stop.send_replace(true);
    running.await.unwrap();
}

#[tokio::test]
async fn used_connections_that_died_cost_one_retry_however_many_there_are() {
    let begun = Arc::new(tokio::sync::Barrier::new(3));
    let seen = Arc::new(AtomicUsize::new(0));
    let (together, counted) = (Arc::clone(&begun), Arc::clone(&seen));
    let address = origin(move |count, mut stream| {
        let (together, counted) = (Arc::clone(&together), Arc::clone(&counted));
        async move {
            counted.fetch_add(1, SeqCst);
            if count < 3 {
                together.wait().await;
                answer(&mut stream, OK).await;
                // The next request is read and not answered, as by a server that closes in the same moment.
                answer(&mut stream, "").await;
            } else {
                always_ok(count, stream).await;
            }
        }
    })
    .await;
    let mut spec = at(&[address]);
    spec.health.max_failures = 1;
    let proxy = proxy(&backend(spec));
    let first = [
        call(&proxy, "GET", ""),
        call(&proxy, "GET", ""),
        call(&proxy, "GET", ""),
    ];
    let [a, b, c] = first;
    let (a, b, c) = tokio::join!(a, b, c);
    assert!([a, b, c].iter().all(|answer| answer.starts_with("HTTP/1.1 200")));
    assert!(call(&proxy, "GET", "").await.starts_with("HTTP/1.1 200"));
    assert_eq!(seen.load(SeqCst), 4);
    // A request that may have had an effect is not sent again, and the endpoint is not blamed.
    assert!(call(&proxy, "POST", "x").await.contains("failure: Some(Broken)"));
    assert!(call(&proxy, "GET", "").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_answer_that_drips_is_cut_at_the_deadline() {
    let address = origin(|_, mut stream| async move {
        answer(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let mut spec = at(&[address]);
    spec.timeouts.total = Duration::from_millis(300);
    let begun = Instant::now();
    let answer = call(&proxy(&backend(spec)), "GET", "").await;
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.ends_with(&"x".repeat(1000)));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn no_call_is_under_way_when_all_have_ended() {
    let backend = backend(at(&[nobody().await, origin(always_ok).await]));
    let proxy = proxy(&backend);
    for _ in 0..4 {
        call(&proxy, "GET", "").await;
    }
    assert!(backend.slots.iter().all(|slot| slot.target.load() == 0));
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    Authority {
        pem,
        issuer: Issuer::new(params, key),
    }
}

/// Issues a certificate for a name; returns it and its key as PEM.
fn issue(authority: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    (
        params.signed_by(&key, &authority.issuer).unwrap().pem(),
        key.serialize_pem(),
    )
}

/// Starts an HTTPS origin; it asks for client certificates of `clients` where there is one.
async fn secure_origin((chain, key): (String, String), clients: Option<&Authority>) -> SocketAddr {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let chain = vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder();
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(clients) => {
            let mut roots = rustls::RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(clients.pem.as_bytes()).unwrap())
                .unwrap();
            config.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
        }
    };
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
    origin(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            while answer(&mut stream, OK).await {}
        }
    })
    .await
}

fn secure(address: SocketAddr, tls: TlsProfile) -> Arc<Backend> {
    let mut spec = spec(&[&format!("https://{address}")]);
    spec.tls = tls;
    backend(spec)
}

#[tokio::test]
async fn a_connection_verified_for_one_authority_never_serves_another() {
    let (trusted, other) = (authority(), authority());
    let address = secure_origin(issue(&trusted, "127.0.0.1"), None).await;
    let trusting = |ca: &Authority| TlsProfile {
        ca: Some(ca.pem.clone()),
        ..TlsProfile::default()
    };
    let proxy = proxy_to(vec![
        secure(address, trusting(&trusted)),
        secure(address, trusting(&other)),
    ]);
    assert!(ask(&proxy, "GET /0", "").await.starts_with("HTTP/1.1 200"));
    assert!(ask(&proxy, "GET /1", "").await.contains("failure: Some(ConnectFailed)"));
    assert!(ask(&proxy, "GET /0", "").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn certificates_are_shown_and_names_are_checked() {
    let authority = authority();
    let address = secure_origin(issue(&authority, "origin.test"), Some(&authority)).await;
    let tls = TlsProfile {
        ca: Some(authority.pem.clone()),
        identity: Some(issue(&authority, "gateway.test")),
        server_name: Some("origin.test".into()),
    };
    assert!(
        call(&proxy(&secure(address, tls.clone())), "GET", "")
            .await
            .starts_with("HTTP/1.1 200")
    );
    let nameless = TlsProfile {
        server_name: None,
        ..tls.clone()
    };
    assert!(
        call(&proxy(&secure(address, nameless)), "GET", "")
            .await
            .contains("failure: Some(ConnectFailed)")
    );
    let anonymous = TlsProfile { identity: None, ..tls };
    assert!(
        call(&proxy(&secure(address, anonymous)), "GET", "")
            .await
            .starts_with("HTTP/1.1 502")
    );
}

fn probed(mut spec: model::Backend) -> model::Backend {
    spec.health.probe = Some(Probe {
        path: "/health".into(),
        interval: Duration::from_millis(50),
        timeout: Duration::from_secs(2),
        healthy_after: 1,
        unhealthy_after: 1,
    });
    spec
}

#[tokio::test]
async fn probes_close_an_endpoint_and_open_it_again() {
    let healthy = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&healthy);
    let address = origin(move |_, mut stream| {
        let healthy = told.load(SeqCst) == 1;
        async move {
            answer(
                &mut stream,
                if healthy {
                    OK
                } else {
                    "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
                },
            )
            .await;
        }
    })
    .await;
    let pool = Pool::new(Keeping::new(Duration::from_secs(7), 7));
    let (stop, shutdown) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(&pool).run(shutdown));
    let backend = backend(probed(at(&[address])));
    pool.commit(&[production(&backend)]);
    eventually(|| backend.fit() == 0).await;
    healthy.store(1, SeqCst);
    eventually(|| backend.fit() == 1).await;
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn probes_end_when_their_endpoint_is_gone() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let address = origin(move |count, stream| {
        counted.fetch_add(1, SeqCst);
        always_ok(count, stream)
    })
    .await;
    let pool = Pool::new(Keeping::new(Duration::from_secs(7), 7));
    let (_stop, shutdown) = watch::channel(false);
    tokio::spawn(Arc::clone(&pool).run(shutdown));
    let backend = backend(probed(at(&[address])));
    let target = Arc::downgrade(&backend.slots[0].target);
    pool.commit(&[production(&backend)]);
    drop(backend);
    eventually(|| asked.load(SeqCst) > 1).await;
    pool.commit(&[]);
    // Whoever still asked it would hold it.
    eventually(|| target.upgrade().is_none()).await;
}

#[tokio::test]
async fn probes_speak_the_protocol_of_the_endpoint() {
    let address = origin(|_, stream| async move {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let fine = request.uri().path() == "/health" && request.uri().authority().is_some();
            let head = http::Response::builder()
                .status(if fine { 204 } else { 400 })
                .body(())
                .unwrap();
            respond.send_response(head, true).unwrap();
        }
    })
    .await;
    let mut spec = probed(at(&[address]));
    spec.protocol = Protocol::Http2;
    let backend = backend(spec);
    let target = &backend.slots[0].target;
    target.condition.judged(false);
    let pool = Pool::new(Keeping::new(Duration::from_secs(7), 7));
    let (_stop, shutdown) = watch::channel(false);
    tokio::spawn(Arc::clone(&pool).run(shutdown));
    pool.commit(&[production(&backend)]);
    eventually(|| backend.fit() == 1).await;
}

#[tokio::test]
async fn names_have_addresses_before_they_are_served() {
    let port = origin(always_ok).await.port();
    let backend = backend(spec(&[&format!("http://localhost:{port}")]));
    assert_eq!(backend.fit(), 0);
    Pool::new(Keeping::new(Duration::from_secs(7), 7))
        .resolve(&[production(&backend)], Duration::from_secs(5))
        .await;
    assert_eq!(backend.fit(), 1);
    assert!(call(&proxy(&backend), "GET", "").await.starts_with("HTTP/1.1 200"));
}
