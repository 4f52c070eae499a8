//! What makes stated endpoints a Backend: one for production, perhaps one for the sandbox.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Uri};

use super::endpoint;
use super::page::{Spot, named, unrepeated};
use super::pem::{Beside, Pem};
use crate::model::backend::{Backend, Balance, HashOn, Health, Probe, Timeouts, TlsProfile};
use crate::model::document::{BalanceName, EndpointTls, Endpoints, HealthChecks, Several};
use crate::model::name::HostName;
use crate::model::source::References;
use crate::model::template::{Segment, Template};
use crate::model::unit::Period;
use crate::model::violation::Violation;

/// The production backend and the sandbox backend; one of them is there.
pub(super) type Backends = (Option<Arc<Backend>>, Option<Arc<Backend>>);

/// Believes the endpoints of a version.
pub(super) fn believe(
    spot: &Spot<'_>,
    stated: &Endpoints,
    references: &dyn References,
    found: &mut Vec<Violation>,
) -> Option<Backends> {
    let production = urls(spot, "production", &stated.production, found);
    let sandbox = urls(spot, "sandbox", &stated.sandbox, found);
    check_presence(spot, stated, found);
    let balance = balance(spot, stated, found);
    let timeouts = timeouts(spot, stated, found);
    let tls = tls(spot, stated, references, found);
    let health = health(&spot.key("health"), &stated.health, found);
    let (host, protocol) = (stated.host, stated.protocol);
    let alike = Backend {
        endpoints: Vec::new(),
        balance: balance?,
        host,
        protocol,
        timeouts,
        tls,
        health,
    };
    let backend = |endpoints: Vec<Uri>| {
        (!endpoints.is_empty()).then(|| {
            Arc::new(Backend {
                endpoints,
                ..alike.clone()
            })
        })
    };
    let backends = (backend(production), backend(sandbox));
    (backends.0.is_some() || backends.1.is_some()).then_some(backends)
}

/// Blames endpoints that lead nowhere; those of one environment are enough.
fn check_presence(spot: &Spot<'_>, stated: &Endpoints, found: &mut Vec<Violation>) {
    let lists = [("production", &stated.production), ("sandbox", &stated.sandbox)];
    if lists.iter().any(|(key, _)| spot.lost(key)) {
        return;
    }
    if lists.iter().all(|(_, list)| list.texts.is_empty()) {
        let violation = spot.blame("there is no endpoint");
        found.push(violation.fix("write `production = [\"http://host:port\"]`"));
    }
    for (key, _) in lists
        .iter()
        .filter(|(key, list)| spot.states(key) && list.texts.is_empty())
    {
        let violation = spot.key(key).blame(format!("`{key}` is empty"));
        found.push(violation.fix(format!("name an endpoint, or remove `{key}`")));
    }
}

fn urls(spot: &Spot<'_>, key: &'static str, stated: &Several, found: &mut Vec<Violation>) -> Vec<Uri> {
    let list = spot.key(key);
    unrepeated(&list, &stated.texts, found);
    let mut urls = Vec::with_capacity(stated.texts.len());
    for (index, text) in stated.texts.iter().enumerate() {
        match endpoint::parse(text) {
            Ok(url) => urls.push(url),
            Err(error) => {
                let element = list.element(index);
                let at = if stated.is_list { &element } else { &list };
                found.push(at.blame(error.to_string()).fix(error.fix()));
            }
        }
    }
    urls
}

fn balance(spot: &Spot<'_>, stated: &Endpoints, found: &mut Vec<Violation>) -> Option<Balance> {
    let at = spot.key("hash_on");
    let hash_on = match &stated.hash_on {
        None => HashOn::ClientIp,
        Some(text) => match hash_on(text) {
            Some(hash_on) => hash_on,
            None => {
                let violation = at.blame(format!("`hash_on` cannot be `{text}`"));
                found.push(violation.fix("write `client_ip`, or `header:` and the name of a header field"));
                return None;
            }
        },
    };
    if stated.hash_on.is_some() && stated.balance != BalanceName::ConsistentHash && !spot.lost("balance") {
        let violation = at.blame("`hash_on` does nothing without `balance = \"consistent_hash\"`");
        found.push(violation.fix("write `balance = \"consistent_hash\"`, or remove `hash_on`"));
    }
    Some(match stated.balance {
        BalanceName::ConsistentHash => Balance::ConsistentHash(hash_on),
        BalanceName::LeastConnections => Balance::LeastConnections,
        BalanceName::RoundRobin => Balance::RoundRobin,
    })
}

fn hash_on(text: &str) -> Option<HashOn> {
    match text.strip_prefix("header:") {
        None => (text == "client_ip").then_some(HashOn::ClientIp),
        Some(name) => HeaderName::from_bytes(name.as_bytes()).ok().map(HashOn::Header),
    }
}

fn timeouts(spot: &Spot<'_>, stated: &Endpoints, found: &mut Vec<Violation>) -> Timeouts {
    let total = period(spot, "timeout", stated.timeout, TOTAL, found);
    let read = period(spot, "read_timeout", stated.read_timeout, READ, found);
    // A short `timeout` shortens the default of `connect_timeout`; only a stated one can contradict it.
    let connect = period(
        spot,
        "connect_timeout",
        stated.connect_timeout,
        CONNECT.min(total),
        found,
    );
    if connect > total {
        let (connect, total) = (Period(connect), Period(total));
        let message = format!("`connect_timeout` is {connect}, longer than the whole call may take ({total})");
        found.push(
            spot.key("connect_timeout")
                .blame(message)
                .fix("shorten it, or lengthen `timeout`"),
        );
    }
    Timeouts { connect, read, total }
}

/// Returns a stated period or its default, and blames one of no length.
fn period(
    spot: &Spot<'_>,
    key: &'static str,
    stated: Option<Period>,
    default: Duration,
    found: &mut Vec<Violation>,
) -> Duration {
    let Some(Period(period)) = stated else { return default };
    if period.is_zero() {
        found.push(spot.key(key).blame(format!("`{key}` must be more than zero")));
        return default;
    }
    period
}

fn tls(spot: &Spot<'_>, stated: &Endpoints, references: &dyn References, found: &mut Vec<Violation>) -> TlsProfile {
    let Some(tls) = &stated.tls else {
        return TlsProfile::default();
    };
    let at = spot.key("tls");
    let mut urls = stated.production.texts.iter().chain(&stated.sandbox.texts);
    let is_https = |url: &String| url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
    if !urls.any(is_https) && !spot.lost("production") && !spot.lost("sandbox") {
        let violation = at.blame("`tls` does nothing without an `https` endpoint");
        found.push(violation.fix("write `https://` endpoints, or remove `tls`"));
    }
    profile(
        &at,
        tls,
        &Pem(Beside {
            source: at.file(),
            references,
        }),
        found,
    )
}

fn profile(at: &Spot<'_>, stated: &EndpointTls, pem: &Pem<'_>, found: &mut Vec<Violation>) -> TlsProfile {
    let server_name = stated.server_name.as_deref();
    let server_name = server_name.and_then(|name| named(&at.key("server_name"), name, HostName::parse, found));
    TlsProfile {
        ca: pem.certificates(at, "ca", stated.ca.as_deref(), found),
        identity: pem.identity(at, stated, found),
        server_name: server_name.map(|name| name.to_string()),
    }
}

fn health(at: &Spot<'_>, stated: &HealthChecks, found: &mut Vec<Violation>) -> Health {
    Health {
        max_failures: stated.max_failures.unwrap_or(MAX_FAILURES),
        suspend: period(at, "suspend", stated.suspend, SUSPEND, found),
        probe: probe(at, stated, found),
    }
}

fn probe(at: &Spot<'_>, stated: &HealthChecks, found: &mut Vec<Violation>) -> Option<Probe> {
    let Some(path) = &stated.path else {
        let idle = ["interval", "timeout", "healthy_after", "unhealthy_after"]
            .into_iter()
            .filter(|key| at.states(key));
        for key in idle.filter(|_| !at.lost("path")) {
            let violation = at.key(key).blame(format!("`{key}` does nothing without `path`"));
            found.push(violation.fix(format!("add the `path` to ask for, or remove `{key}`")));
        }
        return None;
    };
    if !is_probe_path(path) {
        let violation = at.key("path").blame(format!("`{path}` is not a path to ask for"));
        found.push(violation.fix("write a path such as `/health`, perhaps with a query"));
    }
    Some(Probe {
        path: path.clone(),
        interval: period(at, "interval", stated.interval, INTERVAL, found),
        timeout: period(at, "timeout", stated.timeout, PROBE_TIMEOUT, found),
        healthy_after: count(at, "healthy_after", stated.healthy_after, HEALTHY_AFTER, found),
        unhealthy_after: count(at, "unhealthy_after", stated.unhealthy_after, UNHEALTHY_AFTER, found),
    })
}

/// A probe's path goes out as it is written, so it must be one, in ASCII.
fn is_probe_path(text: &str) -> bool {
    let path = text.split('?').next().unwrap_or_default();
    let is_literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
    text.is_ascii()
        && text
            .parse::<http::uri::PathAndQuery>()
            .is_ok_and(|parsed| parsed.as_str() == text)
        && Template::parse(path).is_ok_and(|template| template.segments().iter().all(is_literal))
}

fn count(at: &Spot<'_>, key: &'static str, stated: Option<u32>, default: u32, found: &mut Vec<Violation>) -> u32 {
    if stated == Some(0) {
        found.push(at.key(key).blame(format!("`{key}` must be more than zero")));
    }
    stated.unwrap_or(default)
}

const TOTAL: Duration = Duration::from_secs(60);
const READ: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(3);
const SUSPEND: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_secs(10);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_FAILURES: u32 = 5;
const HEALTHY_AFTER: u32 = 1;
const UNHEALTHY_AFTER: u32 = 3;
