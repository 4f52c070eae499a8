//! An HTTP/1 origin that plays a script and remembers every byte that reached it, and two addresses that play dead.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::script::{Answer, Request, answer};
use super::wire::{Socket, Wire};
use super::{eventually, soon};

/// What reached an origin.
#[derive(Debug, Default)]
struct Seen {
    wires: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
    requests: Mutex<Vec<Request>>,
    /// How many connections have ended.
    ended: AtomicUsize,
}

impl Seen {
    /// Keeps a request whose head was read; returns its place.
    fn begin(&self, request: &Request) -> usize {
        let mut requests = self.requests.lock().unwrap();
        requests.push(request.clone());
        requests.len() - 1
    }
}

type Script = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

/// An origin to be.
pub(crate) struct OriginBuilder {
    script: Script,
    is_early: bool,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

/// A running origin; ends when dropped.
pub(crate) struct Origin {
    address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

struct Plan {
    script: Script,
    is_early: bool,
    seen: Arc<Seen>,
}

/// Begins an origin that answers everything with 200 and the body `origin`.
pub(crate) fn origin() -> OriginBuilder {
    OriginBuilder {
        script: Arc::new(|_| answer(200).body("origin")),
        is_early: false,
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
    }
}

impl OriginBuilder {
    /// Answers as the script says.
    pub(crate) fn answers(mut self, script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        self.script = Arc::new(script);
        self
    }

    /// Answers everything with 200 and this body.
    pub(crate) fn says(self, body: &'static str) -> Self {
        self.answers(move |_| answer(200).body(body))
    }

    /// Begins each answer before the request's body was read.
    pub(crate) fn early(mut self) -> Self {
        self.is_early = true;
        self
    }

    /// Speaks TLS.
    pub(crate) fn tls(mut self, config: Arc<rustls::ServerConfig>) -> Self {
        self.tls = Some(TlsAcceptor::from(config));
        self
    }

    /// Listens at an address that an earlier origin had.
    pub(crate) fn at(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    pub(crate) async fn start(self) -> Origin {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let seen = Arc::new(Seen::default());
        let plan = Plan {
            script: self.script,
            is_early: self.is_early,
            seen: Arc::clone(&seen),
        };
        let task = tokio::spawn(accept(listener, Arc::new(plan), self.tls));
        Origin {
            address,
            scheme,
            seen,
            task,
        }
    }
}

impl Origin {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its URL without a path.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// Returns the request that it saw, which must be the only one.
    pub(crate) fn only_request(&self) -> Request {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "one request was expected: {requests:?}");
        requests.into_iter().next().unwrap()
    }

    pub(crate) fn last_request(&self) -> Request {
        self.requests().pop().expect("the origin saw no request")
    }

    /// Waits until so many requests arrived.
    pub(crate) async fn saw(&self, count: usize) {
        eventually("requests to arrive at the origin", async || {
            self.requests().len() >= count
        })
        .await;
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.wires.lock().unwrap().len()
    }

    /// Returns how many connections are open.
    pub(crate) fn open_connections(&self) -> usize {
        self.connections() - self.seen.ended.load(Ordering::SeqCst)
    }

    /// Returns every byte that came on one connection.
    pub(crate) fn bytes_of(&self, connection: usize) -> Vec<u8> {
        let wires = self.seen.wires.lock().unwrap();
        wires[connection].lock().unwrap().clone()
    }

    /// Proves that not one byte reached it.
    pub(crate) fn saw_nothing(&self) {
        for connection in 0..self.connections() {
            let bytes = self.bytes_of(connection);
            assert!(bytes.is_empty(), "the origin saw {:?}", String::from_utf8_lossy(&bytes));
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, plan: Arc<Plan>, tls: Option<TlsAcceptor>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let record = Arc::default();
        let connection = {
            let mut wires = plan.seen.wires.lock().unwrap();
            wires.push(Arc::clone(&record));
            wires.len() - 1
        };
        let (plan, tls) = (Arc::clone(&plan), tls.clone());
        connections.spawn(async move {
            if let Some(socket) = secure(stream, tls).await {
                converse(Wire::recording(socket, record), connection, &plan).await;
            }
            plan.seen.ended.fetch_add(1, Ordering::SeqCst);
        });
    }
}

async fn secure(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Socket> {
    stream.set_nodelay(true).ok()?;
    match tls {
        Some(acceptor) => Some(Box::new(acceptor.accept(stream).await.ok()?)),
        None => Some(Box::new(stream)),
    }
}

async fn converse(mut wire: Wire, connection: usize, plan: &Plan) {
    while let Some(head) = wire.head().await {
        let request = Request::parse(connection, head);
        let place = plan.seen.begin(&request);
        let goes_on = if plan.is_early {
            (plan.script)(&request).play(&mut wire, &request.method).await
                && read_body(&mut wire, &request, place, &plan.seen).await
        } else if ask_for_body(&mut wire, &request).await && read_body(&mut wire, &request, place, &plan.seen).await {
            let whole = plan.seen.requests.lock().unwrap()[place].clone();
            (plan.script)(&whole).play(&mut wire, &request.method).await
        } else {
            false
        };
        if !goes_on {
            _ = wire.finish().await;
            return;
        }
    }
}

/// Asks for a body that is only sent when it is asked for; `false` when the connection has ended.
async fn ask_for_body(wire: &mut Wire, request: &Request) -> bool {
    request.header("expect").is_none() || wire.write(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_ok()
}

/// Reads a body into its request; `false` when the connection ended before it did.
async fn read_body(wire: &mut Wire, request: &Request, place: usize, seen: &Seen) -> bool {
    let mut left = request.fields.length().unwrap_or(0);
    loop {
        let piece = if request.fields.is_chunked() {
            wire.chunk().await
        } else if left > 0 {
            wire.some(left).await
        } else {
            Some(Vec::new())
        };
        let Some(piece) = piece else { return false };
        left = left.saturating_sub(piece.len());
        let mut requests = seen.requests.lock().unwrap();
        requests[place].body.extend_from_slice(&piece);
        if piece.is_empty() {
            requests[place].is_whole = true;
            return true;
        }
    }
}

/// Returns an address that refuses connections for as long as the guard lives.
pub(crate) fn refusing() -> (SocketAddr, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    (socket.local_addr().unwrap(), socket)
}

/// Returns an address whose queue is full, so that connecting to it takes for ever, while the guards live.
pub(crate) async fn crowded() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    let filled = async {
        while let Ok(stream) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            waiting.push(stream.unwrap());
        }
    };
    soon("a queue to fill up", filled).await;
    (address, listener, waiting)
}
