//! A whole response in memory, for who needs no more than to read it: nothing of it is copied.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use pingora_cache::key::{CacheKey, HashBinary};
use pingora_http::ResponseHeader;

use super::address::Address;
use super::entry::Entry;
use super::meta::Meta;
use super::{Found, Store};

/// A whole response, which no purge has touched.
pub struct Whole(Arc<Entry>);

impl Store {
    /// Tells whether there is anything of a key, in memory or on the disk, whole or on its way.
    pub fn has(&self, key: &CacheKey) -> bool {
        let is_on_disk = || self.disk.as_ref().is_some_and(|disk| disk.holds(&Address::of(key)));
        self.find(key).is_some() || is_on_disk()
    }

    /// Finds a whole response in memory, and no part of one.
    pub fn whole(&self, key: &CacheKey) -> Option<Whole> {
        match self.find(key)? {
            Found::Entry(entry, None) if !entry.is_part() => Some(Whole(entry)),
            Found::Entry(..) | Found::Fill(_) => None,
        }
    }
}

impl Whole {
    /// Returns its head.
    pub fn head(&self) -> &ResponseHeader {
        self.meta().header()
    }

    /// Returns its body, in pieces.
    pub fn body(&self) -> &[Bytes] {
        self.0.body().pieces()
    }

    /// Returns when it was made, which its age is counted from, and until when it is fresh.
    pub fn times(&self) -> (SystemTime, SystemTime) {
        self.meta().times()
    }

    /// Returns which variant it is, where there are some.
    pub fn variance(&self) -> Option<HashBinary> {
        self.meta().variance()
    }

    /// Tells whether it was stored before another variant of the same, and so may have been forgotten with the one before.
    pub fn is_older_than(&self, other: &Self) -> bool {
        self.meta().created() < other.meta().created()
    }

    fn meta(&self) -> &Meta {
        &self.0.sheet().meta
    }
}
