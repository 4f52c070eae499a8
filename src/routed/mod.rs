//! Requests that an axum router answers, served from Pingora's sessions: the gateway's own paths and the admin listener.
//!
//! It owns the way there and back: a bounded body, a request as routers know it, an answer with its length, and a 500
//! where a router breaks. What the paths mean is the router's; who may reach them is decided by who calls this.

pub mod listener;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use pingora_core::protocols::http::ServerSession;
use pingora_http::ResponseHeader;
use tokio::time::timeout;
use tower::ServiceExt;
use tracing::error;

use crate::denial::Denial;
use crate::exchange::REQUEST_ID;
use crate::head::Scheme;
use crate::target::BadTarget;

/// Who asks, as the listener knows it.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The address, after the trust list.
    pub client: IpAddr,
    /// The transport, after the trust list.
    pub scheme: Scheme,
    /// The DER of the certificate that was proven, or that a trusted proxy vouches for.
    pub certificate: Option<Vec<u8>>,
}

/// Tells a request who asks, in the words of its router.
pub type Introduce = dyn Fn(&mut Request<Body>, Visitor) + Send + Sync;

/// Marks a request whose body is large as one that the router lets in, by 204, or refuses before the body is read;
/// `false` where the path takes none.
pub type Announce = dyn Fn(&mut Request<Body>) -> bool + Send + Sync;

/// A router, and how requests are introduced to it; cheap to clone.
#[derive(Clone)]
pub struct Routed {
    router: Router,
    introduce: Arc<Introduce>,
    patience: Duration,
    /// The largest body of those who are let in.
    large: Option<(usize, Arc<Announce>)>,
}

impl std::fmt::Debug for Routed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routed").finish_non_exhaustive()
    }
}

impl Routed {
    /// Serves a router; a request body may take as long as `patience` says.
    pub fn new(router: Router, introduce: Box<Introduce>, patience: Duration) -> Self {
        Self {
            router,
            introduce: Arc::from(introduce),
            patience,
            large: None,
        }
    }

    /// Also takes bodies of at most so many bytes, from those whom the router lets in when they are announced to it.
    #[must_use]
    pub fn letting_in(self, most: usize, announce: Box<Announce>) -> Self {
        Self {
            large: Some((most, Arc::from(announce))),
            ..self
        }
    }

    /// Reads a request to its end and has it answered. `path` is the canonical path: what is matched is what is served.
    ///
    /// # Errors
    ///
    /// Returns why no router was asked, or that it broke.
    pub async fn answer(
        &self,
        session: &mut ServerSession,
        path: &str,
        visitor: Visitor,
    ) -> Result<Response<Bytes>, Denial> {
        let body = match self.read(session, BytesMut::new(), LARGEST_BODY).await? {
            Read::Whole(body) => body,
            Read::More(begun) => {
                let (most, announce) = self.large.as_ref().ok_or(Denial::BodyTooLarge)?;
                let mut announced = request(session, path, Bytes::new())?;
                (self.introduce)(&mut announced, visitor.clone());
                if !announce(&mut announced) {
                    return Err(Denial::BodyTooLarge);
                }
                let answer = self.ask(announced, path).await?;
                if answer.status() != StatusCode::NO_CONTENT {
                    return Ok(answer);
                }
                match self.read(session, begun, *most).await? {
                    Read::Whole(body) => body,
                    Read::More(_) => return Err(Denial::BodyTooLarge),
                }
            }
        };
        let mut request = request(session, path, body)?;
        (self.introduce)(&mut request, visitor);
        self.ask(request, path).await
    }

    async fn read(&self, session: &mut ServerSession, begun: BytesMut, most: usize) -> Result<Read, Denial> {
        let read = timeout(self.patience, read_body(session, begun, most)).await;
        read.map_err(|_| Denial::BodyTimeout)?
    }

    async fn ask(&self, request: Request<Body>, path: &str) -> Result<Response<Bytes>, Denial> {
        // In a task of its own: a caller that goes away does not leave half of a change behind, and a panic stays there.
        let router = self.router.clone();
        let answered = tokio::spawn(async move {
            // A router cannot fail.
            let Ok(answer) = router.oneshot(request).await;
            let (parts, body) = answer.into_parts();
            let body = axum::body::to_bytes(body, LARGEST_ANSWER).await;
            body.map(|body| Response::from_parts(parts, body))
        });
        match answered.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(reason)) => {
                error!(%reason, path, "an answer could not be read");
                Err(Denial::Internal)
            }
            Err(reason) => {
                error!(%reason, path, "answering broke");
                Err(Denial::Internal)
            }
        }
    }
}

/// Makes an answer what goes over the wire: its length stated, nothing hop by hop, the request id on it. The body is
/// `None` where none is sent.
///
/// # Errors
///
/// Returns an error where the answer holds a field that cannot be sent.
pub fn outgoing(
    answer: Response<Bytes>,
    method: &Method,
    id: &HeaderValue,
) -> pingora_error::Result<(ResponseHeader, Option<Bytes>)> {
    let (parts, body) = answer.into_parts();
    let mut header = ResponseHeader::build(parts.status, Some(parts.headers.len() + 2))?;
    let is_bodiless =
        parts.status.is_informational() || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    for (name, value) in &parts.headers {
        // What has no body has no length either (RFC 9110, 8.6).
        let is_ours = HOP_BY_HOP.contains(name) || (is_bodiless && name == CONTENT_LENGTH);
        if !is_ours {
            header.append_header(name.clone(), value.clone())?;
        }
    }
    // HEAD is told the length of a body that it does not get (RFC 9110, 9.3.2); axum states it in a field.
    if !is_bodiless && method != Method::HEAD {
        header.insert_header(CONTENT_LENGTH, body.len())?;
    }
    header.insert_header(REQUEST_ID, id.clone())?;
    let body = (!is_bodiless && method != Method::HEAD).then_some(body);
    Ok((header, body.filter(|body| !body.is_empty())))
}

/// How much of a body was read.
enum Read {
    /// All of it.
    Whole(Bytes),
    /// This, and the rest would be too much.
    More(BytesMut),
}

/// Reads a body, or goes on with it; says beforehand where it is longer than `most`.
async fn read_body(session: &mut ServerSession, begun: BytesMut, most: usize) -> Result<Read, Denial> {
    let headers = &session.req_header().headers;
    let stated = headers
        .get(CONTENT_LENGTH)
        .map(|length| length.to_str().ok().and_then(|length| length.parse::<usize>().ok()));
    match stated {
        Some(None) => return Err(Denial::MalformedBody),
        Some(Some(length)) if length > most => return Ok(Read::More(begun)),
        Some(Some(_)) | None => {}
    }
    if begun.is_empty() && headers.contains_key(EXPECT) && !session.is_body_empty() {
        session
            .write_continue_response()
            .await
            .map_err(|_| Denial::MalformedBody)?;
    }
    let mut body = begun;
    while let Some(chunk) = session.read_request_body().await.map_err(|_| Denial::MalformedBody)? {
        body.extend_from_slice(&chunk);
        if body.len() > most {
            return Ok(Read::More(body));
        }
    }
    Ok(Read::Whole(body.freeze()))
}

fn request(session: &ServerSession, path: &str, body: Bytes) -> Result<Request<Body>, Denial> {
    let head = session.req_header();
    let target = match head.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let uri = Uri::try_from(target).map_err(|_| Denial::BadTarget(BadTarget::Malformed))?;
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = head.version;
    *request.headers_mut() = head.headers.clone();
    complete(request.headers_mut(), &head.uri);
    Ok(request)
}

/// Writes what HTTP/2 says in another way as HTTP/1.1 does: the host, and cookies in one field (RFC 9113, 8.2.3).
fn complete(headers: &mut HeaderMap, uri: &Uri) {
    let host = uri
        .authority()
        .map(|authority| HeaderValue::from_str(authority.as_str()));
    if let Some(Ok(host)) = host {
        headers.insert(HOST, host);
    }
    let cookies: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let (2.., Ok(joined)) = (cookies.len(), HeaderValue::from_bytes(&cookies.join(&b"; "[..]))) {
        headers.insert(COOKIE, joined);
    }
}

/// No request body is larger, but for those who are let in: forms and small documents.
const LARGEST_BODY: usize = 64 << 10;

/// No answer is larger: a whole catalog is one.
const LARGEST_ANSWER: usize = 64 << 20;

/// What concerns one connection and is the server's to say.
const HOP_BY_HOP: [HeaderName; 5] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TRANSFER_ENCODING,
    UPGRADE,
];

#[cfg(test)]
mod tests;
