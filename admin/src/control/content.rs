//! What a catalog was made of: its sources, and everything outside of them that they refer to.
//!
//! A certificate that is renewed in place, or a variable, changes what a catalog means without changing its files. So
//! every reference that was followed is remembered with a digest of what it led to, and no text of theirs is kept.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Mutex;

use super::lock;
use crate::model::source::{References, Source};

/// What a catalog was made of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Content {
    /// In the order of their names.
    sources: Vec<Source>,
    followed: BTreeMap<Reference, u64>,
}

impl Content {
    /// Tells whether these sources would be read as this content was.
    pub(super) fn is(&self, sources: &[Source], references: &dyn References, digest: &RandomState) -> bool {
        let now = by_name(sources);
        now.len() == self.sources.len()
            && now.into_iter().zip(&self.sources).all(is_same)
            && !self.is_outdated(references, digest)
    }

    /// Tells whether anything that the sources refer to is no longer what it was.
    pub(super) fn is_outdated(&self, references: &dyn References, digest: &RandomState) -> bool {
        self.followed
            .iter()
            .any(|(reference, then)| reference.follow(references, digest) != *then)
    }
}

/// Something outside of the sources.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Reference {
    File { source: String, path: String },
    Variable(String),
}

impl Reference {
    fn follow(&self, references: &dyn References, digest: &RandomState) -> u64 {
        match self {
            Self::File { source, path } => digest.hash_one(references.file(source, path).ok()),
            Self::Variable(name) => digest.hash_one(references.variable(name)),
        }
    }
}

/// Follows references and remembers which.
pub(super) struct Recorder<'a> {
    references: &'a dyn References,
    digest: &'a RandomState,
    followed: Mutex<BTreeMap<Reference, u64>>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(references: &'a dyn References, digest: &'a RandomState) -> Self {
        Self {
            references,
            digest,
            followed: Mutex::default(),
        }
    }

    /// Returns what these sources, and what was followed while reading them, amount to.
    pub(super) fn content(&self, sources: &[Source]) -> Content {
        Content {
            sources: by_name(sources).into_iter().cloned().collect(),
            followed: lock(&self.followed).clone(),
        }
    }
}

impl References for Recorder<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        let value = self.references.variable(name);
        lock(&self.followed).insert(Reference::Variable(name.to_owned()), self.digest.hash_one(&value));
        value
    }

    fn file(&self, source: &str, path: &str) -> io::Result<String> {
        let text = self.references.file(source, path);
        let reference = Reference::File {
            source: source.to_owned(),
            path: path.to_owned(),
        };
        lock(&self.followed).insert(reference, self.digest.hash_one(text.as_ref().ok()));
        text
    }
}

fn by_name(sources: &[Source]) -> Vec<&Source> {
    let mut sources: Vec<_> = sources.iter().collect();
    sources.sort_unstable_by_key(|source| &source.name);
    sources
}

fn is_same((one, other): (&Source, &Source)) -> bool {
    one.name == other.name && one.says(&other.text)
}
