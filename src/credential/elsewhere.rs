//! Random tokens that another process issued: the registry is asked, once for each, and the answer remembered.
//!
//! It also tells which random words are ours and yet no good access tokens: those are shown to nobody else.

use std::sync::Arc;

use quick_cache::sync::Cache;
use tracing::warn;

use super::flights::{Boarding, Flights};
use super::{Credentials, Flaw};
use crate::model::instant::UnixTime;
use crate::registry::RegistryError;
use crate::registry::token::{Digest, TokenRecord};

/// What the registry said of random tokens that the view does not know.
#[derive(Debug)]
pub(super) struct Elsewhere {
    found: Cache<Digest, Arc<TokenRecord>>,
    nowhere: Cache<Digest, (Flaw, UnixTime)>,
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

    /// Says why the registry had no such access token a moment ago: it is not known there, it was one of ours or is
    /// a refresh token, or the registry could not be asked.
    pub(super) fn flaw(&self, digest: &Digest, now: UnixTime) -> Option<Flaw> {
        let (flaw, until) = self.nowhere.get(digest)?;
        (now < until).then_some(flaw)
    }

    fn refuse(&self, digest: Digest, flaw: Flaw, until: UnixTime) {
        self.nowhere.insert(digest, (flaw, until));
    }
}

impl Credentials {
    /// Asks the registry for a random token.
    pub(super) async fn find_elsewhere(&self, digest: Digest, now: UnixTime) {
        let Some(registry) = &self.registry else { return };
        let Boarding::Flight(_flight) = self.elsewhere.flights.board(digest).await else {
            return;
        };
        let elsewhere = &self.elsewhere;
        let found = async {
            Ok(match registry.find_token(&digest, now).await? {
                Some(record) => Ok(record),
                None if registry.is_issued(&digest).await? => Err(Flaw::Expired),
                None => Err(Flaw::Unknown),
            })
        };
        match found.await {
            Ok(Ok(record)) => elsewhere.found.insert(digest, record),
            Ok(Err(flaw)) => elsewhere.refuse(digest, flaw, now.plus(UNKNOWN_FOR)),
            Err::<_, RegistryError>(error) => {
                warn!(%error, "a token cannot be looked up");
                elsewhere.refuse(digest, Flaw::Unreachable, now.plus(UNREACHABLE_FOR));
            }
        }
    }
}

const REMEMBERED: usize = 10_000;
const ASKED_AT_ONCE: usize = 8;
const MOST_WAITING: usize = 500;
const UNKNOWN_FOR: u64 = 10;
const UNREACHABLE_FOR: u64 = 2;
