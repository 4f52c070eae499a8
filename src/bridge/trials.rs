//! The policy tests of a catalog directory, demanded to pass before a change of the catalog is served.

use std::path::PathBuf;

use admin::control::files;

use crate::forwarding::Trust;
use crate::model::catalog::Catalog;
use crate::model::violation::Violation;
use crate::settings::{Limits, Settings};
use crate::snapshot::Snapshot;
use crate::trial::{self, Against};

/// The policy tests of a catalog directory.
#[derive(Debug)]
pub struct Trials {
    catalog: PathBuf,
    limits: Limits,
    trust: Trust,
}

impl Trials {
    /// Returns the tests that the settings require to pass, if they do.
    pub fn required(settings: &Settings) -> Option<Self> {
        settings.require_tests.then(|| Self {
            catalog: settings.catalog.clone(),
            limits: settings.limits.clone(),
            trust: Trust::new(settings.gateway.trusted_proxies.clone()),
        })
    }

    /// Runs every test against a catalog as it would be served.
    ///
    /// # Errors
    ///
    /// Returns each test that fails, everything that is wrong with their files, or that there is no folder of them.
    pub(super) fn demand(&self, catalog: &Catalog, snapshot: &Snapshot) -> Result<(), Vec<Violation>> {
        let sources = files::read_tests(&self.catalog)?.ok_or_else(|| vec![self.none()])?;
        let against = Against {
            catalog,
            snapshot,
            limits: &self.limits,
            trust: &self.trust,
        };
        let failing = trial::violations(&trial::judge(&sources, against)?);
        if failing.is_empty() { Ok(()) } else { Err(failing) }
    }

    /// Says that there is nothing to require: what a volume looks like that is not mounted.
    fn none(&self) -> Violation {
        Violation {
            file: self.catalog.join("tests").display().to_string(),
            line: 0,
            column: 0,
            path: String::new(),
            message: "`catalog.require_tests` is set, and there is no folder of policy tests".to_owned(),
            fix: Some("make it; an empty one requires nothing".to_owned()),
        }
    }
}
