//! The process's variables, read once and passed on; and what configuration files may refer to.
//!
//! [`Environment::from_process`] is the only place that reads the environment. Values are kept out of `Debug`, since
//! secrets travel this way.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;

use crate::model::source::References;

/// The process's variables, as they were when it started; cheap to clone.
#[derive(Clone, Default)]
pub struct Environment {
    variables: Arc<BTreeMap<String, String>>,
}

impl Environment {
    /// Reads the variables of this process.
    ///
    /// What is not UTF-8 is kept with replacement characters, so that it is refused where it is used and not missed.
    pub fn from_process() -> Self {
        let text = |raw: std::ffi::OsString| raw.to_string_lossy().into_owned();
        let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        Self {
            variables: Arc::new(variables.collect()),
        }
    }

    /// Makes an environment out of names and values.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self {
            variables: Arc::new(variables.collect()),
        }
    }

    /// Returns the variables whose name starts with a prefix, sorted by name.
    pub fn starting_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let from = self.variables.range(prefix.to_owned()..);
        from.map(|(name, value)| (name.as_str(), value.as_str()))
            .take_while(move |(name, _)| name.starts_with(prefix))
    }
}

impl References for Environment {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn file(&self, source: &str, path: &str) -> io::Result<String> {
        let path = Path::new(source).parent().unwrap_or(Path::new("")).join(path);
        let mut text = String::new();
        // Nobody who names a pipe makes the reader wait for whoever writes to it.
        let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB"));
        }
        Ok(text)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("names", &self.variables.keys())
            .finish_non_exhaustive()
    }
}

/// No file that is referred to, such as a certificate or a secret, is larger.
const MAX_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_by_name_and_by_prefix() {
        let environment = Environment::from_pairs([("A", "1"), ("TOLLGATE_B", "2"), ("TOLLGATE_A", "3"), ("Z", "4")]);
        assert_eq!(environment.variable("A").as_deref(), Some("1"));
        assert_eq!(environment.variable("B"), None);
        let found: Vec<_> = environment.starting_with("TOLLGATE_").collect();
        assert_eq!(found, [("TOLLGATE_A", "3"), ("TOLLGATE_B", "2")]);
    }

    #[test]
    fn values_are_kept_out_of_debug_output() {
        let environment = Environment::from_pairs([("PASSWORD", "hunter2")]);
        assert!(!format!("{environment:?}").contains("hunter2"));
    }

    #[test]
    fn files_are_found_beside_the_file_that_names_them() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("secret"), "s3cret\n").unwrap();
        let source = dir.path().join("tollgate.toml").display().to_string();
        let environment = Environment::default();
        assert_eq!(environment.file(&source, "secret").unwrap(), "s3cret\n");
        let absolute = dir.path().join("secret").display().to_string();
        assert_eq!(environment.file("elsewhere/x.toml", &absolute).unwrap(), "s3cret\n");
        assert_eq!(
            environment.file(&source, "missing").unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn a_file_without_end_is_not_read_to_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("tollgate.toml").display().to_string();
        let endless = std::fs::File::create(dir.path().join("endless")).unwrap();
        endless.set_len(1 << 40).unwrap();
        let error = Environment::default().file(&source, "endless").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        let error = Environment::default().file("", "/dev/zero").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn the_process_has_variables() {
        assert!(Environment::from_process().variable("PATH").is_some());
    }
}
