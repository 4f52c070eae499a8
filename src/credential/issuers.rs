//! The keys of other issuers: from the catalog, or fetched at need and kept fresh.
//!
//! A set that was fetched once is kept while its issuer is down. A key that an issuer has withdrawn is marked, so that
//! whatever was verified with it is not believed any longer.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jsonwebtoken::Algorithm;
use parking_lot::RwLock;
use tracing::{debug, warn};

use super::flights::{Boarding, Flights};
use super::jwk::{self, Key};
use super::outbound::Outbound;
use super::{Fetch, Flaw, Judgement};
use crate::model::instant::UnixTime;
use crate::model::key_manager::{IssuerKeys, KeyManager};
use crate::model::name::{KeyManagerName, TenantName};
use crate::registry::token::Digest;

/// The keys of other issuers.
#[derive(Debug)]
pub(super) struct Issuers {
    sets: RwLock<HashMap<TenantName, HashMap<KeyManagerName, Arc<KeySet>>>>,
    flights: Flights,
}

/// The keys of one issuer.
#[derive(Debug)]
struct KeySet {
    source: IssuerKeys,
    keys: Vec<Arc<IssuerKey>>,
    /// Whether they were ever had.
    is_known: bool,
    /// When they were last asked for, in vain or not.
    tried: UnixTime,
    /// How often in a row that was of no use.
    fruitless: u64,
    /// When somebody last looked for one.
    wanted: AtomicU64,
}

/// A key of an issuer.
pub(super) struct IssuerKey {
    pub(super) key: Key,
    is_withdrawn: AtomicBool,
}

impl IssuerKey {
    /// Tells whether its issuer has taken it back.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.is_withdrawn.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerKey")
            .field("kid", &self.key.kid)
            .finish_non_exhaustive()
    }
}

impl Issuers {
    pub(super) fn new() -> Self {
        Self {
            sets: RwLock::default(),
            flights: Flights::new(FETCHED_AT_ONCE, MOST_WAITING),
        }
    }

    /// Finds the key that a token names; without a name, the only one that fits its algorithm.
    pub(super) fn find(
        &self,
        manager: &Arc<KeyManager>,
        (kid, algorithm): (Option<&str>, Algorithm),
        now: UnixTime,
    ) -> Result<Arc<IssuerKey>, Judgement> {
        let set = match (self.set(manager), &manager.keys) {
            (Some(set), _) => set,
            (None, IssuerKeys::Inline(text)) => self.keep(manager, serde_json::from_str(text).ok().as_ref(), now),
            (None, IssuerKeys::Url(_)) => return Err(fetch(manager)),
            (None, IssuerKeys::None) => return Err(Judgement::Unproven(Flaw::Key)),
        };
        set.wanted.store(now.0, Ordering::Relaxed);
        let mut fitting = set.keys.iter().filter(|key| {
            let is_named = kid.is_none() || key.key.kid.as_deref() == kid;
            is_named && key.key.algorithms.contains(&algorithm)
        });
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(Arc::clone(key)),
            (Some(_), Some(_)) => Err(Judgement::Unproven(Flaw::Key)),
            (None, _) if set.is_worth_a_try(now) => Err(fetch(manager)),
            (None, _) => Err(Judgement::Unproven(if set.is_known {
                Flaw::Key
            } else {
                Flaw::Unreachable
            })),
        }
    }

    /// Asks an issuer for its keys, unless somebody does, or did a moment ago.
    pub(super) async fn fetch(&self, manager: &Arc<KeyManager>, outbound: &Outbound, now: UnixTime) {
        let Boarding::Flight(_flight) = self.flights.board(flight_of(manager)).await else {
            return;
        };
        if self.set(manager).is_some_and(|set| !set.is_worth_a_try(now)) {
            return;
        }
        let IssuerKeys::Url(url) = &manager.keys else { return };
        let fetched = outbound.read(url).await;
        let usable = fetched
            .as_ref()
            .is_ok_and(|set| jwk::read(set).is_some_and(|keys| !keys.is_empty()));
        let set = self.keep(manager, fetched.as_ref().ok().filter(|_| usable), now);
        let (tenant, name) = (manager.tenant.as_str(), manager.name.as_str());
        match fetched {
            Ok(_) if usable => debug!(tenant, name, keys = set.keys.len(), "keys of an issuer fetched"),
            Ok(_) => warn!(tenant, name, url, "a set of an issuer holds no key that can be used"),
            Err(error) => warn!(tenant, name, url, %error, "keys of an issuer cannot be fetched"),
        }
    }

    /// Names the key managers whose keys grow old, of those that are served.
    pub(super) fn aging<'a>(
        &self,
        served: impl Iterator<Item = &'a Arc<KeyManager>>,
        now: UnixTime,
    ) -> Vec<Arc<KeyManager>> {
        let mut aging: Vec<Arc<KeyManager>> = Vec::new();
        for manager in served.filter(|manager| matches!(manager.keys, IssuerKeys::Url(_))) {
            let is_aging = self.set(manager).is_some_and(|set| {
                let is_wanted = now.0.saturating_sub(set.wanted.load(Ordering::Relaxed)) < FORGOTTEN_AFTER;
                is_wanted && set.is_due(now, REFRESH_AFTER)
            });
            if is_aging && !aging.iter().any(|other| is_same(other, manager)) {
                aging.push(Arc::clone(manager));
            }
        }
        aging
    }

    fn set(&self, manager: &KeyManager) -> Option<Arc<KeySet>> {
        let sets = self.sets.read();
        let set = sets.get(&manager.tenant)?.get(&manager.name)?;
        (set.source == manager.keys).then(|| Arc::clone(set))
    }

    /// Keeps what was fetched; where nothing was, what was had before.
    fn keep(&self, manager: &KeyManager, fetched: Option<&serde_json::Value>, now: UnixTime) -> Arc<KeySet> {
        let mut sets = self.sets.write();
        let place = sets.entry(manager.tenant.clone()).or_default();
        let old = place.get(&manager.name).filter(|set| set.source == manager.keys);
        let known = old.map(|set| set.keys.as_slice()).unwrap_or_default();
        let read = fetched.and_then(jwk::read);
        let (is_known, keys): (_, Vec<_>) = match read {
            Some(read) => (true, read.into_iter().map(|key| taken_over(key, known)).collect()),
            None => (old.is_some_and(|set| set.is_known), known.to_vec()),
        };
        let is_new = keys
            .iter()
            .any(|key| !known.iter().any(|known| Arc::ptr_eq(known, key)));
        let set = Arc::new(KeySet {
            source: manager.keys.clone(),
            is_known,
            keys,
            tried: now,
            fruitless: match old {
                Some(old) if !is_new && !old.is_due(now, CALM_AFTER) => old.fruitless + 1,
                Some(_) | None => 0,
            },
            wanted: AtomicU64::new(now.0),
        });
        let replaced = place.insert(manager.name.clone(), Arc::clone(&set));
        for key in replaced.iter().flat_map(|replaced| &replaced.keys) {
            let is_kept = set.keys.iter().any(|kept| Arc::ptr_eq(kept, key));
            key.is_withdrawn.store(!is_kept, Ordering::Relaxed);
        }
        set
    }
}

impl KeySet {
    /// Tells whether the issuer may be asked for a key that is not known: at once, when that is likely to be of use,
    /// and less and less often, when it was not.
    fn is_worth_a_try(&self, now: UnixTime) -> bool {
        matches!(self.source, IssuerKeys::Url(_)) && self.is_due(now, (self.fruitless * 2).min(RETRY_AFTER))
    }

    fn is_due(&self, now: UnixTime, after: u64) -> bool {
        now >= self.tried.plus(after)
    }
}

/// Keeps the key that is known already, where it is the same.
fn taken_over(key: Key, known: &[Arc<IssuerKey>]) -> Arc<IssuerKey> {
    let same = known.iter().find(|known| known.key.written == key.written);
    same.cloned().unwrap_or_else(|| {
        Arc::new(IssuerKey {
            key,
            is_withdrawn: AtomicBool::new(false),
        })
    })
}

fn is_same(one: &KeyManager, other: &KeyManager) -> bool {
    one.tenant == other.tenant && one.name == other.name
}

fn fetch(manager: &Arc<KeyManager>) -> Judgement {
    Judgement::Unknown(Fetch::Keys(Arc::clone(manager)))
}

fn flight_of(manager: &KeyManager) -> Digest {
    // Neither name can hold a line feed.
    Digest::of(&format!("{}\n{}", manager.tenant, manager.name))
}

/// The longest time between two tries, in seconds, while tokens keep naming keys that are not known.
const RETRY_AFTER: u64 = 10;
/// After which the tries of before do not count.
const CALM_AFTER: u64 = 60;
/// Keys are asked for again when they are this old.
const REFRESH_AFTER: u64 = 300;
/// Unless nobody looked for one in this time.
const FORGOTTEN_AFTER: u64 = 24 * 60 * 60;
const FETCHED_AT_ONCE: usize = 16;
const MOST_WAITING: usize = 1000;
