//! The console's cookie: the name of a session.

use http::HeaderMap;

use crate::http::oauth::cookie;
use crate::oauth::peer::Peer;

/// Finds the session's name. One that stands twice is none: it may have been planted beside the real one.
pub(super) fn find<'a>(headers: &'a HeaderMap, peer: &Peer) -> Option<&'a str> {
    cookie::find_named(headers, name(peer))
}

/// Writes the session's name. Only over plain HTTP on the machine itself a browser may send it unprotected.
pub(super) fn write(session: &str, peer: &Peer) -> String {
    let is_near = peer.address.to_canonical().is_loopback();
    let secure = if is_near && !peer.is_tls { "" } else { "; Secure" };
    format!("{}={session}; Path=/; HttpOnly; SameSite=Strict{secure}", name(peer))
}

/// Has the browser forget it.
pub(super) fn clear(peer: &Peer) -> String {
    format!("{}; Max-Age=0", write("", peer))
}

/// Over TLS its own name ties it to this host, so that no neighbour can set it.
fn name(peer: &Peer) -> &'static str {
    if peer.is_tls {
        "__Host-tollgate_console"
    } else {
        "tollgate_console"
    }
}
