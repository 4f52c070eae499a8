//! Tells which requests are for the gateway itself: the token endpoint and its relatives, on every host.
//!
//! It comes before everything that concerns APIs. A path that some reader could take for one of ours, although it is not
//! written as one, is refused: it leads neither to us nor to an API.

use std::borrow::Cow;

use super::bound::bound;
use crate::denial::Denial;
use crate::head::Head;
use crate::model::api::PathAllowances;
use crate::settings::Limits;
use crate::target::{BadTarget, Target};

/// Returns the canonical path of a request for the gateway itself; `None` where it is for an API.
///
/// # Errors
///
/// Returns why a request for the gateway itself is refused.
pub fn own<'a>(head: &Head<'a>, limits: &Limits) -> Result<Option<Cow<'a, str>>, Denial> {
    if !may_be_own(head.path) {
        return Ok(None);
    }
    let Ok(target) = Target::parse(head.path) else {
        // Admission says so, too.
        return Ok(None);
    };
    if !is_own(&read_loosely(target.as_str())) {
        return Ok(None);
    }
    let target = bound(head, limits)?;
    target.check(PathAllowances::default()).map_err(Denial::BadTarget)?;
    if head.host.is_none() {
        return Err(Denial::InvalidHost);
    }
    if is_own(target.as_str()) {
        Ok(Some(target.into_path()))
    } else {
        Err(Denial::BadTarget(BadTarget::NotAllowed))
    }
}

/// Tells at a glance that most paths are not ours; every request pays for it.
fn may_be_own(path: &[u8]) -> bool {
    let first = path.get(1).copied().unwrap_or_default();
    matches!(first, b'o' | b't' | b'r' | b'.' | b'%' | b'/' | b';')
}

/// Tells whether a path is one of ours.
fn is_own(path: &str) -> bool {
    EXACT.contains(&path) || path == BELOW || path.strip_prefix(BELOW).is_some_and(|rest| rest.starts_with('/'))
}

/// Reads a canonical path as carelessly as anybody might: encoded slashes as slashes, without parameters and empty
/// segments.
fn read_loosely(path: &str) -> Cow<'_, str> {
    if !path.contains([';', '%']) && !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let slashes = path.replace("%2F", "/").replace("%5C", "/").replace("%3B", ";");
    let mut loose = String::with_capacity(slashes.len());
    for segment in slashes.split('/') {
        let bare = segment.split(';').next().unwrap_or_default();
        if !bare.is_empty() {
            loose.push('/');
            loose.push_str(bare);
        }
    }
    Cow::Owned(loose)
}

/// Everything below it is ours.
const BELOW: &str = "/oauth2";

/// These are ours as they are.
const EXACT: [&str; 4] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/revoke",
    "/token",
];

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use http::{HeaderMap, Method};

    use super::*;
    use crate::head::Scheme;
    use crate::stages::tests::LIMITS;

    fn asked(path: &str) -> Result<Option<String>, Denial> {
        let head = Head {
            method: &Method::POST,
            path: path.as_bytes(),
            target_bytes: path.len(),
            query: "",
            certificate: None,
            host: Some("any.test"),
            headers: &HeaderMap::new(),
            raw: b"",
            scheme: Scheme::Http,
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        own(&head, &LIMITS).map(|path| path.map(Cow::into_owned))
    }

    #[test]
    fn the_token_endpoint_and_its_relatives_are_ours() {
        for path in EXACT
            .iter()
            .chain(&["/oauth2", "/oauth2/token", "/oauth2/nothing/there"])
        {
            assert_eq!(asked(path), Ok(Some((*path).to_owned())));
        }
        assert_eq!(
            asked("/%74oken"),
            Ok(Some("/token".to_owned())),
            "served as it is matched"
        );
        assert_eq!(asked("/oauth2/%74oken"), Ok(Some("/oauth2/token".to_owned())));
    }

    #[test]
    fn what_only_looks_alike_is_an_apis() {
        for path in [
            "/tokens",
            "/token/1.0/x",
            "/oauth",
            "/oauth2x/token",
            "/revoke/x",
            "/api/token",
            "/Token",
            "/",
        ] {
            assert_eq!(asked(path), Ok(None), "{path}");
        }
    }

    #[test]
    fn what_somebody_could_take_for_ours_is_refused() {
        for path in [
            "//token",
            "/token;x=1",
            "/token%3bx",
            "/oauth2%2ftoken",
            "/oauth2%5Ctoken",
            "/oauth2//token",
            "/oauth2/token;x",
            "/;x/oauth2/token",
            "/%2ftoken",
            "/.well-known%2fopenid-configuration",
        ] {
            assert_eq!(asked(path), Err(Denial::BadTarget(BadTarget::NotAllowed)), "{path}");
        }
        // Dot segments are refused by admission, whatever they lead to.
        assert_eq!(asked("/oauth2/../token"), Ok(None));
    }
}
