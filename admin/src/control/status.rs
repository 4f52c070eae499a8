//! What became of changes: values that are told to operators.

use std::time::SystemTime;

use super::edit::Edited;
use super::publish::Revision;
use crate::model::violation::Violation;

/// What became of a change, and of each edit that it was made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// What is served now.
    pub applied: Applied,
    /// What the edits did, in their order.
    pub edited: Vec<Edited>,
    /// How many files were written.
    pub written: usize,
}

/// What became of a change that was not refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Applied {
    /// The catalog that is served.
    pub revision: Revision,
    /// How many APIs it holds.
    pub apis: usize,
    /// What the change did.
    pub effect: Effect,
}

/// What a change did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// A new revision is served.
    Published,
    /// The files say again what was served all the while that they were refused.
    Restored,
    /// Nothing; the files say what is served.
    Unchanged,
}

/// What is served, and what keeps the files from being served.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The revision that is served; 0 before the first.
    pub revision: Revision,
    /// How many APIs it holds.
    pub apis: usize,
    /// When it went live, if any did.
    pub applied: Option<SystemTime>,
    /// What is wrong with the change refused last; empty when the files are what is served.
    pub violations: Vec<Violation>,
}

impl Status {
    pub(super) fn publish(&mut self, revision: Revision, apis: usize) {
        *self = Self {
            revision,
            apis,
            applied: Some(SystemTime::now()),
            violations: Vec::new(),
        };
    }
}
