//! What an entry is found by, and how (RFC 9111, 2).
//!
//! A key is made of names and of what was asked: tenant, Api, version, context, the digest of what shapes responses,
//! template, environment, scheme, host, fields, path, query: whatever the endpoint sees. Each part ends with a NUL, which
//! none of them holds, so that no two requests that differ in a part have the same key. Where callers do not share what
//! is kept, whom an entry belongs to is the last part, but for what origins call public ([`commons`](super::commons)):
//! there it is part of the variant, as what `Vary` names is. The range of what is kept in part (`cache::part`)
//! stands before it.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};

use super::fields;
use super::part::Range;
use crate::credential::caller::{Caller, Proof};
use crate::head::Scheme;
use crate::model::caching::QueryKey;
use crate::registry::key_pair::KeyType;
use crate::snapshot::CachePolicy;

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What the catalog says of it.
    pub policy: &'a CachePolicy,
    /// Which endpoints answer it.
    pub environment: KeyType,
    /// How it came.
    pub scheme: Scheme,
    /// The host that it names, as the endpoint is told.
    pub host: &'a [u8],
    /// Its path and query, as the endpoint gets them.
    pub target: &'a str,
    /// Its fields.
    pub headers: &'a HeaderMap,
}

impl Asked<'_> {
    /// Returns the key. `is_sent` tells which fields reach the endpoint, as far as the cache lets them.
    pub fn key(&self, is_sent: impl Fn(&HeaderName) -> bool) -> Vec<u8> {
        let caching = &self.policy.caching;
        let environment = match self.environment {
            KeyType::Production => "production",
            KeyType::Sandbox => "sandbox",
        };
        let host = if caching.by_host { self.host } else { b"" };
        let stem = self.policy.stem().as_bytes();
        let mut key = Vec::with_capacity(stem.len() + host.len() + self.target.len() + ROOM);
        key.extend_from_slice(stem);
        for part in [environment.as_bytes(), self.scheme.as_str().as_bytes(), host] {
            key.extend_from_slice(part);
            key.push(0);
        }
        fields::add(&mut key, self.headers, caching, is_sent);
        key.extend_from_slice(self.target.as_bytes());
        key
    }
}

/// Returns the path and the query that purges name: with the parameters alone that tell entries apart.
pub fn target(path: &str, query: &str, kept: &QueryKey) -> String {
    let query = filter(query, kept);
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

/// Leaves out the parameters that do not tell entries apart, which the endpoint does not get either.
fn filter<'q>(query: &'q str, kept: &QueryKey) -> Cow<'q, str> {
    let named = |names: &[String], parameter: &str| {
        let name = parameter.split('=').next().unwrap_or_default();
        names.iter().any(|known| known == name)
    };
    let parameters = |is_kept: &dyn Fn(&str) -> bool| {
        let kept: Vec<&str> = query.split('&').filter(|parameter| is_kept(parameter)).collect();
        Cow::Owned(kept.join("&"))
    };
    match kept {
        QueryKey::All => Cow::Borrowed(query),
        QueryKey::Except(names) => parameters(&|parameter| !named(names, parameter)),
        QueryKey::Only(names) => parameters(&|parameter| named(names, parameter)),
    }
}

/// Makes a key that of one range of what it is the key of: it stands before whom the entry belongs to, which is a name of
/// somebody else's making.
pub(super) fn make_part(key: &mut Vec<u8>, range: &Range) {
    key.extend_from_slice(PART);
    key.extend_from_slice(range.as_str().as_bytes());
}

/// Makes a key one caller's own: a target holds no NUL, and so tells where it ends.
pub fn make_own(key: &mut Vec<u8>, owner: &str) {
    key.push(0);
    key.extend_from_slice(owner.as_bytes());
}

/// Names whom an entry belongs to: the application and the user, with what the credential grants. Where no
/// application of ours vouches for the names, the credential itself is the owner.
pub fn owner(caller: &Caller) -> String {
    let scopes = caller.scopes.join(" ");
    let user = caller.user.as_ref().map(ToString::to_string).unwrap_or_default();
    match (&caller.application, caller.by) {
        (Some(application), Proof::ApiKey | Proof::Basic | Proof::Certificate | Proof::Token) => {
            format!(
                "application\0{}\0{user}\0{}\0{scopes}",
                application.uuid, caller.subject
            )
        }
        (None, Proof::Basic) => format!("user\0{user}\0{}\0{scopes}", caller.subject),
        (None | Some(_), _) => format!("credential\0{:?}", caller.digest),
    }
}

/// Begins the range in a key; no owner begins so.
const PART: &[u8] = b"\0range\0";

/// Room for what is short in most keys.
const ROOM: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cache::part;

    #[test]
    fn a_query_is_cut_to_what_tells_entries_apart() {
        let only = QueryKey::Only(vec!["page".to_owned()]);
        for (query, kept) in [
            ("page=1&utm=2", "page=1"),
            ("Page=1&x&page", "page"),
            ("p%61ge=1&page=2&page=3", "page=2&page=3"),
            ("x", ""),
        ] {
            assert_eq!(filter(query, &only), kept, "{query}");
        }
        let except = QueryKey::Except(vec!["utm".to_owned()]);
        assert_eq!(filter("a=1&utm=2&%75tm=3&utm&b;utm=4", &except), "a=1&%75tm=3&b;utm=4");
        assert_eq!(target("/a", "b=1&b=1", &QueryKey::All), "/a?b=1&b=1");
        assert_eq!(target("/a", "utm=1", &except), "/a");
    }

    #[test]
    fn nobodys_name_makes_a_part_of_a_whole() {
        let part = |owner: Option<&str>| {
            let mut request = pingora_http::RequestHeader::build("GET", b"/", None).unwrap();
            request.insert_header(http::header::RANGE, "bytes=0-1").unwrap();
            let part::Wanted::Part(range) = part::wanted(&request) else {
                panic!("a range is wanted")
            };
            let mut key = b"stem\0/a".to_vec();
            make_part(&mut key, &range);
            owner.iter().for_each(|owner| make_own(&mut key, owner));
            key
        };
        let own = |owner: &str| {
            let mut key = b"stem\0/a".to_vec();
            make_own(&mut key, owner);
            key
        };
        assert_eq!(part(None), b"stem\0/a\0range\x000-1");
        let scopes = "user\0ann\0ann\0read\0range\x000-1";
        assert_ne!(part(Some("user\0ann\0ann\0read")), own(scopes));
    }

    proptest! {
        #[test]
        fn a_filtered_query_never_gains(query in "[a-z=&;%0-9\\[\\]]{0,40}") {
            let only = QueryKey::Only(vec!["a".to_owned()]);
            let kept = filter(&query, &only).into_owned();
            prop_assert!(kept.len() <= query.len());
            prop_assert!(filter(&kept, &only) == kept.as_str());
            for parameter in query.split('&').filter(|parameter| parameter.starts_with("a=")) {
                prop_assert!(kept.split('&').any(|known| known == parameter));
            }
        }
    }
}
