//! The keys of other issuers: from the catalog, or fetched at need and kept fresh, for traffic and for the token endpoint.
//!
//! A set that was fetched once is kept while its issuer is down. A key that an issuer has withdrawn is marked, so that
//! whatever was verified with it is not believed any longer.
//!
//! What no known key has signed may be signed by a new one: issuers rotate under another name, under the same, and under
//! none. So whatever is not proven has the issuer asked, at a steady pace: [`KeySet::is_worth_a_try`]. A flood of made-up
//! names or signatures costs the issuer one question in each such time, and a rotation that happens meanwhile is seen as
//! soon; it does not grow with the flood, as a growing pause would. Nobody waits for the next question: who comes between
//! two of them is refused at once, or a flood would fill the places of those who wait.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::RwLock;
use serde_json::{Value, json};
use tracing::{debug, warn};

use super::flights::{Boarding, Flights};
use super::jwk::{self, Key};
use super::jws::Compact;
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
    /// Rises with each question to the issuer.
    edition: u64,
    keys: Vec<Arc<IssuerKey>>,
    /// Whether they were ever had.
    is_known: bool,
    /// When they were last asked for, in vain or not.
    tried: UnixTime,
    /// For how many seconds they are not asked for again on account of what they do not prove.
    pause: u64,
    /// How many questions in a row have each brought a new key, without a pause between them.
    news: u32,
    /// When somebody last looked for one.
    wanted: AtomicU64,
}

/// A set of keys that was not enough.
#[derive(Clone, Debug)]
pub struct Outdated {
    manager: Arc<KeyManager>,
    /// Which one that was; nothing where any is.
    edition: Option<u64>,
}

impl From<&Arc<KeyManager>> for Outdated {
    fn from(manager: &Arc<KeyManager>) -> Self {
        Self {
            manager: Arc::clone(manager),
            edition: None,
        }
    }
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

    /// Finds the key that a token was signed with: one that it names, or any that fits where it names none.
    pub(super) fn prove(
        &self,
        manager: &Arc<KeyManager>,
        token: &Compact<'_>,
        now: UnixTime,
    ) -> Result<Arc<IssuerKey>, Judgement> {
        let set = match (self.set(manager), &manager.keys) {
            (Some(set), _) => set,
            (None, IssuerKeys::Inline(text)) => self.keep(manager, serde_json::from_str(text).ok().as_ref(), now),
            (None, IssuerKeys::Url(_)) => return Err(fetch(manager, NO_SET)),
            (None, IssuerKeys::None) => return Err(Judgement::Unproven(Flaw::Key)),
        };
        set.wanted.store(now.0, Ordering::Relaxed);
        match set.prove(token) {
            Ok(key) => Ok(key),
            Err(_) if set.is_worth_a_try(now) => Err(fetch(manager, set.edition)),
            Err(flaw) => Err(Judgement::Unproven(if set.is_known { flaw } else { Flaw::Unreachable })),
        }
    }

    /// Returns the set of an issuer as far as it is known, as JSON.
    pub(super) fn written(&self, manager: &KeyManager, now: UnixTime) -> Option<String> {
        let set = self.set(manager).filter(|set| set.is_known)?;
        set.wanted.store(now.0, Ordering::Relaxed);
        let keys: Vec<_> = set.keys.iter().map(|key| &key.key.written).collect();
        Some(json!({ "keys": keys }).to_string())
    }

    /// Tells whether the set of an issuer was had once.
    pub(super) fn is_known(&self, manager: &KeyManager) -> bool {
        self.set(manager).is_some_and(|set| set.is_known)
    }

    /// Forgets the issuers that are not served, so that there are never more than the catalog has.
    pub(super) fn retain(&self, served: &[&Arc<KeyManager>]) {
        let mut sets = self.sets.write();
        for (tenant, issuers) in sets.iter_mut() {
            issuers.retain(|name, set| {
                let is_served = served.iter().any(|one| one.tenant == *tenant && one.name == *name);
                if !is_served {
                    set.withdraw(&[]);
                }
                is_served
            });
        }
        sets.retain(|_, issuers| !issuers.is_empty());
    }

    /// Asks an issuer for its keys, unless somebody does, or did a moment ago, or since the set was looked at: what came
    /// too late for one answer must not use up the question that the next rotation needs.
    pub(super) async fn fetch(&self, outdated: &Outdated, outbound: &Outbound, now: UnixTime) {
        let Outdated { manager, edition } = outdated;
        let Boarding::Flight(_flight) = self.flights.board(flight_of(manager)).await else {
            return;
        };
        let is_newer = |set: &KeySet| edition.is_some_and(|edition| edition != set.edition);
        if self
            .set(manager)
            .is_some_and(|set| is_newer(&set) || !set.is_worth_a_try(now))
        {
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
    pub(super) fn aging(&self, served: &[&Arc<KeyManager>], now: UnixTime) -> Vec<Arc<KeyManager>> {
        let mut aging: Vec<Arc<KeyManager>> = Vec::new();
        for &manager in served {
            let is_aging = self.set(manager).is_some_and(|set| {
                let is_wanted = now.0.saturating_sub(set.wanted.load(Ordering::Relaxed)) < FORGOTTEN_AFTER;
                is_wanted && set.is_asked_for() && set.is_due(now, REFRESH_AFTER)
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
    fn keep(&self, manager: &KeyManager, fetched: Option<&Value>, now: UnixTime) -> Arc<KeySet> {
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
        let (edition, pause) = old.map_or((NO_SET, 0), |set| (set.edition, set.pause));
        let news = old.filter(|set| !set.is_due(now, ASK_EVERY)).map_or(0, |set| set.news);
        let set = Arc::new(KeySet {
            source: manager.keys.clone(),
            edition: edition + 1,
            is_known,
            keys,
            tried: now,
            pause: match fetched {
                // It rotates, and the next key may be there already. Not for ever: one that shows others each time
                // would be asked without end.
                Some(_) if is_new && news < MOST_NEWS => 0,
                Some(_) => ASK_EVERY,
                None => RETRY_AFTER.min(pause + ASK_EVERY),
            },
            news: if is_new { news + 1 } else { news },
            wanted: AtomicU64::new(now.0),
        });
        if let Some(replaced) = place.insert(manager.name.clone(), Arc::clone(&set)) {
            replaced.withdraw(&set.keys);
        }
        set
    }
}

impl KeySet {
    /// Finds the key that a token was signed with.
    fn prove(&self, token: &Compact<'_>) -> Result<Arc<IssuerKey>, Flaw> {
        let named = token.kid.as_deref();
        let fits = |key: &&Arc<IssuerKey>| {
            let is_named = named.is_none() || key.key.kid.as_deref() == named;
            is_named && key.key.algorithms.contains(&token.algorithm)
        };
        let mut flaw = Flaw::Key;
        for key in self.keys.iter().filter(fits).take(MOST_TRIED) {
            match token.verify(&key.key.key, token.algorithm) {
                Ok(()) => return Ok(Arc::clone(key)),
                Err(wrong) => flaw = wrong,
            }
        }
        Err(flaw)
    }

    /// Tells whether the issuer may be asked for a key that is not known: at once after it has shown a new one, as long
    /// as these are no more than [`MOST_NEWS`] in a row; else every [`ASK_EVERY`] seconds, and less and less often while
    /// it does not answer.
    fn is_worth_a_try(&self, now: UnixTime) -> bool {
        self.is_asked_for() && self.is_due(now, self.pause)
    }

    fn is_asked_for(&self) -> bool {
        matches!(self.source, IssuerKeys::Url(_))
    }

    fn is_due(&self, now: UnixTime, after: u64) -> bool {
        now >= self.tried.plus(after)
    }

    /// Marks its keys as withdrawn, but for those that are kept.
    fn withdraw(&self, kept: &[Arc<IssuerKey>]) {
        for key in &self.keys {
            let is_kept = kept.iter().any(|kept| Arc::ptr_eq(kept, key));
            key.is_withdrawn.store(!is_kept, Ordering::Relaxed);
        }
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

fn fetch(manager: &Arc<KeyManager>, edition: u64) -> Judgement {
    Judgement::Unknown(Fetch::Keys(Outdated {
        manager: Arc::clone(manager),
        edition: Some(edition),
    }))
}

fn flight_of(manager: &KeyManager) -> Digest {
    // Neither name can hold a line feed.
    Digest::of(&format!("{}\n{}", manager.tenant, manager.name))
}

/// The edition before the first.
const NO_SET: u64 = 0;
/// Seconds between two questions about what no known key has signed: so long does a rotation without notice take, too.
pub(super) const ASK_EVERY: u64 = 2;
/// So many new keys in a row are asked for without a pause.
const MOST_NEWS: u32 = 8;
/// The longest time between two such questions, in seconds, while an issuer does not answer.
const RETRY_AFTER: u64 = 10;
/// How many keys are tried for one token.
const MOST_TRIED: usize = 8;
/// Keys are asked for again when they are this old.
const REFRESH_AFTER: u64 = 300;
/// Unless nobody looked for one in this time.
const FORGOTTEN_AFTER: u64 = 24 * 60 * 60;
const FETCHED_AT_ONCE: usize = 16;
const MOST_WAITING: usize = 1000;
