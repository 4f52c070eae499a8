//! The catalog directory: which files are part of it, and what they say.
//!
//! Every `*.toml` below the directory is one part of one catalog, except names that start with a dot and the `tests`
//! folder directly below it. Links are followed, so that a Kubernetes ConfigMap (`a.toml -> ..data/a.toml`) is read
//! once, under the names its author knows. What the text means is left to the model.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::source::Source;
use crate::model::violation::Violation;

/// What a directory looked like, without its texts having been read: equal as long as nothing was touched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fingerprint(u64);

/// Reads a catalog directory once nobody writes to it: a file that is being saved in place is empty, then half there,
/// and half a file can be a valid catalog that its author never meant.
///
/// What still changes after a second is read as it is; whoever watches reads it again.
///
/// # Errors
///
/// Returns a violation for each file or folder that cannot be read.
pub fn read_settled(dir: &Path) -> Result<Vec<Source>, Vec<Violation>> {
    let give_up = SystemTime::now() + LONGEST_WAIT;
    loop {
        let before = Listing::of(dir);
        let now = SystemTime::now();
        let unsettled = before
            .changed()
            .and_then(|at| QUIET.checked_sub(now.duration_since(at).ok()?));
        match unsettled.filter(|_| now < give_up) {
            Some(wait) if !wait.is_zero() => thread::sleep(wait),
            Some(_) | None => {
                let sources = read(dir);
                if fingerprint(dir) == before.fingerprint() || now >= give_up {
                    return sources;
                }
            }
        }
    }
}

/// How long nothing may have changed before a directory counts as settled.
const QUIET: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Reads every file of a catalog directory, sorted by path.
///
/// # Errors
///
/// Returns a violation for each file or folder that cannot be read.
pub fn read(dir: &Path) -> Result<Vec<Source>, Vec<Violation>> {
    let mut listing = Listing::of(dir);
    let mut sources = Vec::with_capacity(listing.files.len());
    for (path, _) in &listing.files {
        match read_file(path) {
            Ok(source) => sources.push(source),
            Err(violation) => listing.violations.push(violation),
        }
    }
    if listing.violations.is_empty() {
        return Ok(sources);
    }
    listing.violations.sort_by(|a, b| a.file.cmp(&b.file));
    Err(listing.violations)
}

/// Looks at names, inodes, sizes and times of a catalog directory, for polling.
pub fn fingerprint(dir: &Path) -> Fingerprint {
    Listing::of(dir).fingerprint()
}

/// The files of a directory, in the order of their paths.
#[derive(Default)]
struct Listing {
    files: Vec<(PathBuf, Metadata)>,
    violations: Vec<Violation>,
    folders: HashSet<(u64, u64)>,
}

impl Listing {
    fn of(dir: &Path) -> Self {
        let mut listing = Self::default();
        let mut pending = vec![dir.to_path_buf()];
        while let Some(folder) = pending.pop() {
            let from = pending.len();
            for path in listing.entries(&folder) {
                if folder == dir && path.ends_with("tests") && path.is_dir() {
                    continue;
                }
                pending.extend(listing.place(path));
            }
            if let Some(found) = pending.get_mut(from..) {
                found.reverse();
            }
            if listing.files.len() > MAX_FILES {
                listing.violations.push(at(dir, format!("more than {MAX_FILES} files")));
                break;
            }
        }
        listing.files.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut seen = HashSet::new();
        listing.files.retain(|(_, metadata)| seen.insert(identity(metadata)));
        listing
    }

    fn fingerprint(&self) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        for (path, metadata) in &self.files {
            path.hash(&mut hasher);
            identity(metadata).hash(&mut hasher);
            (metadata.len(), metadata.mtime(), metadata.mtime_nsec()).hash(&mut hasher);
            (metadata.ctime(), metadata.ctime_nsec()).hash(&mut hasher);
        }
        for violation in &self.violations {
            (&violation.file, &violation.message).hash(&mut hasher);
        }
        Fingerprint(hasher.finish())
    }

    /// Returns when a file was written, renamed or touched last.
    fn changed(&self) -> Option<SystemTime> {
        let at = |metadata: &Metadata| {
            let seconds = Duration::from_secs(u64::try_from(metadata.ctime()).ok()?);
            let nanoseconds = Duration::from_nanos(u64::try_from(metadata.ctime_nsec()).ok()?);
            Some(UNIX_EPOCH + seconds + nanoseconds)
        };
        self.files.iter().filter_map(|(_, metadata)| at(metadata)).max()
    }

    /// Returns what lies in a folder, sorted, hidden names left out; nothing for a folder that was met before.
    fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        let entered = fs::metadata(folder).and_then(|metadata| {
            if self.folders.insert(identity(&metadata)) {
                fs::read_dir(folder).map(Some)
            } else {
                Ok(None)
            }
        });
        let found = match entered {
            Ok(None) => return Vec::new(),
            Ok(Some(entries)) => entries.collect::<io::Result<Vec<_>>>(),
            Err(reason) => Err(reason),
        };
        match found {
            Ok(entries) => {
                let mut paths: Vec<_> = entries
                    .iter()
                    .map(fs::DirEntry::path)
                    .filter(|path| !is_hidden(path))
                    .collect();
                paths.sort();
                paths
            }
            Err(reason) => {
                self.violations.push(unreadable(folder, "directory", &reason));
                Vec::new()
            }
        }
    }

    /// Notes a file of the catalog; returns a folder, which is still to be walked.
    fn place(&mut self, path: PathBuf) -> Option<PathBuf> {
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => return Some(path),
            Ok(_) if !is_toml => {}
            Ok(metadata) if metadata.is_file() => self.files.push((path, metadata)),
            Ok(_) => self.violations.push(at(&path, "not a regular file".to_owned())),
            // Renamed or removed since the folder was listed: it is simply not there.
            Err(reason) if reason.kind() == ErrorKind::NotFound && fs::symlink_metadata(&path).is_err() => {}
            Err(reason) if is_toml => self.violations.push(unreadable(&path, "file", &reason)),
            Err(_) => {}
        }
        None
    }
}

fn read_file(path: &Path) -> Result<Source, Violation> {
    let name = path
        .to_str()
        .ok_or_else(|| at(path, "the name of the file is not UTF-8".to_owned()))?;
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|reason| unreadable(path, "file", &reason))?;
    if bytes.len() as u64 > MAX_BYTES {
        let fix = Some("one API a file, below the directory `apis`".to_owned());
        return Err(Violation {
            fix,
            ..at(path, format!("the file is larger than {} MiB", MAX_BYTES >> 20))
        });
    }
    match String::from_utf8(bytes) {
        // What an interrupted save leaves behind must not take an API away.
        Ok(text) if text.trim().is_empty() => {
            let fix = Some("delete the file to remove what it held".to_owned());
            Err(Violation {
                fix,
                ..at(path, "the file is empty".to_owned())
            })
        }
        Ok(text) => Ok(Source {
            name: name.to_owned(),
            text,
        }),
        Err(error) => Err(not_utf8(path, error.as_bytes(), error.utf8_error().valid_up_to())),
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

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// No file of a catalog is larger; an API of a thousand resources takes about 100 KiB.
const MAX_BYTES: u64 = 4 << 20;

/// No catalog has more files.
const MAX_FILES: usize = 100_000;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn catalog(files: &[(&str, &str)]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    fn names(dir: &TempDir) -> Vec<String> {
        let prefix = format!("{}/", dir.path().display());
        let sources = read(dir.path()).unwrap();
        sources
            .iter()
            .map(|source| source.name.strip_prefix(&prefix).unwrap().to_owned())
            .collect()
    }

    #[test]
    fn files_are_read_in_the_order_of_their_paths() {
        let dir = catalog(&[
            ("tiers.toml", "t"),
            ("apis/b.toml", "b"),
            ("apis/deep/a.toml", "a"),
            ("apis/notes.md", ""),
        ]);
        assert_eq!(names(&dir), ["apis/b.toml", "apis/deep/a.toml", "tiers.toml"]);
        assert_eq!(read(dir.path()).unwrap()[0].text, "b");
    }

    #[test]
    fn a_directory_is_read_once_nothing_has_changed_for_a_while() {
        let dir = catalog(&[("a.toml", "a")]);
        let changed = Listing::of(dir.path()).changed().unwrap();
        assert_eq!(read_settled(dir.path()).unwrap()[0].text, "a");
        assert!(changed.elapsed().unwrap() >= QUIET);
    }

    #[test]
    fn an_empty_file_is_refused_because_it_may_be_half_a_save() {
        let dir = catalog(&[("a.toml", "a"), ("b.toml", "\n")]);
        let violations = read(dir.path()).unwrap_err();
        assert!(
            violations.len() == 1 && violations[0].file.ends_with("b.toml"),
            "{violations:?}"
        );
    }

    #[test]
    fn hidden_names_and_the_folder_of_policy_tests_are_left_out() {
        let dir = catalog(&[
            (".git/a.toml", "#"),
            (".a.toml", "#"),
            ("tests/a.toml", "#"),
            ("apis/tests/a.toml", "#"),
            ("tests.toml", "#"),
        ]);
        assert_eq!(names(&dir), ["apis/tests/a.toml", "tests.toml"]);
    }

    #[test]
    fn names_are_the_directory_as_given_and_the_path_below_it() {
        let dir = catalog(&[("conf/catalog/a.toml", "#")]);
        let given = dir.path().join("conf/../conf/catalog");
        assert_eq!(
            read(&given).unwrap()[0].name,
            given.join("a.toml").display().to_string()
        );
    }

    #[test]
    fn a_config_map_is_read_once_and_under_its_own_names() {
        let dir = catalog(&[("..2026_01/a.toml", "old"), ("..2026_02/a.toml", "new")]);
        symlink("..2026_01", dir.path().join("..data")).unwrap();
        symlink("..data/a.toml", dir.path().join("a.toml")).unwrap();
        let before = fingerprint(dir.path());
        assert_eq!(read(dir.path()).unwrap()[0].text, "old");

        symlink("..2026_02", dir.path().join("..swap")).unwrap();
        fs::rename(dir.path().join("..swap"), dir.path().join("..data")).unwrap();
        assert_eq!(names(&dir), ["a.toml"]);
        assert_eq!(read(dir.path()).unwrap()[0].text, "new");
        assert_ne!(fingerprint(dir.path()), before);
    }

    #[test]
    fn a_file_with_two_names_is_read_once_and_a_loop_of_links_ends() {
        let dir = catalog(&[("apis/a.toml", "a")]);
        symlink("apis/a.toml", dir.path().join("z.toml")).unwrap();
        symlink(".", dir.path().join("apis/again")).unwrap();
        symlink(dir.path(), dir.path().join("loop")).unwrap();
        assert_eq!(names(&dir), ["apis/a.toml"]);
    }

    #[test]
    fn what_cannot_be_read_is_named_all_at_once() {
        let dir = catalog(&[("a.toml", "fine")]);
        fs::write(dir.path().join("b.toml"), b"x = 1\ny = \"\xff\"\n").unwrap();
        symlink("nowhere", dir.path().join("c.toml")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("d.toml")).unwrap();
        let violations = read(dir.path()).unwrap_err();
        let found: Vec<_> = violations.iter().map(|v| (v.file.as_str(), v.line, v.column)).collect();
        let name = |name: &str| dir.path().join(name).display().to_string();
        assert_eq!(
            found,
            [
                (name("b.toml").as_str(), 2, 6),
                (&name("c.toml"), 0, 0),
                (&name("d.toml"), 0, 0)
            ]
        );
        assert_eq!(violations[0].message, "not valid UTF-8");
        assert!(
            violations[1].message.contains("cannot be read"),
            "{}",
            violations[1].message
        );
        assert_eq!(violations[2].message, "not a regular file");
    }

    #[test]
    fn a_missing_directory_is_refused_not_empty() {
        let violations = read(Path::new("/nonexistent/catalog")).unwrap_err();
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].file, "/nonexistent/catalog");
    }

    #[test]
    fn a_file_beyond_the_bound_is_refused() {
        let dir = catalog(&[("a.toml", &"#".repeat((4 << 20) + 1))]);
        assert_eq!(
            read(dir.path()).unwrap_err()[0].message,
            "the file is larger than 4 MiB"
        );
    }

    #[test]
    fn a_fingerprint_changes_with_names_and_texts_only() {
        let dir = catalog(&[("a.toml", "a"), ("notes.md", "a")]);
        let before = fingerprint(dir.path());
        assert_eq!(fingerprint(dir.path()), before);
        fs::write(dir.path().join("notes.md"), "other").unwrap();
        assert_eq!(fingerprint(dir.path()), before);
        fs::write(dir.path().join("a.toml"), "longer").unwrap();
        assert_ne!(fingerprint(dir.path()), before);
        fs::remove_dir_all(dir.path()).unwrap();
        assert_ne!(fingerprint(dir.path()), before);
    }
}
