//! Random tokens that another process issued: the registry is asked, once for each, and the answer remembered.

use std::sync::Arc;

use quick_cache::sync::Cache;
use tracing::warn;

use super::Credentials;
use super::flights::{Boarding, Flights};
use crate::model::instant::UnixTime;
use crate::registry::token::{Digest, TokenRecord};

/// What the registry said of random tokens that the view does not know.
#[derive(Debug)]
pub(super) struct Elsewhere {
    found: Cache<Digest, Arc<TokenRecord>>,
    nowhere: Cache<Digest, UnixTime>,
    flights: Flights,
}

impl Elsewhere {
    pub(super) fn new() -> Self {
        Self {
            found: Cache::new(REMEMBERED),
            nowhere: Cache::new(REMEMBERED),
            flights: Flights::new(ASKED_AT_ONCE, MOST_WAITING),
        }
    }

    /// Finds a token that the registry was asked for.
    pub(super) fn find(&self, digest: &Digest, now: UnixTime) -> Option<Arc<TokenRecord>> {
        self.found.get(digest).filter(|record| now < record.expires)
    }

    /// Tells whether the registry did not know a token a moment ago, or could not be asked.
    pub(super) fn is_nowhere(&self, digest: &Digest, now: UnixTime) -> bool {
        self.nowhere.get(digest).is_some_and(|until| now < until)
    }
}

impl Credentials {
    /// Asks the registry for a random token.
    pub(super) async fn find_elsewhere(&self, digest: Digest, now: UnixTime) {
        let Some(registry) = &self.registry else { return };
        let Boarding::Flight(_flight) = self.elsewhere.flights.board(digest).await else {
            return;
        };
        match registry.find_token(&digest, now).await {
            Ok(Some(record)) => self.elsewhere.found.insert(digest, record),
            Ok(None) => self.elsewhere.nowhere.insert(digest, now.plus(UNKNOWN_FOR)),
            Err(error) => {
                warn!(%error, "a token cannot be looked up");
                self.elsewhere.nowhere.insert(digest, now.plus(UNREACHABLE_FOR));
            }
        }
    }
}

const REMEMBERED: usize = 10_000;
const ASKED_AT_ONCE: usize = 8;
const MOST_WAITING: usize = 500;
const UNKNOWN_FOR: u64 = 10;
const UNREACHABLE_FOR: u64 = 2;
