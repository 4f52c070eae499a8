//! A file as it was read, and what a file may refer to.
//!
//! The model opens nothing itself: whoever reads the files hands in their text, and answers for the variables and
//! files that a text names.

use std::io;
use std::sync::Arc;

/// A file as it was read; cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// Its name as the operator would say it, such as `conf/catalog/apis/demo.toml`.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
}

impl Source {
    /// Tells whether this is its text. That of a file that was not touched is held in one place, and not compared.
    pub fn says(&self, text: &Arc<str>) -> bool {
        Arc::ptr_eq(&self.text, text) || self.text == *text
    }
}

/// Answers for what a file refers to.
pub trait References {
    /// Returns the value of an environment variable, if it is set.
    fn variable(&self, name: &str) -> Option<String>;

    /// Reads a file that `source` names; a relative path is relative to `source`.
    ///
    /// # Errors
    ///
    /// Returns why the file cannot be read.
    fn file(&self, source: &str, path: &str) -> io::Result<String>;

    /// Returns the path of the file whose text a whole string stands for; by default no string stands for a file.
    fn named_by<'t>(&self, _text: &'t str) -> Option<&'t str> {
        None
    }
}

/// References that lead nowhere: no variable is set and no file is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReferences;

impl References for NoReferences {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    fn file(&self, _source: &str, _path: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}
