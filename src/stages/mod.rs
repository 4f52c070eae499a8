//! The journey of a request: plain values in, plain values out, one verb a file.
//!
//! [`admit`] is the whole policy of the gateway. Each call needs what the one before it returned, so that the order
//! cannot change by accident; nothing goes round it, upgrades and HTTP/2 included.

mod authenticate;
mod authorize;
mod bound;
mod direct;
mod entitle;
mod locate;
mod match_resource;
mod own;
mod permit;
mod pin_version;
pub mod recorder;
mod shown;

use std::sync::Arc;

use self::match_resource::Matched;
use self::permit::Granted;
use self::recorder::{Fact, Recorder, Silent, Stage};
use crate::credential::caller::Caller;
use crate::credential::{Credentials, Fetch, Flaw};
use crate::denial::Denial;
use crate::head::Head;
use crate::model::instant::UnixTime;
use crate::model::method::MethodSet;
use crate::settings::Limits;
use crate::snapshot::{RouteId, Snapshot, VersionId};

pub use own::own;
pub use permit::Permit;

/// What an exchange may do.
#[derive(Clone, Debug)]
pub enum Admission {
    /// Go on to a backend.
    Permit(Permit),
    /// Take the gateway's own answer to `OPTIONS`: what the resource of this version allows.
    Options(VersionId, MethodSet),
}

/// What keeps an exchange from going on.
#[derive(Clone, Debug)]
pub enum Halt {
    /// This must be fetched, and admission asked for again.
    Fetch(Fetch),
    /// It is refused.
    Refused(Refusal),
}

impl Halt {
    fn at(self, route: RouteId) -> Self {
        match self {
            Self::Fetch(fetch) => Self::Fetch(fetch),
            Self::Refused(refusal) => Self::Refused(refusal.at(route)),
        }
    }
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A denial, and the version that it is to be counted for where the request got so far.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Why.
    pub denial: Denial,
    /// Whose caller was refused.
    pub version: Option<VersionId>,
    /// Which resource was asked for, where it got so far.
    pub route: Option<RouteId>,
    /// What was wrong with the credential, for logs.
    pub flaw: Option<Flaw>,
    /// Who was refused, where that is known.
    pub caller: Option<Arc<Caller>>,
}

impl From<Denial> for Halt {
    fn from(denial: Denial) -> Self {
        Self::Refused(denial.into())
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self {
            denial,
            version: None,
            route: None,
            flaw: None,
            caller: None,
        }
    }
}

impl Denial {
    fn of(self, version: VersionId) -> Refusal {
        Refusal {
            denial: self,
            version: Some(version),
            route: None,
            flaw: None,
            caller: None,
        }
    }
}

impl Refusal {
    fn by(self, flaw: Flaw) -> Self {
        Self {
            flaw: Some(flaw),
            ..self
        }
    }

    fn at(self, route: RouteId) -> Self {
        Self {
            route: Some(route),
            ..self
        }
    }

    fn whose(self, caller: Option<&Arc<Caller>>) -> Self {
        Self {
            caller: caller.map(Arc::clone),
            ..self
        }
    }
}

/// Decides whether an exchange may go on. The order is a security property (DESIGN, 3).
///
/// Deny rules and tiers belong around the credentials; nothing is spent before everything else agrees.
///
/// # Errors
///
/// Returns the refusal, or what must be known first.
pub fn admit(
    head: &Head<'_>,
    snapshot: &Snapshot,
    limits: &Limits,
    means: (&Credentials, UnixTime),
) -> Result<Admission, Halt> {
    admit_told(head, snapshot, limits, means, &mut Silent)
}

/// Decides as [`admit`] does, and says on the way what it finds.
///
/// # Errors
///
/// Returns the refusal, or what must be known first.
pub fn admit_told(
    head: &Head<'_>,
    snapshot: &Snapshot,
    limits: &Limits,
    (credentials, now): (&Credentials, UnixTime),
    told: &mut impl Recorder,
) -> Result<Admission, Halt> {
    told.enter(Stage::Bound);
    let target = bound::bound(head, limits)?;
    told.enter(Stage::Locate);
    let located = locate::locate(head, target, snapshot)?;
    told.learn(|| Fact::Located(located.mount, located.context().to_owned()));
    told.enter(Stage::PinVersion);
    let pinned = pin_version::pin_version(head, located, snapshot, told)?;
    told.enter(Stage::MatchResource);
    let route = match match_resource::match_resource(head.method, &pinned, snapshot)? {
        Matched::Options(methods) => {
            told.learn(|| Fact::Options(methods));
            return Ok(Admission::Options(pinned.version, methods));
        }
        Matched::Route(route) => route,
    };
    told.learn(|| Fact::Matched(route));
    told.enter(Stage::Authenticate);
    let caller = authenticate::authenticate(head, &pinned, route, snapshot, (credentials, now), told)
        .map_err(|halt| halt.at(route))?;
    let named = |refusal: Refusal| refusal.at(route).whose(caller.as_ref());
    let mut subscription = None;
    if let Some(caller) = &caller {
        told.enter(Stage::Entitle);
        subscription = entitle::entitle(caller, &pinned, snapshot, credentials.view(), told).map_err(named)?;
        told.enter(Stage::Authorize);
        authorize::authorize(caller, &pinned, route, snapshot, credentials.view(), told).map_err(named)?;
    }
    told.enter(Stage::Direct);
    let environment = direct::direct(caller.as_deref(), &pinned, snapshot).map_err(named)?;
    told.learn(|| Fact::Directed(environment));
    told.enter(Stage::Permit);
    let body = permit::bounded_body(head, &pinned, snapshot, limits, told).map_err(named)?;
    let granted = Granted {
        route,
        caller,
        subscription,
        environment,
    };
    Ok(Admission::Permit(permit::permit(&pinned, granted, body)))
}

#[cfg(test)]
mod tests {
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
            name: "pets.toml".to_owned(),
            text,
        };
        compile(1, &Catalog::believe(&[source], &NoReferences).unwrap()).unwrap()
    }

    fn decide(head: &Head<'_>, snapshot: &Snapshot) -> Result<Admission, Refusal> {
        let credentials = Credentials::new(Arc::default());
        admit(head, snapshot, &LIMITS, (&credentials, UnixTime(0))).map_err(|halt| match halt {
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

    fn answer(snapshot: &Snapshot, method: &Method, path: &str) -> Result<Admission, Denial> {
        decide(&ask(method, path, &HeaderMap::new()), snapshot).map_err(|refusal| refusal.denial)
    }

    fn denied(snapshot: &Snapshot, path: &str) -> Option<Denial> {
        answer(snapshot, &Method::GET, path).err()
    }

    fn permit(snapshot: &Snapshot, path: &str) -> Permit {
        match answer(snapshot, &Method::GET, path) {
            Ok(Admission::Permit(permit)) => permit,
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
}
