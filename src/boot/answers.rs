//! Who answers the control socket.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::accept::certificates::Certificates;
use crate::bridge::reload::Reload;
use crate::bridge::socket::{Answer, Command};
use crate::bridge::upkeep::Upkeep;
use crate::explain::Explainer;

/// Who answers the control socket.
pub(super) struct Answers {
    pub(super) explainer: Arc<Explainer>,
    pub(super) reload: Reload,
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) upkeep: Upkeep,
    pub(super) runtime: Handle,
}

impl Answers {
    /// Answers a request; it blocks.
    pub(super) fn answer(&self, command: Command) -> Answer {
        match command {
            Command::Explain(question) => self.explainer.explain_answer(&question, &self.runtime),
            Command::Follow => self.upkeep.follow_answer(&self.runtime),
            Command::Recall(request) => self.explainer.recall_answer(&request),
            Command::Reload => self.reload(),
            Command::RotateKey => self.upkeep.rotate_answer(),
            Command::Status => self.reload.status_answer(),
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
