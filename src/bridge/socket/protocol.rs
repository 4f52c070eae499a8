//! What is said over the control socket: one request and one answer, each a line of JSON.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::runtime::Handle;

use crate::bridge::reload::{Outcome, Reload};
use crate::bridge::upkeep::{Upkeep, chain};
use crate::cache::purge::Purge;
use crate::explain::explanation::Explanation;
use crate::explain::question::Question;
use crate::explain::refusals::Refused;
use crate::model::violation::Violation;

/// A request as it travels.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) command: Command,
}

/// What may be asked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Say what would come of a request.
    Explain(Box<Question>),
    /// Take in what was changed in the registry and in the directory of signing keys, and answer when that is done.
    Follow,
    /// Forget what is kept of responses, as far as it is named.
    Purge(Box<Purge>),
    /// Say what was refused with a request id.
    Recall(String),
    /// Read the catalog's files now, and answer when they are served or refused.
    Reload,
    /// Make a new signing key.
    RotateKey,
    /// Say what is served.
    Status,
}

/// What is answered; which fields there are tells which it is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What is served, and what keeps the files from being served.
    Status(Report),
    /// The files are served.
    Reloaded(Outcome),
    /// The files are refused; what was served before still is.
    Refused {
        /// Everything that is wrong with them.
        violations: Vec<Violation>,
    },
    /// What was changed is known to the next request.
    Followed {
        /// Always true; it tells this answer from others.
        followed: bool,
    },
    /// What would come of a request.
    Explained {
        /// The decision of each stage.
        explained: Box<Explanation>,
    },
    /// What was refused with a request id.
    Recalled {
        /// The refusals, the latest first; empty where none is remembered.
        recalled: Vec<Refused>,
    },
    /// What was named is no longer used.
    Purged {
        /// Always true; it tells this answer from others.
        purged: bool,
    },
    /// What was asked for could not be done.
    Failed {
        /// Why.
        failed: String,
    },
    /// A new signing key is published, and will sign.
    Rotated {
        /// Its name.
        kid: String,
    },
    /// The request made no sense.
    Misunderstood {
        /// What is wrong with it.
        error: String,
    },
}

/// What a gateway serves.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The revision that is served.
    pub revision: u64,
    /// How many APIs it holds.
    pub apis: usize,
    /// When it went live, as RFC 3339 has it.
    pub applied: Option<String>,
    /// What is wrong with the files as they are; empty when they are what is served.
    pub violations: Vec<Violation>,
    /// The process that answers.
    pub process: u32,
}

impl Reload {
    /// Reads the catalog, and answers what became of it. It blocks.
    pub fn reload_answer(&self) -> Answer {
        match self.run() {
            Ok(outcome) => Answer::Reloaded(outcome),
            Err(violations) => Answer::Refused { violations },
        }
    }

    /// Answers what is served.
    pub fn status_answer(&self) -> Answer {
        let status = self.status();
        let applied = status
            .applied
            .and_then(|at| OffsetDateTime::from(at).format(&Rfc3339).ok());
        let (revision, process) = (status.revision.0, std::process::id());
        Answer::Status(Report {
            revision,
            apis: status.apis,
            applied,
            violations: status.violations,
            process,
        })
    }
}

impl Upkeep {
    /// Takes in what others have changed, and answers when that is done. It blocks.
    pub fn follow_answer(&self, runtime: &Handle) -> Answer {
        match runtime.block_on(self.follow()) {
            Ok(()) => Answer::Followed { followed: true },
            Err(failed) => Answer::Failed { failed },
        }
    }

    /// Makes a new signing key, and answers with its name. It blocks.
    pub fn rotate_answer(&self) -> Answer {
        match self.rotate() {
            Ok(kid) => Answer::Rotated { kid },
            Err(reason) => Answer::Failed { failed: chain(&reason) },
        }
    }
}

#[cfg(test)]
mod tests {
    use admin::control::publish::Revision;

    use super::*;

    fn line(answer: &Answer) -> String {
        serde_json::to_string(answer).unwrap()
    }

    #[test]
    fn requests_and_answers_are_spelt_as_the_manual_says() {
        for (command, word) in [
            (Command::Follow, "follow"),
            (Command::Reload, "reload"),
            (Command::RotateKey, "rotate_key"),
            (Command::Status, "status"),
        ] {
            let text = serde_json::to_string(&Request { command }).unwrap();
            assert_eq!(text, format!(r#"{{"command":"{word}"}}"#));
        }
        let reloaded = Answer::Reloaded(Outcome {
            revision: Revision(7),
            apis: 3,
            unchanged: false,
        });
        let refused = Answer::Refused { violations: Vec::new() };
        assert_eq!(line(&reloaded), r#"{"revision":7,"apis":3,"unchanged":false}"#);
        assert_eq!(line(&refused), r#"{"violations":[]}"#);
        let report = Report {
            revision: 7,
            apis: 3,
            applied: None,
            violations: Vec::new(),
            process: 1,
        };
        let (followed, rotated) = (
            Answer::Followed { followed: true },
            Answer::Rotated { kid: "k".to_owned() },
        );
        let failed = Answer::Failed {
            failed: "away".to_owned(),
        };
        assert_eq!(line(&followed), r#"{"followed":true}"#);
        assert_eq!(line(&rotated), r#"{"kid":"k"}"#);
        for answer in [reloaded, refused, Answer::Status(report), followed, rotated, failed] {
            assert_eq!(serde_json::from_str::<Answer>(&line(&answer)).unwrap(), answer);
        }
    }

    #[test]
    fn a_request_that_is_not_known_is_refused() {
        for text in [
            r#"{"command":"explode"}"#,
            "{}",
            r#"{"command":"reload","force":true}"#,
            "reload",
        ] {
            assert!(serde_json::from_str::<Request>(text).is_err(), "{text}");
        }
    }
}
