//! What an entry is found by, and what tells its variants apart (RFC 9111, 2 and 4.1).
//!
//! A key is made of names and of what was asked: tenant, Api, version, the digest of what shapes responses, template,
//! environment, scheme, host, chosen fields, path, query. Each part ends with a NUL, which none of them holds, so that
//! no two requests that differ in a part have the same key. Whom an entry belongs to, and what `Vary` names, is known
//! when the response is, and so part of the variant.

use std::borrow::Cow;

use http::header::{ACCEPT_LANGUAGE, ETAG, LAST_MODIFIED, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};
use pingora_cache::VarianceBuilder;
use pingora_cache::key::HashBinary;

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
    /// The host that it names.
    pub host: Option<&'a str>,
    /// Its canonical path below the context.
    pub path: &'a str,
    /// Its query, as the endpoint gets it, without a question mark.
    pub query: &'a str,
    /// Its fields.
    pub headers: &'a HeaderMap,
}

impl Asked<'_> {
    /// Returns the path and the query that purges name.
    pub fn target(&self) -> String {
        target(self.path, self.query, &self.policy.caching.query)
    }

    /// Returns the key.
    pub fn key(&self) -> Vec<u8> {
        let caching = &self.policy.caching;
        let environment = match self.environment {
            KeyType::Production => "production",
            KeyType::Sandbox => "sandbox",
        };
        let host = self.host.filter(|_| caching.by_host).unwrap_or_default();
        let mut key = Vec::with_capacity(self.policy.stem().len() + self.path.len() + self.query.len() + ROOM);
        key.extend_from_slice(self.policy.stem().as_bytes());
        for part in [environment, self.scheme.as_str()] {
            key.extend_from_slice(part.as_bytes());
            key.push(0);
        }
        key.extend(host.bytes().map(|byte| byte.to_ascii_lowercase()));
        key.push(0);
        for name in &caching.headers {
            add_field(&mut key, self.headers, name);
            key.push(0);
        }
        key.extend_from_slice(self.target().as_bytes());
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

/// Leaves out the parameters that do not tell entries apart. A name that a backend may read in another way than it is
/// written is always left in: what shapes a response must never be out of its key.
fn filter<'q>(query: &'q str, kept: &QueryKey) -> Cow<'q, str> {
    let parameters = |is_kept: &dyn Fn(&str) -> bool| {
        let kept: Vec<&str> = query.split('&').filter(|parameter| is_kept(parameter)).collect();
        Cow::Owned(kept.join("&"))
    };
    let name = |parameter: &str| parameter.split('=').next().unwrap_or_default().to_owned();
    match kept {
        QueryKey::All => Cow::Borrowed(query),
        QueryKey::Except(names) => {
            parameters(&|parameter| parameter.contains(';') || !names.contains(&name(parameter)))
        }
        QueryKey::Only(names) => parameters(&|parameter| {
            let name = name(parameter);
            let is_plain = name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
            !is_plain || parameter.contains(';') || names.iter().any(|known| known.eq_ignore_ascii_case(&name))
        }),
    }
}

/// Tells apart the variants of a key: by whom they belong to, and by the fields that the response names.
pub fn variance(response: &HeaderMap, request: &HeaderMap, owner: Option<&str>) -> Option<HashBinary> {
    let mut builder = VarianceBuilder::new();
    if let Some(owner) = owner {
        builder.add_owned_value(OWNER, owner.as_bytes().to_vec());
    }
    for name in varied(response) {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            continue;
        };
        builder.add_owned_name_value(name.as_str().to_owned(), normal(request, &name));
    }
    builder.finalize()
}

/// Returns a variant that nothing is stored as.
pub fn no_variance() -> Option<HashBinary> {
    let mut builder = VarianceBuilder::new();
    builder.add_value("\n", "");
    builder.finalize()
}

/// Tells whether the variants of a response can be told apart: not by everything, nor by what the gateway itself says
/// of a request (RFC 9111, 4.1).
pub fn can_vary(response: &HeaderMap) -> bool {
    varied(response).all(|name| {
        let lower = name.to_ascii_lowercase();
        HeaderName::from_bytes(lower.as_bytes()).is_ok() && lower != "*" && !SAID_BY_US.contains(&lower.as_str())
    })
}

/// Tells whether a response differs by a field.
pub fn varies_by(response: &HeaderMap, name: &HeaderName) -> bool {
    varied(response).any(|varied| varied.eq_ignore_ascii_case(name.as_str()))
}

/// Tells whether it can be asked whether a response is still good.
pub fn has_validator(response: &HeaderMap) -> bool {
    response.contains_key(ETAG) || response.contains_key(LAST_MODIFIED)
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

fn varied(response: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = response.get_all(VARY).iter();
    // A line that is no text names nothing that could be told apart.
    lines
        .flat_map(|line| line.to_str().unwrap_or("*").split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// Returns the lines of a field as one list, without what means nothing between its members (RFC 9111, 4.1). What is in
/// quotes is left as it is; languages have no case (RFC 5646, 2.1.1).
fn normal(headers: &HeaderMap, name: &HeaderName) -> Vec<u8> {
    let mut whole = Vec::new();
    add_field(&mut whole, headers, name);
    if whole.contains(&b'"') {
        return whole;
    }
    let members = whole.split(|byte| matches!(byte, b',' | b'\n'));
    let members: Vec<&[u8]> = members.map(<[u8]>::trim_ascii).collect();
    let mut value = members.join(&b","[..]);
    if *name == ACCEPT_LANGUAGE {
        value.make_ascii_lowercase();
    }
    value
}

/// Adds the lines of a field, which differ from no line at all.
fn add_field(out: &mut Vec<u8>, headers: &HeaderMap, name: &HeaderName) {
    let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    match lines.next() {
        None => out.push(ABSENT),
        Some(first) => {
            out.extend_from_slice(first.trim_ascii());
            for line in lines {
                out.push(b'\n');
                out.extend_from_slice(line.trim_ascii());
            }
        }
    }
}

/// What stands for a field that is not there; no value begins with it.
const ABSENT: u8 = 1;

/// What whom an entry belongs to is named in a variant; no field is.
const OWNER: &str = "\0";

/// Room for what is short in most keys.
const ROOM: usize = 64;

/// Fields that the gateway writes anew for each request.
const SAID_BY_US: [&str; 9] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-jwt-assertion",
    "x-real-ip",
    "x-request-id",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn parameters_that_a_backend_may_read_otherwise_stay_in() {
        let only = QueryKey::Only(vec!["page".to_owned()]);
        for (query, kept) in [
            ("page=1&utm=2", "page=1"),
            ("Page=1&x", "Page=1"),
            ("p%61ge=1&x=2", "p%61ge=1"),
            ("x=2;page=1", "x=2;page=1"),
            ("pa.ge=1&page[]=2&y=1", "pa.ge=1&page[]=2"),
            ("x", ""),
        ] {
            assert_eq!(filter(query, &only), kept, "{query}");
        }
        let except = QueryKey::Except(vec!["utm".to_owned()]);
        assert_eq!(filter("a=1&utm=2&%75tm=3&utm;a=4", &except), "a=1&%75tm=3&utm;a=4");
        assert_eq!(target("/a", "b=1&b=1", &QueryKey::All), "/a?b=1&b=1");
        assert_eq!(target("/a", "utm=1", &except), "/a");
    }

    #[test]
    fn variants_differ_by_what_the_response_names() {
        let response = fields(&[("vary", "Accept, x-a"), ("vary", "X-B")]);
        let variance = |request: &[(&'static str, &str)]| variance(&response, &fields(request), None);
        assert_eq!(variance(&[("x-b", "1"), ("x-c", "1")]), variance(&[("x-b", " 1")]));
        assert_ne!(variance(&[("x-b", "1")]), variance(&[("x-b", "2")]));
        assert_ne!(variance(&[("x-b", "")]), variance(&[]));
        assert_ne!(variance(&[("x-a", "1")]), variance(&[("x-b", "1")]));
        assert!(variance(&[]).is_some() && super::variance(&fields(&[]), &fields(&[]), None).is_none());
    }

    #[test]
    fn what_means_nothing_tells_nothing_apart() {
        let response = fields(&[("vary", "x-a, accept-language")]);
        let variance = |request: &[(&'static str, &str)]| variance(&response, &fields(request), None);
        assert_eq!(variance(&[("x-a", "1"), ("x-a", "2")]), variance(&[("x-a", "1 ,  2")]));
        assert_eq!(
            variance(&[("accept-language", "EN, de")]),
            variance(&[("accept-language", "en,de")])
        );
        assert_ne!(
            variance(&[("accept-language", "de,en")]),
            variance(&[("accept-language", "en,de")])
        );
        assert_ne!(variance(&[("x-a", "\"1, 2\"")]), variance(&[("x-a", "\"1,2\"")]));
        assert_ne!(variance(&[("x-a", "A")]), variance(&[("x-a", "a")]));
    }

    #[test]
    fn variants_differ_by_whom_they_belong_to() {
        let of = |owner| variance(&fields(&[]), &fields(&[]), owner);
        assert_ne!(of(Some("a")), of(Some("b")));
        assert_ne!(of(Some("a")), of(None));
        assert_ne!(of(Some("")), no_variance());
    }

    #[test]
    fn what_cannot_be_told_apart_cannot_vary() {
        for bad in ["*", "accept, *", "X-Forwarded-For", "a b", "Forwarded, Accept"] {
            assert!(!can_vary(&fields(&[("vary", bad)])), "{bad}");
        }
        assert!(can_vary(&fields(&[("vary", "Accept, Cookie,, Origin")])));
        assert!(can_vary(&fields(&[])));
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

        #[test]
        fn no_vary_breaks_the_reader(vary in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(vary) = HeaderValue::from_bytes(&vary) {
                let mut response = HeaderMap::new();
                response.insert(VARY, vary);
                let _ = (can_vary(&response), variance(&response, &HeaderMap::new(), Some("a")));
            }
        }
    }
}
