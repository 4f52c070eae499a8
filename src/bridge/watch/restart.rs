//! Says when the settings file states something else than what runs, since that needs a restart.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tracing::{info, warn};

use crate::model::violation::Violation;
use crate::settings::Stated;
use crate::settings::environment::Environment;

/// Compares the settings on disk with those that run.
#[derive(Clone, Debug)]
pub struct Restart {
    conf: PathBuf,
    environment: Environment,
    running: Stated,
    mark: Option<Mark>,
    told: Difference,
}

impl Restart {
    /// Makes a comparison with what runs; `conf` and `environment` are what it was loaded from.
    pub fn new(conf: PathBuf, environment: Environment, running: Stated) -> Self {
        let mark = Mark::of(running.file());
        Self {
            conf,
            environment,
            running,
            mark,
            told: Difference::Keys(Vec::new()),
        }
    }

    /// Returns the settings file.
    pub(super) fn file(&self) -> &Path {
        self.running.file()
    }

    /// Looks at the settings file, and logs what is new about it.
    pub(super) fn look(&mut self) {
        match self.news() {
            None => {}
            Some(Difference::Keys(keys)) if keys.is_empty() => info!("settings on disk are what runs again"),
            Some(Difference::Keys(keys)) => warn!(keys = keys.join(", "), "settings need a restart"),
            Some(Difference::Refused(violations)) => {
                for violation in violations {
                    warn!(%violation, "settings on disk would be refused");
                }
            }
        }
    }

    /// Returns how the settings on disk differ from what runs, if that has not been told before.
    fn news(&mut self) -> Option<&Difference> {
        let mark = Mark::of(self.running.file());
        if mark == self.mark {
            return None;
        }
        self.mark = mark;
        let difference = match Stated::read(&self.conf, &self.environment) {
            Ok(stated) => Difference::Keys(self.running.differences(&stated)),
            Err(violations) => Difference::Refused(violations),
        };
        if difference == self.told {
            return None;
        }
        self.told = difference;
        Some(&self.told)
    }
}

/// How the settings on disk differ from what runs.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Difference {
    /// In these keys.
    Keys(Vec<String>),
    /// They could not run at all.
    Refused(Vec<Violation>),
}

/// What a file looked like, without its text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Mark {
    inode: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

impl Mark {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let (inode, changed) = (
            (metadata.dev(), metadata.ino()),
            (metadata.ctime(), metadata.ctime_nsec()),
        );
        Some(Self {
            inode,
            size: metadata.len(),
            changed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_differ_are_told_once_by_key() {
        let dir = tempfile::tempdir().unwrap();
        let environment = Environment::default();
        let write = |text: &str| {
            // As editors do it, so that each writing is a file of its own.
            fs::write(dir.path().join("new"), text).unwrap();
            fs::rename(dir.path().join("new"), dir.path().join("tollgate.toml")).unwrap();
        };
        write("");
        let running = Stated::read(dir.path(), &environment).unwrap();
        let mut restart = Restart::new(dir.path().to_path_buf(), environment, running);
        assert_eq!(restart.news(), None);

        write("# a comment\n");
        assert_eq!(restart.news(), None);
        write("[limits]\nconnections = 5\n");
        assert_eq!(
            restart.news(),
            Some(&Difference::Keys(vec!["limits.connections".to_owned()]))
        );
        assert_eq!(restart.news(), None);
        write("[limits]\nconnections = 0\n");
        assert!(matches!(restart.news(), Some(Difference::Refused(violations)) if violations.len() == 1));
        write("");
        assert_eq!(restart.news(), Some(&Difference::Keys(Vec::new())));
        fs::remove_file(dir.path().join("tollgate.toml")).unwrap();
        assert_eq!(
            restart.news(),
            None,
            "no file means defaults, and defaults are what runs"
        );
    }
}
