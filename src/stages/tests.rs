//! The whole journey of requests that need no credential, over small snapshots.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::{HeaderMap, Method};

use super::*;
use crate::head::Scheme;
use crate::model::catalog::Catalog;
use crate::model::source::{NoReferences, Source};
use crate::snapshot::compile;
use crate::target::BadTarget;

pub(super) const LIMITS: Limits = Limits {
    connections: 1,
    header_count: 4,
    header_bytes: 64,
    uri_bytes: 64,
    request_body: 10,
    requests_per_connection: 1,
    http2_streams: 1,
};

/// Compiles an API `/pets` with these versions, by label, state and whatever else they state.
fn snapshot(default: &str, versions: &[(&str, &str, &str)]) -> Snapshot {
    let mut text = format!("name = \"Pets\"\ncontext = \"/pets\"\ndefault_version = {default}\n");
    for (label, state, more) in versions {
        text.push_str(&format!(
            "[[versions]]\nversion = \"{label}\"\nstate = \"{state}\"\n{more}\n\
             [versions.endpoints]\nproduction = [\"http://127.0.0.1:9001\"]\n\
             [[versions.resources]]\npath = \"/cats/{{id}}\"\nmethods = [\"GET\", \"POST\"]\nauth = \"none\"\n"
        ));
    }
    let source = Source {
        name: "pets.toml".into(),
        text: text.into(),
    };
    compile(1, &Catalog::believe(&[source], &NoReferences).unwrap()).unwrap()
}

fn decide<'s>(head: &Head<'_>, snapshot: &'s Snapshot) -> Result<Admission<'s, 's>, Refusal> {
    let demands = Box::leak(Box::default());
    let credentials = Credentials::new(Arc::default());
    admit(head, snapshot, &LIMITS, (&credentials, UnixTime(0)), demands).map_err(|halt| match halt {
        Halt::Refused(refusal) => refusal,
        Halt::Fetch(fetch) => panic!("{fetch:?}"),
    })
}

fn served() -> Snapshot {
    snapshot("[\"1.0\"]", &[("1.0", "published", "")])
}

fn ask<'a>(method: &'a Method, path: &'a str, headers: &'a HeaderMap) -> Head<'a> {
    Head {
        method,
        path: path.as_bytes(),
        target_bytes: path.len(),
        query: "",
        certificate: None,
        host: Some("Any.Test"),
        headers,
        raw: b"",
        scheme: Scheme::Http,
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

fn answer<'s>(snapshot: &'s Snapshot, method: &Method, path: &str) -> Result<Admission<'s, 's>, Denial> {
    decide(&ask(method, path, &HeaderMap::new()), snapshot).map_err(|refusal| refusal.denial)
}

fn denied(snapshot: &Snapshot, path: &str) -> Option<Denial> {
    answer(snapshot, &Method::GET, path).err()
}

fn permit(snapshot: &Snapshot, path: &str) -> Permit {
    match answer(snapshot, &Method::GET, path) {
        Ok(Admission::Plea(plea)) => plea.waived(),
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn a_permit_names_the_version_the_resource_and_the_path_below() {
    let snapshot = served();
    for (path, by_default) in [("/pets/1.0/cats/%37", false), ("/pets/cats/7", true)] {
        let permit = permit(&snapshot, path);
        assert_eq!((permit.path(), permit.by_default()), ("/cats/7", by_default));
        assert_eq!(&*snapshot.route(permit.route()).template, "/cats/{id}");
    }
}

#[test]
fn the_first_published_favourite_answers() {
    let version = |default: &str, versions: &[(&str, &str, &str)]| {
        let snapshot = snapshot(default, versions);
        answer(&snapshot, &Method::GET, "/pets/cats/7").map(|_| {
            snapshot
                .version(permit(&snapshot, "/pets/cats/7").version())
                .version
                .to_string()
        })
    };
    let two = "[\"2.0\", \"1.0\"]";
    let with = |state| [("1.0", "published", ""), ("2.0", state, "")];
    assert_eq!(version(two, &with("published")).as_deref(), Ok("2.0"));
    for state in ["created", "prototyped", "blocked", "deprecated", "retired"] {
        assert_eq!(version(two, &with(state)).as_deref(), Ok("1.0"), "{state}");
    }
    assert_eq!(version("[\"1.0\"]", &[("1.0", "deprecated", "")]).as_deref(), Ok("1.0"));
    assert_eq!(version("[\"1.0\"]", &[("1.0", "blocked", "")]), Err(Denial::Blocked));
    assert_eq!(
        version("[\"1.0\"]", &[("1.0", "created", "")]),
        Err(Denial::NoDefaultVersion)
    );
    assert_eq!(version("[]", &with("published")), Err(Denial::UnknownApi));
}

#[test]
fn a_version_that_is_not_served_does_not_exist_and_a_blocked_one_says_so() {
    for (state, expected) in [
        ("created", Denial::UnknownVersion),
        ("retired", Denial::UnknownVersion),
        ("blocked", Denial::Blocked),
    ] {
        let snapshot = snapshot("[]", &[("1.0", state, "")]);
        assert_eq!(denied(&snapshot, "/pets/1.0/cats/7"), Some(expected));
    }
    let secure = snapshot("[]", &[("1.0", "published", "transports = [\"https\"]")]);
    let refused = Some(Denial::TransportNotAllowed(Scheme::Http));
    assert_eq!(denied(&secure, "/pets/1.0/cats/7"), refused);
}

#[test]
fn a_resource_answers_for_its_path_and_its_methods() {
    let snapshot = served();
    assert_eq!(denied(&snapshot, "/pets/1.0/dogs"), Some(Denial::UnknownResource));
    let Err(Denial::MethodNotAllowed(allowed)) = answer(&snapshot, &Method::DELETE, "/pets/1.0/cats/7") else {
        panic!("DELETE is not declared");
    };
    assert_eq!(allowed.to_string(), "GET, HEAD, OPTIONS, POST");
    let options = answer(&snapshot, &Method::OPTIONS, "/pets/1.0/cats/7");
    assert!(matches!(options, Ok(Admission::Options(_, methods)) if methods == allowed));
    assert!(answer(&snapshot, &Method::from_bytes(b"PURGE").unwrap(), "/pets/1.0/cats/7").is_err());
}

#[test]
fn a_refusal_names_the_version_that_was_called() {
    let snapshot = served();
    let refusal = |path| decide(&ask(&Method::GET, path, &HeaderMap::new()), &snapshot).unwrap_err();
    assert!(refusal("/pets/1.0/dogs").version.is_some());
    assert!(
        refusal("/pets/9.0").version.is_some(),
        "the default version is asked for `/9.0`"
    );
    assert!(refusal("/dogs").version.is_none());
}

#[test]
fn what_is_too_large_or_malformed_is_refused_first() {
    let snapshot = served();
    let path = "/pets/1.0/cats/7";
    let refused = |head: Head<'_>| decide(&head, &snapshot).unwrap_err().denial;
    let mut headers = HeaderMap::new();
    headers.insert("content-length", "11".parse().unwrap());
    assert_eq!(refused(ask(&Method::POST, path, &headers)), Denial::BodyTooLarge);
    headers.insert("x-large", "x".repeat(64).parse().unwrap());
    assert_eq!(refused(ask(&Method::GET, path, &headers)), Denial::HeadTooLarge);
    let none = HeaderMap::new();
    let long = format!("/{}", "x".repeat(64));
    assert_eq!(refused(ask(&Method::GET, &long, &none)), Denial::UriTooLong);
    assert_eq!(
        refused(Head {
            host: None,
            ..ask(&Method::GET, path, &none)
        }),
        Denial::InvalidHost
    );
    let raw = b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n";
    assert_eq!(
        refused(Head {
            raw,
            ..ask(&Method::GET, path, &none)
        }),
        Denial::BareLineFeed
    );
    for path in ["/pets/../pets/1.0/cats/7", "/pets/1.0/%2e%2e/cats/7"] {
        assert_eq!(
            refused(ask(&Method::GET, path, &none)),
            Denial::BadTarget(BadTarget::DotSegment)
        );
    }
    assert_eq!(
        refused(ask(&Method::GET, "/no//api", &none)),
        Denial::BadTarget(BadTarget::NotAllowed)
    );
}
