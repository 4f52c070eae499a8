//! WebSocket after admission: one request head out, one answer back, then bytes both ways.
//!
//! Pingora 0.9.1 loses upgrades whose 101 arrives before it has looked at the request's empty body; here nothing races,
//! because nothing is relayed before the answer is there. Whether a request may be tunnelled, and to where, was decided
//! before; the request head comes ready to be sent.

mod client;
mod frames;
mod pump;

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Method, StatusCode, Version, header};
use pingora_core::connectors::TransportConnector;
use pingora_core::protocols::http::v1::client::HttpSession as BackendSession;
use pingora_core::upstreams::peer::{ALPN, HttpPeer};
use pingora_error::{Error, ErrorType};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;
use tokio::sync::watch;

use client::Client;
use pump::pump;

use crate::hop;

/// Tells whether a request asks for a WebSocket: then it must not take the ordinary way.
///
/// One that brings a body is none: the body would have to be sent before the answer, and read after it.
pub fn is_websocket(request: &RequestHeader) -> bool {
    let has = |name: HeaderName, wanted: &str| {
        let values = request
            .headers
            .get_all(name)
            .into_iter()
            .filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .any(|token| token.trim().eq_ignore_ascii_case(wanted))
    };
    let is_empty = || {
        let length = request.headers.get(header::CONTENT_LENGTH);
        length.is_none_or(|length| length == "0") && !request.headers.contains_key(header::TRANSFER_ENCODING)
    };
    // What hardly any request has comes first.
    has(header::UPGRADE, "websocket")
        && has(header::CONNECTION, "upgrade")
        && request.version == Version::HTTP_11
        && request.method == Method::GET
        && is_empty()
}

/// Makes a request, of which nothing is left that belongs to the caller's connection, ask for a WebSocket.
///
/// # Errors
///
/// Returns an error where a field that is made here is not a valid one, which no input should achieve.
pub fn ask(request: &mut RequestHeader) -> Result<(), Box<Error>> {
    request.remove_header(&header::CONTENT_LENGTH);
    request.insert_header(header::CONNECTION, "Upgrade")?;
    request.insert_header(header::UPGRADE, "websocket")
}

/// How long a tunnel may last, and how much it may carry.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The longest silence of both sides together.
    pub idle: Duration,
    /// The longest life, if any.
    pub life: Option<Duration>,
    /// Asked before so many bytes pass, either way, whether they may; where not, the tunnel ends.
    pub charge: &'a Charge<'a>,
}

/// Tells whether so many bytes may pass, and counts them where they may.
pub type Charge<'a> = dyn Fn(u64) -> bool + Send + Sync + 'a;

/// A tunnel that is about to be opened.
pub struct Tunnel<'a> {
    /// What makes the connection.
    pub connector: &'a TransportConnector,
    /// Where to; its timeouts bound the handshake.
    pub peer: &'a HttpPeer,
    /// The head to send, upgrade headers included.
    pub request: RequestHeader,
    /// Sees the answer's head, whatever it is, and may edit it before the caller sees it.
    pub respond: &'a mut (dyn FnMut(&mut ResponseHeader) + Send),
    /// How long it may last, and how much it may carry.
    pub options: Options<'a>,
    /// Becomes true when the process stops.
    pub shutdown: watch::Receiver<bool>,
    /// Is ready, with the cause, when the caller may not go on; not asked before the upgrade.
    pub withdrawn: Pin<&'a mut (dyn Future<Output = Cause> + Send)>,
}

/// How a tunnel ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// The status that the caller got: 101, or whatever the backend answered instead.
    pub status: StatusCode,
    /// Why it ended.
    pub cause: Cause,
    /// Whether both sides took what was sent to them. Where not, the connection must be dropped, not finished:
    /// return [`Ended::error`] to Pingora.
    pub clean: bool,
    /// What the caller sent.
    pub to_backend: Flow,
    /// What the backend sent after its head.
    pub to_client: Flow,
}

/// Why a tunnel ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// The backend answered without an upgrade; the answer was relayed.
    Refused,
    /// The caller went away.
    Client,
    /// The backend went away.
    Backend,
    /// Nothing moved for too long.
    Idle,
    /// What it was opened by has ended.
    Life,
    /// What it was opened by would now lead elsewhere.
    Moved,
    /// What it was opened by would now be refused.
    Revoked,
    /// The process stops.
    Shutdown,
    /// A quota of bytes is reached.
    Throttled,
}

impl Cause {
    /// Returns the code of our close frames (RFC 6455, 7.4.1): whoever may try again hears of going away, who has lost
    /// the right to it, of policy.
    fn code(self) -> u16 {
        match self {
            Self::Life | Self::Revoked => POLICY_VIOLATION,
            Self::Throttled => TRY_AGAIN_LATER,
            Self::Backend | Self::Client | Self::Idle | Self::Moved | Self::Refused | Self::Shutdown => GOING_AWAY,
        }
    }
}

/// What was carried in one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flow {
    /// Bytes after the heads.
    pub bytes: u64,
    /// Whole WebSocket frames.
    pub frames: u64,
}

/// Why a tunnel did not come about, or its ordinary answer did not get through.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// No connection: nothing was sent, another endpoint may be tried.
    #[error("no connection to the backend")]
    Connect(#[source] Box<Error>),
    /// The backend did not answer, or broke off.
    #[error("no answer from the backend")]
    Backend(#[source] Box<Error>),
    /// The caller could not be written to.
    #[error("the caller went away")]
    Client(#[source] Box<Error>),
}

impl From<TunnelError> for Box<Error> {
    fn from(error: TunnelError) -> Self {
        match error {
            TunnelError::Connect(error) | TunnelError::Backend(error) => error.into_up(),
            TunnelError::Client(error) => error.into_down(),
        }
    }
}

impl Ended {
    /// Returns what to tell Pingora when the connection must be dropped: it would wait for the caller to read.
    pub fn error(&self) -> Option<Box<Error>> {
        (!self.clean).then(|| Error::explain(ErrorType::ConnectionClosed, "tunnel cut").into_down())
    }
}

impl Tunnel<'_> {
    /// Connects, relays the answer and, if it is an upgrade, both directions until they end.
    ///
    /// # Errors
    ///
    /// No connection, no answer, or no caller to give it to.
    pub async fn run(self, session: &mut Session) -> Result<Ended, TunnelError> {
        let Self {
            connector,
            peer,
            mut request,
            respond,
            options,
            mut shutdown,
            withdrawn,
        } = self;
        request.set_version(Version::HTTP_11);
        let mut backend = connect(connector, peer)
            .await
            .map_err(|e| TunnelError::Connect(e.into_up()))?;
        let answer = shake_hands(&mut backend, request, peer.options.read_timeout).await;
        let mut answer = answer.map_err(|e| TunnelError::Backend(e.into_up()))?;
        clean_up(&mut answer);
        respond(&mut answer);
        if answer.status != StatusCode::SWITCHING_PROTOCOLS {
            return relay(session, &mut backend, answer, options.charge).await;
        }
        let status = answer.status;
        session
            .write_response_header(answer, false)
            .await
            .map_err(|e| TunnelError::Client(e.into_down()))?;
        let lead = glued(&mut backend).await;
        let client = Client::new(&mut session.downstream_session).ok_or_else(not_upgraded)?;
        let ending = async {
            tokio::select! {
                // Whoever would tell us to stop being gone is told as well.
                _ = shutdown.wait_for(|stop| *stop) => Cause::Shutdown,
                cause = withdrawn => cause,
            }
        };
        let pumped = pump(client, backend.into_inner(), lead, &options, ending).await;
        Ok(Ended {
            status,
            cause: pumped.cause,
            clean: pumped.clean,
            to_backend: pumped.to_backend,
            to_client: pumped.to_client,
        })
    }
}

async fn connect(connector: &TransportConnector, peer: &HttpPeer) -> Result<BackendSession, Box<Error>> {
    let mut peer = peer.clone();
    peer.options.alpn = ALPN::H1;
    let mut backend = BackendSession::new(connector.new_stream(&peer).await?);
    backend.read_timeout = peer.options.read_timeout;
    backend.write_timeout = peer.options.write_timeout;
    Ok(backend)
}

/// Sends the head and waits for the one that answers it; a backend that drips its answer gets no more time.
async fn shake_hands(
    backend: &mut BackendSession,
    request: RequestHeader,
    within: Option<Duration>,
) -> Result<Box<ResponseHeader>, Box<Error>> {
    let handshake = async {
        backend.write_request_header(Box::new(request)).await?;
        loop {
            let answer = backend.read_resp_header_parts().await?;
            if !answer.status.is_informational() {
                return Ok(answer);
            }
            if answer.status == StatusCode::SWITCHING_PROTOCOLS {
                let upgraded = backend.was_upgraded();
                return if upgraded {
                    Ok(answer)
                } else {
                    Err(Error::new(ErrorType::InvalidHTTPHeader))
                };
            }
        }
    };
    let late = || {
        Err(Error::explain(
            ErrorType::ReadTimedout,
            "waiting for the answer to an upgrade",
        ))
    };
    match within {
        Some(within) => tokio::time::timeout(within, handshake).await.unwrap_or_else(|_| late()),
        None => handshake.await,
    }
}

/// Takes what came glued to the head of the answer: it is handed out without asking the socket.
async fn glued(backend: &mut BackendSession) -> Bytes {
    let first = std::future::poll_fn(|cx| Poll::Ready(pin!(backend.read_body_bytes()).poll(cx))).await;
    match first {
        Poll::Ready(Ok(Some(bytes))) => bytes,
        // An end or an error of the socket shows again at the next read.
        Poll::Ready(Ok(None) | Err(_)) | Poll::Pending => Bytes::new(),
    }
}

/// Relays an answer that is no upgrade as any other.
async fn relay(
    session: &mut Session,
    backend: &mut BackendSession,
    answer: Box<ResponseHeader>,
    charge: &Charge<'_>,
) -> Result<Ended, TunnelError> {
    let status = answer.status;
    let lost = |e: Box<Error>| TunnelError::Client(e.into_down());
    session.write_response_header(answer, false).await.map_err(lost)?;
    let mut bytes = 0;
    while let Some(piece) = backend
        .read_body_bytes()
        .await
        .map_err(|e| TunnelError::Backend(e.into_up()))?
    {
        if !charge(piece.len() as u64) {
            return Err(TunnelError::Client(throttled()));
        }
        bytes += piece.len() as u64;
        session.write_response_body(Some(piece), false).await.map_err(lost)?;
    }
    session.write_response_body(None, true).await.map_err(lost)?;
    let to_client = Flow { bytes, frames: 0 };
    Ok(Ended {
        status,
        cause: Cause::Refused,
        clean: true,
        to_backend: Flow::default(),
        to_client,
    })
}

/// Replaces what belongs to the backend's connection by what belongs to the caller's.
fn clean_up(answer: &mut ResponseHeader) {
    let upgraded = answer.status == StatusCode::SWITCHING_PROTOCOLS;
    for name in hop::of_response(&answer.headers).iter().chain([&header::TRAILER]) {
        let is_handshake = name.as_str().starts_with("sec-websocket-") || *name == header::UPGRADE;
        if !(upgraded && is_handshake) {
            answer.remove_header(name);
        }
    }
    if upgraded {
        answer.remove_header(&header::CONTENT_LENGTH);
        answer.remove_header(&header::TRANSFER_ENCODING);
        // A name and a value that are always valid.
        let _ = answer.insert_header(header::CONNECTION, "Upgrade");
        return;
    }
    if answer.status != StatusCode::UPGRADE_REQUIRED {
        answer.remove_header(&header::UPGRADE);
    }
    let framed = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING]
        .iter()
        .any(|name| answer.headers.contains_key(name));
    let bodiless = matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if !framed && !bodiless {
        // Otherwise an answer that was cut off would look like a whole one.
        let _ = answer.insert_header(header::TRANSFER_ENCODING, "chunked");
    }
}

fn throttled() -> Box<Error> {
    Error::explain(ErrorType::ConnectionClosed, "a quota of bytes is reached").into_down()
}

fn not_upgraded() -> TunnelError {
    TunnelError::Client(Error::explain(
        ErrorType::InternalError,
        "the caller did not ask for an upgrade",
    ))
}

const GOING_AWAY: u16 = 1001;
const POLICY_VIOLATION: u16 = 1008;
/// Registered beside those of RFC 6455.
const TRY_AGAIN_LATER: u16 = 1013;

#[cfg(test)]
mod tests;
