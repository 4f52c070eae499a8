//! What the admin API asks of whoever serves traffic, put together; and reading the catalog again for it.

use std::path::PathBuf;
use std::sync::Arc;

use admin::control::change::{Author, Change};
use admin::control::{Changed, ControlError};
use admin::http::admin::catalog::Changes;
use admin::http::admin::ports::{Ports, Reload as Port, Reloaded};

use super::explaining::Explaining;
use super::purging::Purging;
use super::quotas::Counting;
use super::reload::Reload;
use super::traffic::Watching;
use crate::cache::purge::Purger;
use crate::explain::Explainer;
use crate::model::violation::Violation;

/// Puts together who answers the admin API.
pub fn ports(explainer: &Arc<Explainer>, purger: &Arc<Purger>, reload: &Reload, traffic: Arc<Watching>) -> Ports {
    Ports {
        explain: Arc::new(Explaining::new(Arc::clone(explainer))),
        changes: Arc::new(reload.clone()),
        purge: Arc::new(Purging::new(Arc::clone(purger))),
        quotas: Arc::new(Counting::new(Arc::clone(explainer))),
        reload: Arc::new(reload.clone()),
        traffic,
    }
}

impl Changes for Reload {
    fn change(&self, change: Change, author: &Author) -> Result<Changed, ControlError> {
        self.edit(change, author)
    }

    fn try_out(&self, change: Change) -> Result<Changed, ControlError> {
        self.rehearse(change)
    }

    fn directory(&self) -> PathBuf {
        self.catalog().clone()
    }
}

impl Port for Reload {
    fn reload(&self) -> Result<Reloaded, Vec<Violation>> {
        self.run().map(|outcome| Reloaded {
            revision: outcome.revision.0,
            apis: outcome.apis,
            unchanged: outcome.unchanged,
        })
    }
}
