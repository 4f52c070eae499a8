//! What serves traffic at one revision: a snapshot and the long-lived things its versions use.
//!
//! Backends and meters outlive snapshots; they are looked up by name once, when a catalog is prepared, so that a
//! request finds both by index. The three are swapped as one.

use std::sync::Arc;

use crate::courtesy::others_first;
use crate::quota_fields::{Policies, QuotaFields};
use crate::registry::key_pair::KeyType;
use crate::snapshot::tiers::TierId;
use crate::snapshot::{Snapshot, VersionId};
use crate::telemetry::meter::Meter;
use crate::telemetry::quotas::QuotaMeter;
use crate::upstream::{Backend, Backends};

/// A snapshot with the backends and the meter of each of its versions.
#[derive(Debug, Default)]
pub struct Served {
    /// The compiled catalog.
    pub snapshot: Snapshot,
    /// Which fields tell callers of their quotas.
    pub quota_fields: QuotaFields,
    /// What was said of quotas before.
    pub policies: Policies,
    backends: Vec<Backends>,
    meters: Vec<Meter>,
    quota_meters: Vec<QuotaMeter>,
}

impl Served {
    /// Joins a snapshot with its versions' backends and meters, both in the order of the versions.
    pub fn new(snapshot: Snapshot, backends: Vec<Backends>, meters: Vec<Meter>) -> Self {
        Self {
            snapshot,
            quota_fields: QuotaFields::default(),
            policies: Policies::default(),
            backends,
            meters,
            quota_meters: Vec::new(),
        }
    }

    /// Tells callers of their quotas by these fields, and counts by these meters, in the order of the tiers.
    #[must_use]
    pub fn telling(self, quota_fields: QuotaFields, quota_meters: Vec<QuotaMeter>) -> Self {
        Self {
            quota_fields,
            quota_meters,
            ..self
        }
    }

    /// Frees it in pieces: there is much of it in a large catalog.
    pub fn take_apart(self) {
        self.snapshot.take_apart();
        self.backends.into_iter().for_each(|_| others_first());
        self.meters.into_iter().for_each(|_| others_first());
    }

    /// Returns what counts the requests that are held against a tier.
    pub fn quota_meter(&self, id: TierId) -> Option<&QuotaMeter> {
        self.quota_meters.get(id.index())
    }

    /// Returns where calls of a version go, by name: tenant, Api, version. For those who report on it: it looks at every
    /// version.
    pub fn backends_of(&self, name: (&str, &str, &str)) -> Option<&Backends> {
        let mut versions = self.snapshot.versions().iter();
        let place = versions.position(|version| version.names() == name)?;
        self.backends.get(place)
    }

    /// Returns where calls of a version with a key of this type go.
    pub fn backend(&self, id: VersionId, key_type: KeyType) -> Option<&Arc<Backend>> {
        self.backends.get(id.index())?.of(key_type)
    }

    /// Returns what counts a version's requests.
    pub fn meter(&self, id: VersionId) -> Option<&Meter> {
        self.meters.get(id.index())
    }
}
