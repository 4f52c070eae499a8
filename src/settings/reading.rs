//! From a settings file and the environment to the raw settings, and who stated what.
//!
//! Nothing is judged here beyond its type; `believe.rs` does that, and asks [`Origins`] whom to blame.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::model::reader::{self, Places};
use crate::model::source::{References, Source};
use crate::model::violation::Violation;

use super::environment::Environment;
use super::keys::{self, Key, PREFIX};
use super::raw::Raw;

/// The settings as stated.
pub(super) struct Reading {
    pub(super) raw: Raw,
    pub(super) origins: Origins,
    /// The settings file, whether it exists or not.
    pub(super) file: PathBuf,
    /// What could not be read; the rest is judged all the same, so that everything is told at once.
    pub(super) violations: Vec<Violation>,
}

/// Who stated what.
pub(super) struct Origins {
    file: String,
    places: Option<Places>,
    /// Whether the file states something, and nobody knows what.
    is_doubtful: bool,
    overridden: Vec<&'static Key>,
}

/// Reads the settings that a configuration directory, or a settings file, states.
pub(super) fn read(conf: &Path, environment: &Environment) -> Result<Reading, Vec<Violation>> {
    let file = locate(conf).map_err(|violation| vec![violation])?;
    let references = Beside {
        environment,
        file: file.display().to_string(),
    };
    let mut violations = Vec::new();
    let mut origins = Origins {
        file: references.file.clone(),
        places: None,
        is_doubtful: false,
        overridden: Vec::new(),
    };
    let mut raw = Raw::default();
    match read_file(&file) {
        Ok(Some(text)) => {
            let source = Source {
                name: references.file.as_str().into(),
                text: text.into(),
            };
            let reading = reader::recover(&source, &references);
            violations = reading.violations;
            origins.is_doubtful = reading.kept.is_none();
            if let Some((stated, places)) = reading.kept {
                (raw, origins.places) = (stated, Some(places));
            }
        }
        Ok(None) => {}
        Err(found) => (violations, origins.is_doubtful) = (found, true),
    }
    for (variable, value) in environment.starting_with(PREFIX) {
        match overriding(variable, value, &references) {
            Ok(Some((key, part))) => {
                (key.take)(&mut raw, part);
                origins.overridden.push(key);
            }
            Ok(None) => {}
            Err(found) => violations.extend(found),
        }
    }
    Ok(Reading {
        raw,
        origins,
        file,
        violations,
    })
}

/// Finds the settings file: `--conf` names its directory, or the file itself.
fn locate(conf: &Path) -> Result<PathBuf, Violation> {
    match fs::metadata(conf) {
        Ok(metadata) if metadata.is_dir() => Ok(conf.join(FILE_NAME)),
        Ok(_) => Ok(conf.to_path_buf()),
        Err(reason) => Err(
            blame(conf, format!("the configuration cannot be read: {reason}")).fix(format!(
                "`--conf` names a directory with `{FILE_NAME}` and `catalog/` in it"
            )),
        ),
    }
}

/// Returns the text of the settings file; none where a directory has no such file, which means defaults.
fn read_file(file: &Path) -> Result<Option<String>, Vec<Violation>> {
    match fs::read(file).map(String::from_utf8) {
        Ok(Ok(text)) => Ok(Some(text)),
        Ok(Err(_)) => Err(vec![blame(file, "not valid UTF-8".to_owned())]),
        Err(reason) if reason.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(file).is_err() => Ok(None),
        Err(reason) => Err(vec![blame(file, format!("the settings cannot be read: {reason}"))]),
    }
}

/// Reads the variable that overrides a key.
fn overriding(
    variable: &str,
    value: &str,
    references: &dyn References,
) -> Result<Option<(&'static Key, Raw)>, Vec<Violation>> {
    let Some(key) = keys::find(variable, value).map_err(|violation| vec![violation])? else {
        return Ok(None);
    };
    let fragment = key.fragment(value).map_err(|violation| vec![violation])?;
    let source = Source {
        name: variable.into(),
        text: fragment.into(),
    };
    match reader::read(&source, references) {
        Ok((part, _)) => Ok(Some((key, part))),
        Err(violations) => {
            let placeless = |violation| Violation {
                line: 0,
                column: 0,
                ..violation
            };
            Err(violations.into_iter().map(placeless).collect())
        }
    }
}

fn blame(file: &Path, message: String) -> Violation {
    Violation {
        file: file.display().to_string(),
        line: 0,
        column: 0,
        path: String::new(),
        message,
        fix: None,
    }
}

/// The file inside a configuration directory.
const FILE_NAME: &str = "tollgate.toml";

/// References that lead to files beside the settings file, also from a variable.
struct Beside<'e> {
    environment: &'e Environment,
    file: String,
}

impl References for Beside<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.environment.variable(name)
    }

    fn file(&self, _source: &str, path: &str) -> io::Result<String> {
        self.environment.file(&self.file, path)
    }

    fn named_by<'t>(&self, text: &'t str) -> Option<&'t str> {
        text.strip_prefix("file:").map(str::trim)
    }
}

impl Origins {
    /// Tells whether a value may have been stated and refused, so that a default in its place says nothing.
    pub(super) fn lost(&self, path: &str) -> bool {
        let is_lost = |places: &Places| {
            let section = path.split('.').next().unwrap_or(path);
            places.lost(path) || places.lost(section)
        };
        self.is_doubtful || self.places.as_ref().is_some_and(is_lost)
    }

    /// Blames whoever stated a value: the file, with its place, or a variable.
    pub(super) fn blame(&self, path: &str, message: String) -> Violation {
        let states = |key: &&Key| {
            path.strip_prefix(&key.path())
                .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        if let Some(key) = self.overridden.iter().copied().find(states) {
            return keys::blame(&key.variable(), path.to_owned(), message);
        }
        match &self.places {
            Some(places) => places.blame(path, message),
            None => keys::blame(&self.file, path.to_owned(), message),
        }
    }
}
