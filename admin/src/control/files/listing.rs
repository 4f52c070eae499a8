//! Which files a catalog directory has, and what they looked like, without their texts.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ahash::{AHashMap, AHashSet};

use super::super::edit::Draft;
use super::{at, tests, unreadable};
use crate::courtesy::others_first;
use crate::model::violation::Violation;

/// What a directory looked like, without its texts having been read: equal as long as nothing was touched.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fingerprint {
    files: u64,
    folders: u64,
}

impl Fingerprint {
    /// Tells whether the folders are the same ones, whatever lies in them: what was listened to then is still there.
    pub fn is_of_the_folders_of(self, other: Self) -> bool {
        self.folders == other.folders
    }
}

/// What a file looked like: equal as long as it was not touched, as far as its times tell.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Mark {
    identity: (u64, u64),
    length: u64,
    written: (i64, i64),
    touched: (i64, i64),
}

impl Mark {
    fn of(metadata: &Metadata) -> Self {
        Self {
            identity: identity(metadata),
            length: metadata.len(),
            written: (metadata.mtime(), metadata.mtime_nsec()),
            touched: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Tells whether a file still looks like this.
    pub(super) fn is_of(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|metadata| Self::of(&metadata) == *self)
    }

    /// Returns when the file was written, renamed or touched last; `None` for what lies before 1970.
    pub(super) fn touched(&self) -> Option<SystemTime> {
        let seconds = Duration::from_secs(u64::try_from(self.touched.0).ok()?);
        let nanoseconds = Duration::from_nanos(u64::try_from(self.touched.1).ok()?);
        Some(UNIX_EPOCH + seconds + nanoseconds)
    }
}

/// The files of a directory, in the order of their paths.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: Vec<(PathBuf, Mark)>,
    /// What cannot be part of a catalog.
    pub(super) violations: Vec<Violation>,
    folders: AHashSet<(u64, u64)>,
    walked: DefaultHasher,
}

impl Listing {
    pub(super) fn of(dir: &Path) -> Self {
        let mut listing = Self::default();
        let tests = tests(dir);
        // From the last to the first, so that what lies in a folder comes where the folder stood.
        let mut pending = listing.entries(dir);
        while let Some(entry) = pending.pop() {
            others_first();
            if let Some(folder) = listing.place(&entry).filter(|folder| *folder != tests) {
                pending.extend(listing.entries(&folder));
            }
            if listing.files.len() > MAX_FILES {
                listing.violations.push(at(dir, format!("more than {MAX_FILES} files")));
                break;
            }
        }
        let mut seen = AHashSet::with_capacity(listing.files.len());
        listing.files.retain(|(_, mark)| seen.insert(mark.identity));
        listing
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        for (path, mark) in &self.files {
            others_first();
            path.as_os_str().hash(&mut hasher);
            mark.hash(&mut hasher);
        }
        for violation in &self.violations {
            (&violation.file, &violation.message).hash(&mut hasher);
        }
        Fingerprint {
            files: hasher.finish(),
            folders: self.walked.finish(),
        }
    }

    /// Returns what the directory looks like now if nobody else wrote to it since it was listed; nothing where more than
    /// the texts of files has changed.
    pub(super) fn rewritten(mut self, drafts: &[Draft]) -> Option<Fingerprint> {
        let files = self.files.iter_mut();
        let mut marks: AHashMap<_, _> = files.map(|(path, mark)| (path.as_os_str(), mark)).collect();
        for Draft { name, before, after } in drafts {
            others_first();
            let mark = marks.get_mut(OsStr::new(name))?;
            before.as_ref().and(after.as_ref())?;
            **mark = Mark::of(&fs::metadata(name).ok()?);
        }
        Some(self.fingerprint())
    }

    /// Returns when the file that was touched last was touched.
    pub(super) fn touched(&self) -> Option<SystemTime> {
        self.files.iter().filter_map(|(_, mark)| mark.touched()).max()
    }

    /// Returns what lies in a folder from the last name to the first, hidden names left out; nothing for a folder that
    /// was met before.
    fn entries(&mut self, folder: &Path) -> Vec<DirEntry> {
        let entered = fs::metadata(folder).and_then(|metadata| {
            if self.folders.insert(identity(&metadata)) {
                // The number of a folder that is gone may be given to the next one.
                (identity(&metadata), metadata.created().ok()).hash(&mut self.walked);
                fs::read_dir(folder).map(Some)
            } else {
                Ok(None)
            }
        });
        let found = match entered {
            Ok(None) => return Vec::new(),
            Ok(Some(entries)) => entries.map(named).collect::<io::Result<Vec<_>>>(),
            Err(reason) => Err(reason),
        };
        match found {
            Ok(mut entries) => {
                entries.retain(|(name, _)| !name.as_bytes().starts_with(b"."));
                entries.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
                entries.into_iter().map(|(_, entry)| entry).collect()
            }
            Err(reason) => {
                self.violations.push(unreadable(folder, "directory", &reason));
                Vec::new()
            }
        }
    }

    /// Notes a file of the catalog; returns a folder, which is still to be walked.
    fn place(&mut self, entry: &DirEntry) -> Option<PathBuf> {
        let path = entry.path();
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        match followed(entry, &path) {
            Ok(metadata) if metadata.is_dir() => return Some(path),
            Ok(_) if !is_toml => {}
            Ok(metadata) if metadata.is_file() => self.files.push((path, Mark::of(&metadata))),
            Ok(_) => self.violations.push(at(&path, "not a regular file".to_owned())),
            // Renamed or removed since the folder was listed: it is simply not there.
            Err(reason) if reason.kind() == ErrorKind::NotFound && fs::symlink_metadata(&path).is_err() => {}
            Err(reason) if is_toml => self.violations.push(unreadable(&path, "file", &reason)),
            Err(_) => {}
        }
        None
    }
}

/// Returns an entry with its name, so that it is asked for once.
fn named(entry: io::Result<DirEntry>) -> io::Result<(OsString, DirEntry)> {
    others_first();
    entry.map(|entry| (entry.file_name(), entry))
}

/// Looks at what an entry is, or leads to. What is no link is found in its folder, without walking the path again.
fn followed(entry: &DirEntry, path: &Path) -> io::Result<Metadata> {
    if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
        entry.metadata()
    } else {
        fs::metadata(path)
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// No catalog has more files.
const MAX_FILES: usize = 100_000;
