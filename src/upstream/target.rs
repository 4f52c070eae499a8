//! One endpoint of a tenant, reached in one way: its addresses, its health, its load.
//!
//! Targets outlive catalogs. A peer is made once for each address and copied for whoever connects; names are resolved in
//! the background, never while a request waits.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::Error;
use tracing::{info, warn};

use crate::model::backend::Health;

use super::balance::in_turn;
use super::clock;
use super::health::{Condition, Standing};
use super::idle::Idle;
use super::profile::Profile;

/// What a target is known by: whoever agrees in all of it shares its health and its connections.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct TargetName {
    pub(super) group: u64,
    pub(super) secure: bool,
    pub(super) host: Box<str>,
    pub(super) port: u16,
    pub(super) health: Health,
}

impl Hash for TargetName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.group, self.secure, &self.host, self.port).hash(state);
    }
}

/// One endpoint, reached in one way.
pub(super) struct Target {
    /// Tells it apart from every other one that ever was.
    pub(super) id: u64,
    pub(super) name: TargetName,
    pub(super) profile: Arc<Profile>,
    pub(super) condition: Condition,
    under_way: AtomicUsize,
    addresses: ArcSwap<Vec<Arc<Address>>>,
    /// Whether there are any; asked by every request, for every endpoint.
    resolved: AtomicBool,
    turn: AtomicUsize,
    /// Whether its name could not be looked up the last time.
    lost: AtomicBool,
    /// Until when no further cause of a failure is said.
    silent_until: AtomicU64,
}

/// One address of a target, with the peer that is copied for those who connect.
pub(super) struct Address {
    pub(super) socket: SocketAddr,
    peer: HttpPeer,
    pub(super) idle: Arc<Idle>,
    /// Until when it is passed over, where there are others, because it could not be connected to.
    shunned_until: AtomicU64,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("name", &self.name)
            .field("condition", &self.condition)
            .finish_non_exhaustive()
    }
}

impl Target {
    /// Makes a target; one that is named by an IP address is ready at once.
    pub(super) fn new(name: TargetName, profile: Arc<Profile>) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let target = Self {
            id: MADE.fetch_add(1, Relaxed),
            name,
            profile,
            condition: Condition::default(),
            under_way: AtomicUsize::new(0),
            addresses: ArcSwap::default(),
            resolved: AtomicBool::new(false),
            turn: AtomicUsize::new(0),
            lost: AtomicBool::new(false),
            silent_until: AtomicU64::new(0),
        };
        if let Some(ip) = target.ip() {
            target.learn(&[SocketAddr::new(ip, target.name.port)]);
        }
        target
    }

    /// Returns the host and port to look up, where the host is a name.
    pub(super) fn lookup(&self) -> Option<(&str, u16)> {
        self.ip().is_none().then_some((&*self.name.host, self.name.port))
    }

    /// Returns its host and port as a request names them.
    pub(super) fn authority(&self) -> String {
        match self.ip() {
            Some(ip) => SocketAddr::new(ip, self.name.port).to_string(),
            None => format!("{}:{}", self.name.host, self.name.port),
        }
    }

    fn ip(&self) -> Option<IpAddr> {
        self.name.host.parse().ok()
    }

    /// Tells whether it has an address.
    pub(super) fn is_resolved(&self) -> bool {
        self.resolved.load(Relaxed)
    }

    /// Notes whether its name could be looked up; tells whether that is news.
    pub(super) fn looked_up(&self, found: bool) -> bool {
        self.lost.swap(!found, Relaxed) == found
    }

    /// Takes over what its name resolves to; nothing found leaves it as it is.
    pub(super) fn learn(&self, found: &[SocketAddr]) {
        let known = self.addresses.load();
        let same = known.len() == found.len() && known.iter().all(|address| found.contains(&address.socket));
        if found.is_empty() || same {
            return;
        }
        let addresses = found.iter().map(|&socket| {
            let kept = known.iter().find(|address| address.socket == socket).map(Arc::clone);
            kept.unwrap_or_else(|| Arc::new(self.address(socket)))
        });
        self.addresses.store(Arc::new(addresses.collect()));
        self.resolved.store(true, Relaxed);
    }

    fn address(&self, socket: SocketAddr) -> Address {
        let peer = self.profile.peer(socket, self.name.secure, &self.name.host);
        Address {
            socket,
            peer,
            idle: Idle::new(self.profile.keeping().clone()),
            shunned_until: AtomicU64::new(0),
        }
    }

    /// Returns where its name leads to.
    pub(super) fn sockets(&self) -> Vec<SocketAddr> {
        self.addresses.load().iter().map(|address| address.socket).collect()
    }

    /// Tells whether a call may be sent to it now.
    pub(super) fn standing(&self, now: u64) -> Standing {
        if self.is_resolved() {
            self.condition.standing(now)
        } else {
            Standing::Shut
        }
    }

    /// Tells whether it is spoken to in HTTP/1 alone.
    pub(super) fn is_http1(&self) -> bool {
        self.profile.is_http1(self.name.secure)
    }

    /// Returns its next address, not the one to avoid where there is another.
    pub(super) fn next(&self, now: u64, avoid: Option<SocketAddr>) -> Option<Arc<Address>> {
        let addresses = self.addresses.load();
        let turn = self.turn.fetch_add(1, Relaxed);
        let fit = |index| {
            addresses
                .get(index)
                .is_some_and(|address: &Arc<Address>| address.is_fit(now, avoid))
        };
        let chosen = in_turn(turn, addresses.len(), fit).or_else(|| in_turn(turn, addresses.len(), |_| true))?;
        addresses.get(chosen).map(Arc::clone)
    }

    /// Tells whether it can be reached at another address than this one.
    pub(super) fn has_other(&self, now: u64, avoid: SocketAddr) -> bool {
        self.addresses
            .load()
            .iter()
            .any(|address| address.is_fit(now, Some(avoid)))
    }

    /// Notes that an address could not be connected to. The target itself has failed only when no other is left.
    pub(super) fn unreachable(&self, now: u64, socket: SocketAddr) {
        let addresses = self.addresses.load();
        if let Some(address) = addresses.iter().find(|address| address.socket == socket) {
            address.shunned_until.store(clock::after(now, SHUNNED), Relaxed);
        }
        if !addresses.iter().any(|address| address.is_fit(now, Some(socket))) {
            self.failed(now);
        }
    }

    /// Says why a call failed, once in a while: callers are not told, and an endpoint that is gone must not fill a disk.
    pub(super) fn say(&self, now: u64, cause: &Error) {
        if self.may_say(now) {
            warn!(host = %self.name.host, port = self.name.port, %cause, "endpoint failed a call");
        }
    }

    fn may_say(&self, now: u64) -> bool {
        let until = self.silent_until.load(Relaxed);
        let next = clock::after(now, SILENCE);
        until <= now
            && self
                .silent_until
                .compare_exchange(until, next, Relaxed, Relaxed)
                .is_ok()
    }

    /// Notes a failed call.
    pub(super) fn failed(&self, now: u64) {
        if self.condition.failed(now, &self.name.health) {
            let (host, port, period) = (&self.name.host, self.name.port, self.name.health.suspend);
            warn!(%host, port, ?period, "endpoint set aside after failed calls");
        }
    }

    /// Notes a call that was answered.
    pub(super) fn answered(&self) {
        if self.condition.answered() {
            info!(host = %self.name.host, port = self.name.port, "endpoint back after it was set aside");
        }
    }

    /// Returns how many calls are under way.
    pub(super) fn load(&self) -> usize {
        self.under_way.load(Relaxed)
    }

    /// Notes that a call begins.
    pub(super) fn begin(&self) {
        self.under_way.fetch_add(1, Relaxed);
    }

    /// Notes that a call has ended.
    pub(super) fn end(&self) {
        self.under_way.fetch_sub(1, Relaxed);
    }
}

impl Address {
    /// Returns a peer to connect to; its timeouts are for whoever does.
    pub(super) fn peer(&self) -> Box<HttpPeer> {
        Box::new(self.peer.clone())
    }

    fn is_fit(&self, now: u64, avoid: Option<SocketAddr>) -> bool {
        self.shunned_until.load(Relaxed) <= now && avoid != Some(self.socket)
    }
}

/// How long an address that refused a connection is passed over, where there are others.
const SHUNNED: Duration = Duration::from_secs(30);

/// How long nothing more is said of an endpoint's failures once one was.
const SILENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::super::idle::Keeping;
    use super::super::profile::ProfileName;
    use super::*;
    use crate::model::backend::{Protocol, TlsProfile};

    fn target(host: &str) -> Target {
        let name = ProfileName {
            tenant: "t".into(),
            protocol: Protocol::Auto,
            tls: TlsProfile::default(),
        };
        let profile = Arc::new(Profile::believe(&name, Keeping::new(Duration::from_secs(7), 7)).unwrap());
        let health = Health {
            max_failures: 1,
            suspend: Duration::from_secs(1),
            probe: None,
        };
        let name = TargetName {
            group: profile.group(),
            secure: false,
            host: host.into(),
            port: 80,
            health,
        };
        Target::new(name, profile)
    }

    fn sockets(found: &[&str]) -> Vec<SocketAddr> {
        found.iter().map(|socket| socket.parse().unwrap()).collect()
    }

    #[test]
    fn an_ip_address_needs_no_lookup() {
        for host in ["192.0.2.1", "2001:db8::1"] {
            let target = target(host);
            assert!(target.is_resolved() && target.lookup().is_none());
            assert_eq!(target.standing(1), Standing::Open);
        }
    }

    #[test]
    fn a_name_is_shut_until_it_resolves_and_keeps_what_it_had() {
        let target = target("origin.test");
        assert_eq!(target.standing(1), Standing::Shut);
        target.learn(&sockets(&["192.0.2.1:80"]));
        assert_eq!(target.standing(1), Standing::Open);
        target.learn(&[]);
        assert_eq!(target.next(1, None).unwrap().socket, sockets(&["192.0.2.1:80"])[0]);
    }

    #[test]
    fn why_calls_fail_is_said_once_in_a_while() {
        let target = target("origin.test");
        assert!(target.may_say(1));
        assert!(!target.may_say(10_000));
        assert!(target.may_say(10_001));
    }

    #[test]
    fn addresses_of_a_name_are_used_in_turn() {
        let target = target("origin.test");
        let found = sockets(&["192.0.2.1:80", "192.0.2.2:80"]);
        target.learn(&found);
        let used: Vec<_> = (0..4).map(|_| target.next(1, None).unwrap().socket).collect();
        assert_eq!(used, [found[0], found[1], found[0], found[1]]);
    }

    #[test]
    fn an_address_that_refused_is_passed_over_and_blamed_only_when_it_is_the_last() {
        let target = target("origin.test");
        let found = sockets(&["192.0.2.1:80", "192.0.2.2:80"]);
        target.learn(&found);
        assert!(target.has_other(1, found[0]));
        target.unreachable(1, found[0]);
        assert_eq!(target.standing(1), Standing::Open);
        assert!((0..4).all(|_| target.next(1, None).unwrap().socket == found[1]));
        assert!(!target.has_other(1, found[1]));
        target.unreachable(1, found[1]);
        assert_eq!(target.standing(1), Standing::Shut);
        // With nothing better left, any address is tried again.
        assert!(target.next(1, None).is_some());
    }
}
