//! The control plane's only demand on whoever serves traffic.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::catalog::Catalog;
use crate::model::violation::Violation;

/// The number of a catalog; rises by one with each applied change of this process.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A prepared catalog: calling it makes it live and cannot fail, dropping it abandons it.
pub type Commit = Box<dyn FnOnce() + Send>;

/// Makes catalogs live, in two phases: everything that can fail comes before anything that can be seen.
pub trait Publish: Send + Sync {
    /// Prepares a catalog to be served.
    ///
    /// # Errors
    ///
    /// Returns everything that keeps the catalog from being served.
    fn prepare(&self, revision: Revision, catalog: &Catalog) -> Result<Commit, Vec<Violation>>;
}
