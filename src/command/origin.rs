//! `tollgate origin`: a tiny backend to try the gateway with; it says what it received.
//!
//! It is a demonstration, not a server: it keeps nothing, bounds everything, and its answers promise nothing to
//! programs. HTTP itself is left to Pingora.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, StatusCode};
use pingora_core::apps::{HttpPersistentSettings, HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp as _};
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::l4::stream::Stream;
use pingora_core::server::ShutdownWatch;
use pingora_error::Result;
use pingora_http::ResponseHeader;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Serve a tiny demonstration backend.
///
/// It answers any method on any path with JSON that says what it received. Three endings of a path do more:
/// `/status/{code}` answers with that status, `/delay/{ms}` waits that long first (a minute at most), and `/events`
/// sends ten server-sent events, one a second. HTTP/1.1, and HTTP/2 with prior knowledge. It ends on SIGTERM and
/// Ctrl-C.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Example:\n  tollgate origin --listen 127.0.0.1:9001 --listen 127.0.0.1:9002\n  \
                        curl http://127.0.0.1:9001/hello"
)]
pub struct OriginArgs {
    /// An address to listen at; may be given several times.
    #[arg(long, value_name = "ADDRESS", default_values = ["127.0.0.1:9001", "127.0.0.1:9002"])]
    listen: Vec<SocketAddr>,
}

/// Serves until a signal ends it.
pub fn run(args: &OriginArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    match runtime.and_then(|runtime| runtime.block_on(until_signalled(&args.listen))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn until_signalled(addresses: &[SocketAddr]) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {address}: {e}")))?);
        eprintln!("demonstration backend at http://{address}");
    }
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.send_replace(true);
        stop.closed().await;
    });
    serve(listeners, stopped).await;
    Ok(())
}

/// Serves on listeners until `shutdown` becomes true, and what was begun then for a moment longer.
pub async fn serve(listeners: Vec<TcpListener>, shutdown: watch::Receiver<bool>) {
    let mut doors = JoinSet::new();
    for listener in listeners {
        doors.spawn(accept(listener, shutdown.clone()));
    }
    while doors.join_next().await.is_some() {}
}

async fn accept(listener: TcpListener, mut shutdown: watch::Receiver<bool>) {
    let name = listener
        .local_addr()
        .map(|address| address.to_string())
        .unwrap_or_default();
    let app = Arc::new(Origin {
        name,
        options: options(),
    });
    let mut connections = JoinSet::new();
    let mut stopped = shutdown.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(converse(Arc::clone(&app), stream, shutdown.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    drop(listener);
    _ = shutdown.borrow_and_update();
    // Whoever is idle has nothing to lose; whoever is not gets this long.
    _ = timeout(LAST_WORDS, async { while connections.join_next().await.is_some() {} }).await;
}

const LAST_WORDS: Duration = Duration::from_secs(2);

async fn converse(app: Arc<Origin>, stream: TcpStream, shutdown: ShutdownWatch) {
    _ = stream.set_nodelay(true);
    app.process_new(Box::new(Stream::from(stream)), &shutdown).await;
}

fn options() -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.h2c = true;
    options
}

/// What a path asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wish {
    Delay(Duration),
    Events,
    Status(StatusCode),
    Told,
}

impl Wish {
    /// Reads the last segments, so that a base path before them does no harm.
    fn of(path: &str) -> Self {
        let mut segments = path.rsplit('/');
        let (last, before) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
        let status = || {
            StatusCode::from_bytes(last.as_bytes())
                .ok()
                .filter(|status| status.as_u16() >= 200)
        };
        match (before, last) {
            (_, "events") => Self::Events,
            ("status", _) => status().map_or(Self::Told, Self::Status),
            ("delay", _) => last
                .parse()
                .map_or(Self::Told, |ms| Self::Delay(Duration::from_millis(ms).min(LONGEST))),
            _ => Self::Told,
        }
    }
}

const LONGEST: Duration = Duration::from_secs(60);
const EVENTS: usize = 10;

#[derive(Debug)]
struct Origin {
    name: String,
    options: HttpServerOptions,
}

#[async_trait]
impl HttpServerApp for Origin {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        if !session.read_request().await.ok()? {
            return None;
        }
        session.set_keepalive((!*shutdown.borrow()).then_some(60));
        self.answer(&mut session).await.ok()?;
        let settings = HttpPersistentSettings::for_session(&session);
        let stream = session.finish().await.ok()??;
        Some(ReusedHttpStream::from_reusable_stream(stream, settings))
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }
}

impl Origin {
    async fn answer(&self, session: &mut ServerSession) -> Result<()> {
        let mut body_bytes = 0;
        while let Some(piece) = session.read_request_body().await? {
            body_bytes += piece.len();
        }
        let wish = Wish::of(session.req_header().uri.path());
        let status = match wish {
            Wish::Events => return events(session).await,
            Wish::Status(status) => status,
            Wish::Delay(time) => {
                sleep(time).await;
                StatusCode::OK
            }
            Wish::Told => StatusCode::OK,
        };
        let mut header = ResponseHeader::build(status, Some(3))?;
        if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return session.write_response_header(Box::new(header)).await;
        }
        let told = self.told(session, body_bytes);
        header.insert_header("content-type", "application/json")?;
        header.insert_header("content-length", told.len())?;
        session.write_response_header(Box::new(header)).await?;
        session.write_response_body(Bytes::from(told), true).await
    }

    fn told(&self, session: &ServerSession, body_bytes: usize) -> String {
        let head = session.req_header();
        let told = json!({
            "origin": self.name,
            "method": head.method.as_str(),
            "path": head.uri.path(),
            "query": head.uri.query(),
            "headers": headers(&head.headers),
            "body_bytes": body_bytes,
        });
        format!("{told:#}\n")
    }
}

/// Joins fields of one name, as a recipient may (RFC 9110, 5.3).
fn headers(headers: &HeaderMap) -> serde_json::Map<String, serde_json::Value> {
    let names = headers.keys().map(|name| {
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        (name.as_str().to_owned(), values.join(", ").into())
    });
    names.collect()
}

async fn events(session: &mut ServerSession) -> Result<()> {
    let mut header = ResponseHeader::build(StatusCode::OK, Some(3))?;
    header.insert_header("content-type", "text/event-stream")?;
    header.insert_header("cache-control", "no-store")?;
    if !session.is_http2() {
        header.insert_header("transfer-encoding", "chunked")?;
    }
    session.write_response_header(Box::new(header)).await?;
    for event in 1..=EVENTS {
        let text = format!("id: {event}\ndata: tick {event} of {EVENTS}\n\n");
        session.write_response_body(Bytes::from(text), event == EVENTS).await?;
        if event < EVENTS {
            sleep(Duration::from_secs(1)).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn the_end_of_a_path_is_the_wish() {
        assert_eq!(Wish::of("/hello"), Wish::Told);
        assert_eq!(Wish::of("/v2/status/404"), Wish::Status(StatusCode::NOT_FOUND));
        assert_eq!(Wish::of("/status/banana"), Wish::Told);
        assert_eq!(Wish::of("/status/100"), Wish::Told);
        assert_eq!(Wish::of("/delay/250"), Wish::Delay(Duration::from_millis(250)));
        assert_eq!(Wish::of("/delay/99999999"), Wish::Delay(LONGEST));
        assert_eq!(Wish::of("/base/events"), Wish::Events);
    }

    #[tokio::test]
    async fn it_says_what_it_received_and_ends_when_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let served = tokio::spawn(serve(vec![listener], stopped));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request =
            "POST /a/b?c=d HTTP/1.1\r\nHost: a.test\r\nX-Own: 1\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        let body = reply.split_once("\r\n\r\n").unwrap().1;
        let told: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&told["method"], &told["path"], &told["query"]),
            (&"POST".into(), &"/a/b".into(), &"c=d".into())
        );
        assert_eq!(
            (&told["body_bytes"], &told["headers"]["x-own"]),
            (&5.into(), &"1".into())
        );
        stop.send_replace(true);
        served.await.unwrap();
    }
}
