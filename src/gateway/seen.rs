//! What is seen of a Pingora session: how it came, and its head as the stages read it.

use pingora_proxy::Session;

use crate::accept::possession;
use crate::exchange::Exchange;
use crate::head::{self, Head};

/// Tells whether it came over TLS.
pub(super) fn is_tls(session: &Session) -> bool {
    session.digest().is_some_and(|digest| digest.ssl_digest.is_some())
}

/// Borrows the head; `raw` is what HTTP/1 wrote of it.
pub(super) fn head<'a>(session: &'a Session, exchange: &'a Exchange, raw: &'a [u8]) -> Head<'a> {
    let request = session.req_header();
    // Where proxies vouch for certificates, their own is not the caller's.
    let by_proxy = exchange.origin.is_trusted && exchange.served.snapshot.fields().certificate.is_some();
    let shown = session.digest().filter(|_| !by_proxy).and_then(possession::shown);
    let target = request.raw_path();
    let path = match target.first() {
        Some(b'/') => target.split(|&byte| byte == b'?').next().unwrap_or_default(),
        // Absolute form: the path is what its URI holds, unless that is a lossy rendering.
        _ if request.raw_path_is_utf8() => request.uri.path().as_bytes(),
        _ => &[],
    };
    Head {
        method: &request.method,
        path,
        target_bytes: target.len(),
        query: request.uri.query().unwrap_or_default(),
        certificate: exchange.vouched.as_deref().or(shown),
        host: head::host(&request.headers, &request.uri, request.version),
        headers: &request.headers,
        raw,
        scheme: exchange.origin.scheme,
        client: exchange.origin.client,
    }
}
