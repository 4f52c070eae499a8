//! How a command ends, as its caller sees it.

use std::io;
use std::process::ExitCode;

/// How a command ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// It did what was asked: 0.
    Done,
    /// It could not: 1.
    Failed,
    /// What was asked, or the configuration, makes no sense: 2.
    Refused,
}

impl Exit {
    /// Ends a command whose output could not be written as one that failed.
    pub fn of(written: io::Result<Self>) -> Self {
        written.unwrap_or(Self::Failed)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Failed => Self::FAILURE,
            Exit::Refused => Self::from(2),
        }
    }
}
