//! Where one version's calls go: its endpoints, and how one of them is chosen.
//!
//! It holds no health of its own; that belongs to the targets, which other versions may share.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use http::{HeaderMap, HeaderValue, header};

use crate::model::backend::{self as model, Balance, HashOn, Timeouts};
use crate::model::name::{ApiName, TenantName, VersionName};
use crate::registry::key_pair::KeyType;

use super::balance;
use super::failure::NoEndpoint;
use super::health::Standing;
use super::target::Target;

/// What a backend is known by.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct BackendName {
    pub(super) tenant: TenantName,
    pub(super) api: ApiName,
    pub(super) version: VersionName,
    pub(super) key_type: KeyType,
}

/// Where one version's calls go.
#[derive(Debug)]
pub struct Backend {
    pub(super) name: BackendName,
    /// Whether calls reach it at all; probes are for those that do.
    pub(super) active: bool,
    pub(super) spec: Arc<model::Backend>,
    pub(super) slots: Vec<Slot>,
    /// Whether each of its endpoints is spoken to in HTTP/1 alone.
    is_http1: bool,
    turn: AtomicUsize,
}

/// Where one version's calls go, by the type of the caller's key.
#[derive(Clone, Debug, Default)]
pub struct Backends {
    /// Where those with production keys go, if anywhere.
    pub production: Option<Arc<Backend>>,
    /// Where those with sandbox keys go, if anywhere.
    pub sandbox: Option<Arc<Backend>>,
}

impl Backends {
    /// Returns where calls with a key of this type go.
    pub fn of(&self, key_type: KeyType) -> Option<&Arc<Backend>> {
        match key_type {
            KeyType::Production => self.production.as_ref(),
            KeyType::Sandbox => self.sandbox.as_ref(),
        }
    }

    /// Returns both, as far as there are two.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Backend>> {
        [&self.production, &self.sandbox].into_iter().flatten()
    }
}

/// One endpoint of a backend.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) endpoint: Endpoint,
    pub(super) target: Arc<Target>,
    seed: u64,
}

/// An endpoint as the request must name it.
#[derive(Debug)]
pub struct Endpoint {
    /// Its address as it was configured, for people.
    pub name: Box<str>,
    /// The path that comes before the resource's own: empty, or absolute without a trailing slash.
    pub base: Box<str>,
    /// Its own `Host`.
    pub host: HeaderValue,
}

/// What choosing an endpoint may look at.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The caller's address, after the trust list.
    pub client: IpAddr,
    /// The head of the request as it came.
    pub headers: &'a HeaderMap,
}

impl Call<'_> {
    /// Tells whether the caller asks for something that is not bounded in time as a whole; that what it sends is not
    /// is another question.
    pub(super) fn asks_for_stream(&self) -> bool {
        let accepts = self.headers.get_all(header::ACCEPT).iter();
        accepts
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.contains(EVENT_STREAM))
            || self.asks_for_websocket()
    }

    fn asks_for_websocket(&self) -> bool {
        let upgrades = self.headers.get_all(header::UPGRADE).iter();
        upgrades
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.to_ascii_lowercase().contains("websocket"))
    }
}

/// Tells whether a head declares a body that goes on for as long as it likes: an event stream, or gRPC.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| {
        let kind = kind.trim_start();
        [EVENT_STREAM, GRPC].iter().any(|&stream| {
            kind.get(..stream.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(stream))
        })
    })
}

const EVENT_STREAM: &str = "text/event-stream";
const GRPC: &str = "application/grpc";

impl Slot {
    /// Joins an endpoint with the target that it stands for.
    pub(super) fn new(endpoint: Endpoint, target: Arc<Target>) -> Self {
        let mut hasher = DefaultHasher::new();
        endpoint.name.hash(&mut hasher);
        Self {
            endpoint,
            target,
            seed: hasher.finish(),
        }
    }
}

impl Backend {
    /// Joins a backend's parts.
    pub(super) fn new(name: BackendName, active: bool, spec: Arc<model::Backend>, slots: Vec<Slot>) -> Self {
        Self {
            name,
            active,
            spec,
            is_http1: slots.iter().all(|slot| slot.target.is_http1()),
            slots,
            turn: AtomicUsize::new(0),
        }
    }

    /// Returns how long each part of a call may take.
    pub fn timeouts(&self) -> &Timeouts {
        &self.spec.timeouts
    }

    /// Tells whether each of its endpoints is spoken to in HTTP/1 alone.
    pub fn is_http1(&self) -> bool {
        self.is_http1
    }

    /// Returns its endpoints in the order they were written.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.slots.iter().map(|slot| &slot.endpoint)
    }

    /// Returns how many of its endpoints may be tried now, for those who report on it.
    pub fn fit(&self) -> usize {
        let now = super::clock::now();
        self.slots
            .iter()
            .filter(|slot| slot.target.standing(now) != Standing::Shut)
            .count()
    }

    /// Says why no endpoint is fit to be tried.
    pub(super) fn unfit(&self) -> NoEndpoint {
        if self.slots.iter().any(|slot| slot.target.is_resolved()) {
            NoEndpoint::SetAside
        } else {
            NoEndpoint::Unresolved
        }
    }

    /// Chooses an endpoint; says whether its call is the one that is let through after a suspension.
    pub(super) fn choose(&self, now: u64, call: &Call<'_>, without: Option<usize>) -> Option<(usize, bool)> {
        let turn = self.turn.fetch_add(1, Relaxed);
        // A trial that someone else claims first closes its endpoint, so each round has one less to choose from.
        (0..=self.slots.len()).find_map(|_| {
            let Some(chosen) = self.pick(turn, now, call, without) else {
                return Some(None);
            };
            let target = &self.slots.get(chosen)?.target;
            match target.standing(now) {
                Standing::Open => Some(Some((chosen, false))),
                Standing::OnTrial => target
                    .condition
                    .claim(now, &target.name.health)
                    .then_some(Some((chosen, true))),
                Standing::Shut => None,
            }
        })?
    }

    fn pick(&self, turn: usize, now: u64, call: &Call<'_>, without: Option<usize>) -> Option<usize> {
        let count = self.slots.len();
        let open = |index: usize| {
            let slot = self.slots.get(index).filter(|_| without != Some(index))?;
            (slot.target.standing(now) != Standing::Shut).then_some(slot)
        };
        match &self.spec.balance {
            Balance::RoundRobin => balance::in_turn(turn, count, |index| open(index).is_some()),
            Balance::LeastConnections => balance::least_loaded(turn, count, |index| Some(open(index)?.target.load())),
            Balance::ConsistentHash(on) => balance::rendezvous(key(on, call), count, |index| Some(open(index)?.seed)),
        }
    }

    /// Tells whether an endpoint other than this one may be tried now.
    pub(super) fn has_other(&self, now: u64, than: usize) -> bool {
        let others = self.slots.iter().enumerate().filter(|&(index, _)| index != than);
        others
            .into_iter()
            .any(|(_, slot)| slot.target.standing(now) != Standing::Shut)
    }
}

fn key(on: &HashOn, call: &Call<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match on {
        HashOn::ClientIp => call.client.hash(&mut hasher),
        HashOn::Header(name) => call
            .headers
            .get(name)
            .map(HeaderValue::as_bytes)
            .unwrap_or_default()
            .hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn streams_are_known_by_their_type() {
        for kind in [
            "text/event-stream",
            "Text/Event-Stream; charset=utf-8",
            "application/grpc",
            "application/grpc+proto",
        ] {
            assert!(is_stream(&headers(&[("content-type", kind)])), "{kind}");
        }
        for kind in ["application/json", "text/event", "é"] {
            let value = HeaderValue::from_bytes(kind.as_bytes()).unwrap();
            assert!(
                !is_stream(&HeaderMap::from_iter([(header::CONTENT_TYPE, value)])),
                "{kind}"
            );
        }
    }

    #[test]
    fn asking_for_events_is_asking_for_a_stream() {
        let client = IpAddr::from([127, 0, 0, 1]);
        let asks = |pairs| {
            Call {
                client,
                headers: &headers(pairs),
            }
            .asks_for_stream()
        };
        assert!(asks(&[("accept", "text/event-stream")]));
        assert!(asks(&[("upgrade", "h2c, WebSocket")]));
        assert!(!asks(&[("accept", "*/*"), ("upgrade", "h2c")]));
    }
}
