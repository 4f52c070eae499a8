//! Why changes of the catalog were not applied, as problems.

use http::StatusCode;

use super::{Flaw, Problem, pointer};
use crate::control::ControlError;
use crate::control::edit::{EditError, Edited};
use crate::control::files::WriteError;
use crate::model::violation::Violation;

/// Why a change of the catalog was not applied. Places inside what was sent are told as pointers into it; with several
/// edits, each by its number.
impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Edit(error) => Self::from(error),
            ControlError::Broken(violations) | ControlError::Unreadable(violations) => {
                let detail = "the files were edited and cannot be served as they are; mend them first";
                let mut problem = Self::new(StatusCode::CONFLICT, "files_refused", detail);
                problem.0.violations = violations.iter().map(Flaw::from).collect();
                problem
            }
            ControlError::Refused { violations, edited } => {
                let flaws = violations.iter().map(|violation| Flaw::within(violation, &edited));
                Self::refused("the catalog that it would make is refused", flaws.collect())
            }
            ControlError::Invalid { violations, .. } => {
                let flaws = violations.iter().map(Flaw::from).collect();
                Self::refused("the files are refused", flaws)
            }
            ControlError::Write(WriteError::Changed(file)) => {
                Self::conflict(format!("`{file}` was edited at the same moment; try again"))
            }
            ControlError::Write(WriteError::ReadOnly(reason)) => Self::new(
                StatusCode::CONFLICT,
                "read_only",
                format!("the catalog is read-only: {reason}"),
            ),
            ControlError::Write(error @ WriteError::Failed { .. }) => {
                tracing::error!(%error, "the catalog cannot be written");
                Self::unavailable("the files of the catalog cannot be written; see the log")
            }
        }
    }
}

/// Why an edit cannot be made.
impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        match &error {
            EditError::Exists(_) => Self::conflict(error.to_string()),
            EditError::Missing(_) => Self::missing(error.to_string()),
            EditError::Misnamed { key, .. } => Self::flawed(&format!("/{key}"), error.to_string()),
            EditError::Foreign(key) => Self::flawed(&format!("/{key}"), error.to_string()),
            EditError::Shapeless(_) => Self::flawed("", error.to_string()),
            EditError::Stale { now, .. } => Self::stale(now.as_ref().map(|now| format!("\"{now}\"")).as_deref()),
            EditError::Overtaken(_) | EditError::Unreadable(_) => Self::conflict(error.to_string()),
            EditError::Unserved => {
                let detail =
                    "the files were edited and are not what is served; reload or mend them, or say `force=true`";
                Self::new(StatusCode::CONFLICT, "files_unserved", detail)
            }
        }
    }
}

impl Flaw {
    /// Tells a violation of the catalog that edits would make: by its place in what was sent, where it stands there.
    fn within(violation: &Violation, edited: &[Edited]) -> Self {
        let inside = |edited: &Edited| {
            let is_same_file = edited.after.is_some() && edited.file == violation.file;
            let rest = violation.path.strip_prefix(&edited.path).filter(|_| is_same_file)?;
            let is_inside = edited.path.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']);
            is_inside.then(|| pointer(rest))
        };
        let mut places = edited.iter().enumerate().rev();
        let Some((number, place)) = places.find_map(|(number, edited)| Some((number, inside(edited)?))) else {
            return Self::from(violation);
        };
        let place = if edited.len() > 1 {
            format!("/changes/{number}/body{place}")
        } else {
            place
        };
        Self {
            pointer: Some(place),
            message: violation.message.clone(),
            fix: violation.fix.clone(),
            ..Self::default()
        }
    }
}
