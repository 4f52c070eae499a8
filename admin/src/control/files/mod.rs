//! The catalog directory: which files are part of it, and what they say.
//!
//! Every `*.toml` below the directory is one part of one catalog, except names that start with a dot and the `tests`
//! folder directly below it. Links are followed, so that a Kubernetes ConfigMap (`a.toml -> ..data/a.toml`) is read
//! once, under the names its author knows. What the text means is left to the model.

mod listing;
mod write;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use ahash::AHashMap;

pub use self::listing::Fingerprint;
pub use self::write::{WriteError, read_only, recover};

use self::listing::{Listing, Mark};
use super::edit::Draft;
use crate::courtesy::others_first;
use crate::model::source::Source;
use crate::model::violation::Violation;

/// Looks at names, inodes, sizes and times of a catalog directory, for polling.
pub fn fingerprint(dir: &Path) -> Fingerprint {
    Listing::of(dir).fingerprint()
}

/// Reads the policy tests of a catalog directory, which are no part of the catalog; nothing where there is no such folder.
///
/// # Errors
///
/// Returns a violation for each file or folder that cannot be read, a link that leads nowhere among them.
pub fn read_tests(dir: &Path) -> Result<Option<Vec<Source>>, Vec<Violation>> {
    let dir = tests(dir);
    match fs::symlink_metadata(&dir) {
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(None),
        Ok(_) | Err(_) => Files::default().read_settled(&dir).map(Some),
    }
}

/// Reads one file as a file of the catalog is read.
///
/// # Errors
///
/// Returns why it cannot be read.
pub fn read(path: &Path) -> Result<Source, Violation> {
    read_file(path, None, &mut Vec::new())
}

/// Looks at the policy tests of a catalog directory as [`fingerprint`] does at the catalog.
pub fn fingerprint_tests(dir: &Path) -> Fingerprint {
    Listing::of(&tests(dir)).fingerprint()
}

/// Returns the folder of a catalog directory in which policy tests are.
fn tests(dir: &Path) -> PathBuf {
    dir.join("tests")
}

/// Reads the files of a catalog directory once nobody writes to it.
///
/// # Errors
///
/// Returns a violation for each file or folder that cannot be read.
pub fn read_all(dir: &Path) -> Result<Vec<Source>, Vec<Violation>> {
    Files::default().read_settled(dir)
}

/// The texts of a catalog directory as they were read last.
#[derive(Debug, Default)]
pub(super) struct Files {
    read: AHashMap<Arc<str>, (Mark, Source)>,
    /// Whether what was read need not be what is there, whatever it looks like.
    is_forgotten: bool,
    /// What the directory had when it was read last, unless it was written since.
    listed: Option<Listing>,
    /// What the directory looked like when it was read last.
    seen: Fingerprint,
    /// What the directory looked like after it was written last: nobody else is in the middle of anything then.
    written: Option<Fingerprint>,
}

impl Files {
    /// Forgets what was read, so that every file is opened again.
    pub(super) fn forget(&mut self) {
        self.is_forgotten = true;
    }

    /// Returns what the directory looked like when it was read last.
    pub(super) fn seen(&self) -> Fingerprint {
        self.seen
    }

    /// Reads a catalog directory once nobody writes to it: a file that is being saved in place is empty, then half
    /// there, and half a file can be a valid catalog that its author never meant.
    ///
    /// What still changes after a second is read as it is; whoever watches reads it again. A file that looks as it did
    /// when it was read is not opened again.
    ///
    /// # Errors
    ///
    /// Returns a violation for each file or folder that cannot be read.
    pub(super) fn read_settled(&mut self, dir: &Path) -> Result<Vec<Source>, Vec<Violation>> {
        let give_up = SystemTime::now() + LONGEST_WAIT;
        let mut listing = Listing::of(dir);
        loop {
            let now = SystemTime::now();
            self.seen = listing.fingerprint();
            let is_own = self.written == Some(self.seen);
            if let Some(wait) = unsettled(&listing, now).filter(|_| now < give_up && !is_own) {
                thread::sleep(wait);
                listing = Listing::of(dir);
                continue;
            }
            let mut opened = Vec::new();
            let sources = self.read(&listing, now, &mut opened);
            // What was not opened is as it was listed; so is the rest, unless somebody wrote to it while it was read.
            let is_as_opened = |(path, mark): &(PathBuf, Mark)| {
                others_first();
                mark.is_of(path)
            };
            if opened.iter().all(is_as_opened) || now >= give_up {
                self.listed = Some(listing);
                return sources;
            }
            listing = Listing::of(dir);
        }
    }

    /// Reads the files of a catalog directory as they are, even those that no catalog can be made of, so that they can be
    /// replaced.
    ///
    /// # Errors
    ///
    /// Returns a violation for each file or folder that cannot be read at all.
    pub(super) fn read_whatever(dir: &Path) -> Result<Vec<Source>, Vec<Violation>> {
        let Listing { files, violations, .. } = Listing::of(dir);
        if !violations.is_empty() {
            return Err(violations);
        }
        let read = |path: PathBuf| {
            let text = fs::read_to_string(&path).map_err(|reason| vec![unreadable(&path, "file", &reason)])?;
            Ok(Source {
                name: path.display().to_string().into(),
                text: text.into(),
            })
        };
        files.into_iter().map(|(path, _)| read(path)).collect()
    }

    /// Writes the files of a change, all of them or none.
    ///
    /// # Errors
    ///
    /// Returns why nothing was written.
    pub(super) fn write(&mut self, dir: &Path, drafts: &[Draft]) -> Result<(), WriteError> {
        write::write(dir, drafts)?;
        let expected = self.listed.take().and_then(|listed| listed.rewritten(drafts));
        self.written = Some(expected.unwrap_or_else(|| fingerprint(dir)));
        Ok(())
    }

    /// Reads the files of a listing, and forgets those that it does not have; tells which of them it opened.
    fn read(
        &mut self,
        listing: &Listing,
        now: SystemTime,
        opened: &mut Vec<(PathBuf, Mark)>,
    ) -> Result<Vec<Source>, Vec<Violation>> {
        let Listing { files, violations, .. } = listing;
        let mut violations = violations.clone();
        let is_forgotten = std::mem::take(&mut self.is_forgotten);
        let mut read = AHashMap::with_capacity(files.len());
        let mut sources = Vec::with_capacity(files.len());
        let mut bytes = Vec::new();
        for (path, mark) in files {
            others_first();
            let text = match path.to_str().and_then(|name| self.read.remove(name)) {
                Some((then, source)) if then == *mark && !is_forgotten => Ok((source, true)),
                known => {
                    let known = known.map(|(_, source)| source);
                    let text = read_file(path, known, &mut bytes);
                    opened.push((path.clone(), *mark));
                    text.map(|source| (source, is_told_by_its_times(mark, now)))
                }
            };
            match text {
                Ok((source, is_kept)) => {
                    sources.push(source.clone());
                    if is_kept {
                        read.insert(Arc::clone(&source.name), (*mark, source));
                    }
                }
                Err(violation) => violations.push(violation),
            }
        }
        self.read = read;
        if violations.is_empty() {
            return Ok(sources);
        }
        violations.sort_by(|a, b| a.file.cmp(&b.file));
        Err(violations)
    }
}

/// Returns how long to wait until nothing has changed for a while; `None` where nothing has.
fn unsettled(listing: &Listing, now: SystemTime) -> Option<Duration> {
    let quiet = now.duration_since(listing.touched()?).ok()?;
    QUIET.checked_sub(quiet).filter(|wait| !wait.is_zero())
}

/// Tells whether the next change of a file that was just read will show in its times, however coarse they are.
fn is_told_by_its_times(mark: &Mark, now: SystemTime) -> bool {
    let age = mark.touched().and_then(|touched| now.duration_since(touched).ok());
    age.is_some_and(|age| age > COARSEST_TIMES)
}

/// How long nothing may have changed before a directory counts as settled.
const QUIET: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// No file system's times are coarser.
const COARSEST_TIMES: Duration = Duration::from_secs(2);

/// Reads a file by way of `bytes`; where it says what it said before, that is returned, so that its text is held once.
fn read_file(path: &Path, before: Option<Source>, bytes: &mut Vec<u8>) -> Result<Source, Violation> {
    let name = path
        .to_str()
        .ok_or_else(|| at(path, "the name of the file is not UTF-8".to_owned()))?;
    bytes.clear();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(bytes))
        .map_err(|reason| unreadable(path, "file", &reason))?;
    if let Some(before) = before.filter(|before| before.text.as_bytes() == bytes.as_slice()) {
        return Ok(before);
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(path));
    }
    match str::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => Err(empty(path)),
        Ok(text) => Ok(Source {
            name: name.into(),
            text: text.into(),
        }),
        Err(error) => Err(not_utf8(path, bytes, error.valid_up_to())),
    }
}

/// Tells what would keep a text from being read again, once it is written.
pub(super) fn unfit(name: &str, text: &str) -> Option<Violation> {
    if text.len() as u64 > MAX_BYTES {
        return Some(too_large(Path::new(name)));
    }
    text.trim().is_empty().then(|| empty(Path::new(name)))
}

fn too_large(path: &Path) -> Violation {
    let fix = Some("one API a file, below the directory `apis`".to_owned());
    Violation {
        fix,
        ..at(path, format!("the file is larger than {} MiB", MAX_BYTES >> 20))
    }
}

/// What an interrupted save leaves behind must not take an API away.
fn empty(path: &Path) -> Violation {
    let fix = Some("delete the file to remove what it held".to_owned());
    Violation {
        fix,
        ..at(path, "the file is empty".to_owned())
    }
}

fn not_utf8(path: &Path, bytes: &[u8], valid: usize) -> Violation {
    let before = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default());
    let line = before.rsplit('\n').next().unwrap_or_default();
    Violation {
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        fix: Some("save the file as UTF-8".to_owned()),
        ..at(path, "not valid UTF-8".to_owned())
    }
}

fn unreadable(path: &Path, what: &str, reason: &io::Error) -> Violation {
    at(path, format!("the {what} cannot be read: {reason}"))
}

fn at(path: &Path, message: String) -> Violation {
    let file = path.display().to_string();
    Violation {
        file,
        line: 0,
        column: 0,
        path: String::new(),
        message,
        fix: None,
    }
}

/// No file of a catalog is larger; an API of a thousand resources takes about 100 KiB.
const MAX_BYTES: u64 = 4 << 20;

#[cfg(test)]
mod tests;
