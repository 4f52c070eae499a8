//! What Pingora's cache state machine comes in by.
//!
//! There are two doors to what one store holds, since Pingora asks a storage, and not a response, whether it may be followed while
//! it is being stored. Where it may be, Pingora reads the origin as fast as that sends, whatever the caller takes, and
//! cannot go on without the storage: a body that turned out to be too large would be cut off. So only bodies that say
//! how long they are can be followed; whoever comes while another is being stored waits for its fetch. As
//! the door is chosen before the origin answers, the store remembers whose last body was large and said its length.
//!
//! A third door is for who stores what others get, and finds nothing itself: it is how answers to POST come in.

use std::any::Any;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use pingora_cache::CacheMeta;
use pingora_cache::eviction::CacheEntryKey;
use pingora_cache::key::CacheKey;
use pingora_cache::storage::{HitHandler, MissHandler, PurgeOutcome, PurgeTarget, PurgeType, Storage};
use pingora_cache::trace::SpanHandle;
use pingora_error::Result;

use super::address::Address;
use super::fill::Follower;
use super::purge::Kind;
use super::reader::Reader;
use super::writer::{Followed, Writer};
use super::{Found, Store};

/// The ways into one store, which live as long as the process, as Pingora demands.
#[derive(Clone, Copy)]
pub struct Doors {
    pub(super) whole: &'static Door,
    pub(super) followed: &'static Door,
    unread: &'static Door,
}

/// One way into the store.
pub(super) struct Door {
    store: Arc<Store>,
    followed: Followed,
    reads: Reads,
}

/// Whether a way leads to what is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reads {
    Everything,
    Nothing,
}

impl Doors {
    /// Opens a store for good: it is not freed before the process ends, so this is for those who make one once.
    pub fn open(store: &Arc<Store>) -> Self {
        let door = |followed, reads| {
            let store = Arc::clone(store);
            &*Box::leak(Box::new(Door { store, followed, reads }))
        };
        Self {
            whole: door(Followed::No, Reads::Everything),
            followed: door(Followed::Yes, Reads::Everything),
            unread: door(Followed::No, Reads::Nothing),
        }
    }

    /// Returns the storage to enable the cache with, by the primary key that the request is going to have.
    pub fn storage(&self, primary: &[u8]) -> &'static (dyn Storage + Sync) {
        if self.whole.store.lengths.are_said(primary) {
            self.followed
        } else {
            self.whole
        }
    }

    /// Returns the storage for who stores, and gets nothing of what is stored.
    pub fn unread(&self) -> &'static (dyn Storage + Sync) {
        self.unread
    }

    /// Returns the store that they lead to.
    pub fn store(&self) -> &'static Store {
        &self.whole.store
    }
}

type Hit = (CacheMeta, HitHandler);

#[async_trait]
impl Storage for Door {
    async fn lookup(&'static self, key: &CacheKey, _: &SpanHandle) -> Result<Option<Hit>> {
        if self.reads == Reads::Nothing {
            return Ok(None);
        }
        let found = match (self.store.find(key), &self.store.disk) {
            (None, Some(disk)) => Box::pin(self.store.recall(disk, key)).await,
            (found, _) => found,
        };
        Ok(found.map(hit))
    }

    async fn lookup_streaming_write(
        &'static self,
        key: &CacheKey,
        tag: Option<&[u8]>,
        _: &SpanHandle,
    ) -> Result<Option<Hit>> {
        let id = tag.and_then(|tag| tag.try_into().ok()).map(u64::from_be_bytes);
        let fill = self.store.fills.find(&Address::of(key), |fill| Some(fill.id()) == id);
        Ok(fill.map(Found::Fill).map(hit))
    }

    async fn get_miss_handler(&'static self, key: &CacheKey, meta: &CacheMeta, _: &SpanHandle) -> Result<MissHandler> {
        let writer = Writer::begin(&self.store, key, meta, self.followed)?;
        Ok(Box::new(writer))
    }

    async fn purge(&'static self, target: PurgeTarget<'_>, why: PurgeType, _: &SpanHandle) -> Result<PurgeOutcome> {
        let Some(address) = address(target) else {
            return Ok(PurgeOutcome::NotFound);
        };
        match why {
            PurgeType::Eviction => {}
            PurgeType::Invalidation => self.store.purge_one(&address, Kind::Hard, SystemTime::now()),
        }
        if self.store.table.clear(&address) {
            Ok(PurgeOutcome::Purged(None))
        } else {
            Ok(PurgeOutcome::NotFound)
        }
    }

    async fn expire(&'static self, target: PurgeTarget<'_>, _: &SpanHandle) -> Result<PurgeOutcome> {
        let Some(address) = address(target) else {
            return Ok(PurgeOutcome::NotFound);
        };
        self.store.purge_one(&address, Kind::Soft, SystemTime::now());
        if self.store.table.find(&address).is_some() {
            Ok(PurgeOutcome::Expired)
        } else {
            Ok(PurgeOutcome::NotFound)
        }
    }

    async fn update_meta(&'static self, key: &CacheKey, meta: &CacheMeta, _: &SpanHandle) -> Result<bool> {
        self.store.update(key, meta)
    }

    fn support_streaming_partial_write(&self) -> bool {
        self.followed == Followed::Yes
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync + 'static) {
        self
    }
}

/// Returns the address of a target; entries have no numbers by which one of them could be meant.
fn address(target: PurgeTarget<'_>) -> Option<Address> {
    match target {
        PurgeTarget::Active(key) => Some(Address::of(key)),
        PurgeTarget::Exact(CacheEntryKey::Identified { .. }) => None,
        PurgeTarget::Exact(entry) => Some(Address::of(entry.key())),
    }
}

fn hit(found: Found) -> Hit {
    match found {
        Found::Entry(entry, stale) => (entry.sheet().meta.revive(stale), Box::new(Reader::new(entry))),
        Found::Fill(fill) => (fill.sheet().meta.revive(None), Box::new(Follower::new(fill))),
    }
}
