//! Who answers the control socket.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::accept::certificates::Certificates;
use crate::bridge::purging::purged;
use crate::bridge::reload::Reload;
use crate::bridge::socket::{Answer, Command};
use crate::bridge::upkeep::Upkeep;
use crate::cache::purge::{Purge, Purger};
use crate::explain::Explainer;

/// Who answers the control socket.
pub(super) struct Answers {
    pub(super) explainer: Arc<Explainer>,
    pub(super) reload: Reload,
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) upkeep: Upkeep,
    pub(super) purger: Arc<Purger>,
    pub(super) runtime: Handle,
}

impl Answers {
    /// Answers a request; it blocks.
    pub(super) fn answer(&self, command: Command) -> Answer {
        match command {
            Command::Explain(question) => self.explainer.explain_answer(&question, &self.runtime),
            Command::Follow => self.upkeep.follow_answer(&self.runtime),
            Command::Purge(purge) => self.purge(&purge),
            Command::Recall(request) => self.explainer.recall_answer(&request),
            Command::Reload => self.reload(),
            Command::RotateKey => self.upkeep.rotate_answer(),
            Command::Status => self.reload.status_answer(),
        }
    }

    fn purge(&self, purge: &Purge) -> Answer {
        match purged(&self.purger, purge, OPERATOR) {
            Ok(()) => Answer::Purged { purged: true },
            Err(reason) => Answer::Failed {
                failed: reason.to_string(),
            },
        }
    }

    /// Rereads everything that is read while traffic flows, certificates included.
    fn reload(&self) -> Answer {
        let answer = self.reload.reload_answer();
        let reloaded = self
            .certificates
            .as_deref()
            .filter(|_| matches!(answer, Answer::Reloaded(_)));
        match reloaded.map(Certificates::reload_now) {
            Some(Err(violations)) => Answer::Refused { violations },
            Some(Ok(_)) | None => answer,
        }
    }
}

/// Whoever may read the data directory, which is all that is known of who asks.
const OPERATOR: &str = "control socket";
