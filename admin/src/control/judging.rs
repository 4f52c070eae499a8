//! Whether a change may go live: it is drafted, believed and prepared, and nothing is seen of it yet.

use std::path::Path;

use super::change::{Change, Proposal};
use super::content::{Content, Recorder};
use super::files;
use super::publish::{Commit, Revision};
use super::stated::Stated;
use super::{Control, ControlError, Writer, lock};
use crate::model::catalog::Catalog;
use crate::model::violation::Violation;

/// A catalog that may go live.
pub(super) struct Judged {
    pub(super) revision: Revision,
    /// Whether the history has it already.
    pub(super) is_known: bool,
    pub(super) commit: Commit,
    pub(super) catalog: Catalog,
    pub(super) content: Content,
    pub(super) stated: Stated,
}

/// Whether what is served already is judged once more: what judges it may have changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Anew {
    Always,
    WhereItDiffers,
}

/// Why a change may not go live, and what the catalog would have been made of, where it could be read.
pub(super) struct Unjudged {
    pub(super) error: ControlError,
    pub(super) content: Option<Content>,
}

impl Unjudged {
    fn of(error: ControlError, content: Option<Content>) -> Box<Self> {
        Box::new(Self { error, content })
    }
}

impl Control {
    /// Drafts, believes and prepares a change; `None` where it leaves everything as it is served.
    pub(super) fn judged(
        &self,
        writer: &mut Writer,
        change: Change,
        anew: Anew,
    ) -> Result<(Proposal, Option<Judged>), Box<Unjudged>> {
        let is_of_files = change.is_of_files();
        let is_read = is_of_files && !matches!(change, Change::Replace(_));
        let before = self.stated();
        let proposal = change
            .propose(&mut writer.files, &before)
            .map_err(|error| Unjudged::of(error, None))?;
        if is_read && proposal.sources.is_empty() && lock(&self.status).apis > 0 {
            let fix = "mount it again; to serve nothing, keep a file without APIs";
            let gone = nowhere("the catalog directory holds no file any more".to_owned(), Some(fix));
            return Err(Unjudged::of(ControlError::Unreadable(vec![gone]), None));
        }
        let drafts = proposal.written.iter().flat_map(|(_, drafts)| drafts);
        let unfit = drafts.filter_map(|draft| files::unfit(&draft.name, draft.after.as_deref()?));
        let unfit: Vec<_> = unfit.collect();
        if !unfit.is_empty() {
            let (violations, edited) = (unfit, proposal.edited);
            return Err(Unjudged::of(ControlError::Refused { violations, edited }, None));
        }
        if anew == Anew::WhereItDiffers && writer.serves(&proposal.sources, &*self.references, &self.digest) {
            return Ok((proposal, None));
        }
        let stated = Stated::of(&proposal.sources, &before);
        let (revision, is_known) = self.next(writer, &stated);
        let recorder = Recorder::new(&*self.references, &self.digest);
        let prepared = Catalog::believe_again(&proposal.sources, &recorder, &mut writer.pages)
            .and_then(|catalog| Ok((self.publish.prepare(revision, &catalog)?, catalog)));
        let content = recorder.content(&proposal.sources);
        match prepared {
            Ok((commit, catalog)) => {
                let stated = stated.under(revision);
                Ok((
                    proposal,
                    Some(Judged {
                        revision,
                        is_known,
                        commit,
                        catalog,
                        content,
                        stated,
                    }),
                ))
            }
            Err(violations) => {
                let Proposal { edited, written, .. } = proposal;
                let broken = written.and_then(|(dir, _)| self.broken(writer, &dir));
                let refused = ControlError::Refused { violations, edited };
                Err(Unjudged::of(
                    broken.map_or(refused, ControlError::Broken),
                    Some(content),
                ))
            }
        }
    }

    /// Returns what is wrong with files as they are, without any edit.
    fn broken(&self, writer: &mut Writer, dir: &Path) -> Option<Vec<Violation>> {
        let sources = writer.files.read_settled(dir).ok()?;
        if writer.serves(&sources, &*self.references, &self.digest) {
            return None;
        }
        Catalog::believe(&sources, &*self.references).err()
    }

    /// Returns the number of the next catalog, and whether the history has it already: files that were not touched while
    /// no process ran are the last one still.
    fn next(&self, writer: &Writer, stated: &Stated) -> (Revision, bool) {
        let after = Revision(writer.revision.0 + 1);
        let Some((dir, history)) = self.history.as_ref().filter(|_| writer.served.is_none()) else {
            return (after, false);
        };
        let history = lock(history);
        let known = history.head().filter(|head| head.digest == stated.digest(dir));
        known.map_or((after, false), |head| (head.revision, true))
    }
}

/// Blames no place.
pub(super) fn nowhere(message: String, fix: Option<&str>) -> Violation {
    Violation {
        file: String::new(),
        line: 0,
        column: 0,
        path: String::new(),
        message,
        fix: fix.map(str::to_owned),
    }
}
