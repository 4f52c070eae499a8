//! What serves traffic at one revision: a snapshot and the long-lived things its versions use.
//!
//! Backends and meters outlive snapshots; they are looked up by name once, when a catalog is prepared, so that a
//! request finds both by index. The three are swapped as one.

use std::sync::Arc;

use crate::quota_fields::QuotaFields;
use crate::registry::key_pair::KeyType;
use crate::snapshot::{Snapshot, VersionId};
use crate::telemetry::meter::Meter;
use crate::upstream::{Backend, Backends};

/// A snapshot with the backends and the meter of each of its versions.
#[derive(Debug, Default)]
pub struct Served {
    /// The compiled catalog.
    pub snapshot: Snapshot,
    /// Which fields tell callers of their quotas.
    pub quota_fields: QuotaFields,
    backends: Vec<Backends>,
    meters: Vec<Meter>,
}

impl Served {
    /// Joins a snapshot with its versions' backends and meters, both in the order of the versions.
    pub fn new(snapshot: Snapshot, backends: Vec<Backends>, meters: Vec<Meter>) -> Self {
        Self {
            snapshot,
            quota_fields: QuotaFields::default(),
            backends,
            meters,
        }
    }

    /// Tells callers of their quotas by these fields.
    #[must_use]
    pub fn telling(self, quota_fields: QuotaFields) -> Self {
        Self { quota_fields, ..self }
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
