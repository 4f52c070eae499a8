//! Why a command about consumers did not do what it was asked.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};

use admin::registry::RegistryError;

use crate::boot::BootError;
use crate::command::exit::Exit;
use crate::command::output::Output;
use crate::command::render;
use crate::model::suggestion::nearest;
use crate::model::violation::Violation;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// It broke.
    Broken(String),
    /// What was asked makes no sense; and what would.
    Refused { reason: String, help: Option<String> },
    /// The configuration makes no sense.
    Violations(Vec<Violation>),
}

impl Failure {
    pub(super) fn broken(error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(reason) = cause {
            text.push_str(&format!(": {reason}"));
            cause = reason.source();
        }
        Self::Broken(text)
    }

    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused {
            reason: reason.into(),
            help: None,
        }
    }

    pub(super) fn help(self, text: impl Into<String>) -> Self {
        match self {
            Self::Refused { reason, .. } => Self::Refused {
                reason,
                help: Some(text.into()),
            },
            Self::Broken(_) | Self::Violations(_) => self,
        }
    }

    /// Refuses a name that nothing has, and says which ones there are.
    pub(super) fn unknown<N: Display>(noun: &str, name: &str, known: impl IntoIterator<Item = N>) -> Self {
        let known: Vec<_> = known.into_iter().map(|name| name.to_string()).collect();
        let refused = Self::refused(format!("there is no {noun} `{name}`"));
        if let Some(meant) = nearest(name, known.iter().map(String::as_str)) {
            return refused.help(format!("did you mean `{meant}`?"));
        }
        let names: Vec<_> = known.iter().take(MOST_NAMED).map(|name| format!("`{name}`")).collect();
        let more = known.len().saturating_sub(MOST_NAMED);
        match (names.is_empty(), more) {
            (true, _) => refused.help(format!("there is no {noun} at all")),
            (false, 0) => refused.help(format!("there is {}", names.join(", "))),
            (false, more) => refused.help(format!("there is {} and {more} more", names.join(", "))),
        }
    }

    pub(super) fn write(&self, err: &mut Output<'_>) -> io::Result<Exit> {
        match self {
            Self::Broken(reason) => writeln!(err, "error: {reason}").map(|()| Exit::Failed),
            Self::Refused { reason, help } => {
                writeln!(err, "error: {reason}")?;
                if let Some(help) = help {
                    writeln!(err, "  = help: {help}")?;
                }
                Ok(Exit::Refused)
            }
            Self::Violations(violations) => render::violations(violations, err).map(|()| Exit::Refused),
        }
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Conflict(_) | RegistryError::Invalid(_) | RegistryError::Missing(_) => {
                Self::refused(error.to_string())
            }
            RegistryError::Overloaded | RegistryError::Unavailable(_) => Self::broken(&error),
        }
    }
}

impl From<BootError> for Failure {
    fn from(error: BootError) -> Self {
        match error {
            BootError::Refused(violations) => Self::Violations(violations),
            BootError::AccessLog { .. }
            | BootError::Bind { .. }
            | BootError::Data { .. }
            | BootError::DataTaken(_)
            | BootError::Keys(_)
            | BootError::Random
            | BootError::Registry(_)
            | BootError::RegistryLate(_)
            | BootError::Socket(_)
            | BootError::Store(_)
            | BootError::Unfinished(_) => Self::broken(&error),
        }
    }
}

/// So many names are listed; who has more asks for the list.
const MOST_NAMED: usize = 20;
