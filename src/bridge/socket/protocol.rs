//! What is said over the control socket: one request and one answer, each a line of JSON.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::bridge::reload::{Outcome, Reload};
use crate::model::violation::Violation;

/// A request as it travels.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) command: Command,
}

/// What may be asked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Read the catalog's files now, and answer when they are served or refused.
    Reload,
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
    /// Answers a request of the control socket. It blocks.
    pub fn answer(&self, command: Command) -> Answer {
        match command {
            Command::Reload => match self.run() {
                Ok(outcome) => Answer::Reloaded(outcome),
                Err(violations) => Answer::Refused { violations },
            },
            Command::Status => {
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
        assert_eq!(
            serde_json::to_string(&Request {
                command: Command::Reload
            })
            .unwrap(),
            r#"{"command":"reload"}"#
        );
        assert_eq!(
            serde_json::to_string(&Request {
                command: Command::Status
            })
            .unwrap(),
            r#"{"command":"status"}"#
        );
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
        for answer in [reloaded, refused, Answer::Status(report)] {
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
