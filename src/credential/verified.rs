//! What was proven already, and what was disproven a moment ago.
//!
//! Only verified tokens are kept among the verified, so that no flood of others can push one out. What was disproven
//! at a price is kept beside them, in a small place of its own and for a short time.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use quick_cache::sync::Cache;

use super::Flaw;
use super::occasion::Occasion;
use super::statement::Statement;
use crate::model::instant::UnixTime;
use crate::registry::token::Digest;

/// A token at a version.
pub(super) type Place = (Digest, u64);

/// What was proven already, and what was disproven a moment ago.
#[derive(Debug)]
pub(super) struct Verified {
    proven: Cache<Digest, Arc<Statement>>,
    disproven: Cache<Place, (Flaw, UnixTime)>,
    names: RandomState,
}

impl Verified {
    /// Remembers so many verified tokens.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            proven: Cache::new(capacity),
            disproven: Cache::new(DISPROVEN),
            names: RandomState::new(),
        }
    }

    pub(super) fn find(&self, digest: &Digest) -> Option<Arc<Statement>> {
        self.proven.get(digest)
    }

    pub(super) fn keep(&self, statement: Arc<Statement>) {
        self.proven.insert(statement.digest, statement);
    }

    pub(super) fn forget(&self, digest: &Digest) {
        self.proven.remove(digest);
    }

    /// Names a token at a version: what one of them does not take, another one may.
    pub(super) fn place(&self, digest: Digest, on: &Occasion<'_>) -> Place {
        (digest, self.names.hash_one(on.version.names()))
    }

    /// Finds what was wrong with a token.
    pub(super) fn flaw(&self, place: &Place, now: UnixTime) -> Option<Flaw> {
        let (flaw, until) = self.disproven.get(place)?;
        (now < until).then_some(flaw)
    }

    /// Remembers what is wrong with a token.
    pub(super) fn refuse(&self, place: Place, flaw: Flaw, until: UnixTime) {
        self.disproven.insert(place, (flaw, until));
    }
}

const DISPROVEN: usize = 10_000;
