//! The one cookie: a random name for a browser, which becomes that of a session when somebody signs in.

use http::HeaderMap;
use http::header::COOKIE;

use crate::oauth::peer::Peer;

/// Finds the browser's name. One that stands twice is none: it may have been planted beside the real one.
pub(super) fn find<'a>(headers: &'a HeaderMap, peer: &Peer) -> Option<&'a str> {
    find_named(headers, name(peer))
}

/// Finds a random name of ours in the cookie of this name, which stands once.
pub(in crate::http) fn find_named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let fields = headers.get_all(COOKIE).iter().filter_map(|field| field.to_str().ok());
    let mut found = fields
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(is, _)| *is == name)
        .map(|(_, value)| value);
    let first = found.next()?;
    let is_ours = first.len() == 43
        && first
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    (found.next().is_none() && is_ours).then_some(first)
}

/// Writes the browser's name. Over TLS its own name ties it to this host, so that no neighbour can set it.
pub(super) fn write(value: &str, peer: &Peer) -> String {
    let secure = if peer.is_tls { "; Secure" } else { "" };
    format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}", name(peer))
}

fn name(peer: &Peer) -> &'static str {
    if peer.is_tls {
        "__Host-tollgate_session"
    } else {
        "tollgate_session"
    }
}
