//! What the history keeps of what is served, and gives back.

use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::SystemTime;

use super::change::Author;
use super::history::{Entry, History, Texts};
use super::publish::Revision;
use super::stated::Stated;
use super::{Control, lock};
use crate::model::instant::UnixTime;

impl Control {
    /// Writes a line of the history: what differs from before, or everything.
    pub(super) fn remember(&self, stated: &Stated, before: Option<&Stated>, author: &Author) -> io::Result<()> {
        let Some((dir, history)) = &self.history else {
            return Ok(());
        };
        let mut history = lock(history);
        history.catch_up()?;
        // What differs is told of the catalog that the history has last: where it misses one, everything is told.
        let is_next = |before: &&Stated| history.head().is_some_and(|head| head.digest == before.digest(dir));
        let before = before.filter(is_next);
        let files = stated.differences(before.unwrap_or(&Stated::default()), dir);
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let entry = Entry {
            revision: stated.revision(),
            at: UnixTime(since.as_secs()),
            actor: author.actor.clone(),
            note: author.note.chars().take(LONGEST_NOTE).collect(),
            digest: stated.digest(dir),
        };
        history.keep(entry, before.is_none(), files)
    }

    /// Lists the catalogs that are kept, the latest first.
    pub fn revisions(&self) -> Vec<Entry> {
        let list = |(_, history): &(PathBuf, Mutex<History>)| lock(history).list().cloned().collect();
        self.history.as_ref().map(list).unwrap_or_default()
    }

    /// Returns the texts of a catalog that is kept, by names below the catalog directory.
    ///
    /// # Errors
    ///
    /// Fails when the history cannot be read.
    pub fn texts(&self, revision: Revision) -> io::Result<Option<Texts>> {
        self.history
            .as_ref()
            .map_or(Ok(None), |(_, history)| lock(history).texts(revision))
    }

    /// Returns the texts that a catalog changed, as they were before it and as they are, where both are kept.
    ///
    /// # Errors
    ///
    /// Fails when the history cannot be read.
    pub fn changes(&self, revision: Revision) -> io::Result<Option<(Texts, Texts)>> {
        self.history
            .as_ref()
            .map_or(Ok(None), |(_, history)| lock(history).changes(revision))
    }
}

/// No note in the history is longer, in characters.
const LONGEST_NOTE: usize = 500;
