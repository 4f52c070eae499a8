//! What entries are known by when they are purged: whose they are, their target and their tags.
//!
//! Names become 64-bit marks when an entry is stored, so that a purge compares numbers. Two names of one mark, which
//! takes chance or work, are purged together: too much is fetched again, never too little. The marks are the same in
//! every process, since the disk keeps them.

use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use super::purge::Stamp;

/// What the store must know of a response beside its bytes.
///
/// Whoever builds the `CacheMeta` of a response, fresh or validated, puts it there:
/// `meta.extensions_mut().insert(Storing { labels, asked })`. A response without it is purged with everything only, and
/// takes the begin of its storing for the time at which the origin was asked.
#[derive(Clone, Debug)]
pub struct Storing {
    /// What the entry is known by.
    pub labels: Labels,
    /// [`Store::stamp`](super::Store::stamp) as it was before the origin was asked: what is purged after that does not
    /// outlive the purge by being on its way.
    pub asked: Stamp,
}

/// Whose an entry is.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The tenant's name.
    pub tenant: &'a str,
    /// The API's name.
    pub api: &'a str,
    /// The version.
    pub version: &'a str,
}

/// What an entry is known by.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Labels {
    tenant: u64,
    api: u64,
    version: u64,
    exact: u64,
    target: Box<str>,
    tags: Box<[u64]>,
}

impl Labels {
    /// Labels an entry with its owner and its target: the path and query that purges by URL and by prefix name.
    pub fn new(owner: Owner<'_>, target: &str) -> Self {
        let Owner { tenant, api, version } = owner;
        Self {
            tenant: mark(TENANT, &[tenant]),
            api: mark(API, &[tenant, api]),
            version: mark(VERSION, &[tenant, api, version]),
            exact: mark(TARGET, &[tenant, api, version, target]),
            target: target.into(),
            tags: Box::default(),
        }
    }

    /// Adds the tags that the origin gave, within a tenant; `None` if they are more than [`MOST_TAGS`], in which case
    /// the response should not be stored, since it could not be purged as its origin expects.
    #[must_use]
    pub fn tagged<'a>(mut self, tenant: &str, tags: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let tags: Vec<_> = tags
            .into_iter()
            .take(MOST_TAGS + 1)
            .map(|tag| mark(TAG, &[tenant, tag]))
            .collect();
        let fits = tags.len() <= MOST_TAGS;
        self.tags = tags.into();
        fits.then_some(self)
    }

    /// Returns every mark that a purge may name it by.
    pub(super) fn marks(&self) -> impl Iterator<Item = u64> {
        [EVERYTHING, self.tenant, self.api, self.version, self.exact]
            .into_iter()
            .chain(self.tags.iter().copied())
    }

    /// Tells whether it is within a scope and its target begins so.
    pub(super) fn is_below(&self, scope: u64, prefix: &str) -> bool {
        [EVERYTHING, self.tenant, self.api, self.version].contains(&scope) && self.target.starts_with(prefix)
    }

    /// Returns the bytes that it has outside of itself.
    pub(super) fn heap(&self) -> (usize, usize) {
        (self.target.len(), size_of_val(&*self.tags))
    }
}

/// A part of the cache.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// All of it.
    Everything,
    /// What belongs to a tenant.
    Tenant(&'a str),
    /// What belongs to all versions of an API.
    Api {
        /// The tenant's name.
        tenant: &'a str,
        /// The API's name.
        api: &'a str,
    },
    /// What belongs to one version.
    Version(Owner<'a>),
}

/// Which entries are purged.
#[derive(Clone, Copy, Debug)]
pub enum Selector<'a> {
    /// Those whose target begins so: compared byte by byte, so `/a` names `/ab` as well.
    Prefix {
        /// Where they are.
        within: Scope<'a>,
        /// How their targets begin.
        prefix: &'a str,
    },
    /// All within a scope.
    Scope(Scope<'a>),
    /// Those with a tag.
    Tag {
        /// The tenant within which the tag means anything.
        tenant: &'a str,
        /// The tag.
        tag: &'a str,
    },
    /// Those of one target, whoever called and whichever variant it is.
    Target {
        /// Whose they are.
        owner: Owner<'a>,
        /// The path and query, as in [`Labels::new`].
        target: &'a str,
    },
}

impl Selector<'_> {
    /// Returns the mark of what it names, and the prefix that it also demands.
    pub(super) fn mark(&self) -> (u64, Option<&str>) {
        match *self {
            Self::Prefix { within, prefix } => (within.mark(), Some(prefix)),
            Self::Scope(scope) => (scope.mark(), None),
            Self::Tag { tenant, tag } => (mark(TAG, &[tenant, tag]), None),
            Self::Target { owner, target } => {
                let Owner { tenant, api, version } = owner;
                (mark(TARGET, &[tenant, api, version, target]), None)
            }
        }
    }
}

impl Scope<'_> {
    fn mark(&self) -> u64 {
        match *self {
            Self::Everything => EVERYTHING,
            Self::Tenant(tenant) => mark(TENANT, &[tenant]),
            Self::Api { tenant, api } => mark(API, &[tenant, api]),
            Self::Version(Owner { tenant, api, version }) => mark(VERSION, &[tenant, api, version]),
        }
    }
}

/// Tags that one entry may have; a surrogate-key header of 8 KiB holds about as many.
pub const MOST_TAGS: usize = 1024;

/// The mark that every entry has.
pub(super) const EVERYTHING: u64 = 0;
const TENANT: u8 = 1;
const API: u8 = 2;
const VERSION: u8 = 3;
const TARGET: u8 = 4;
const TAG: u8 = 5;

/// Hashes names of a kind, each after its length so that none runs into the next.
fn mark(kind: u8, names: &[&str]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write_u8(kind);
    for name in names {
        hasher.write_u64(name.len() as u64);
        hasher.write(name.as_bytes());
    }
    hasher.finish()
}
