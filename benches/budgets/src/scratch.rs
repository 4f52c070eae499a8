//! Directories that go with their value. `tempfile` would ask `rustix` for a feature that the gateway does not.

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

/// A directory of this process.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes it; a name is used once in a process.
    pub(crate) fn new(name: &str) -> io::Result<Self> {
        let path = env::temp_dir().join(format!("tollgate-budgets-{}-{name}", process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Returns where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever cleans the system's directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}
