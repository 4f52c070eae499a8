//! The directory of signing keys: one PKCS#8 file a key, whose name tells from when it signs.
//!
//! Times stand in the name so that a key and its schedule are written in one atomic step. Files are for their owner
//! alone, and a directory that others can write to is refused.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::KeysError;
use super::material::{self, Pair};
use crate::model::instant::UnixTime;

/// A key's file, ordered by when it begins to sign.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Stored {
    pub(super) signs_from: UnixTime,
    pub(super) published: UnixTime,
    pub(super) kid: String,
}

impl Stored {
    fn file(&self) -> String {
        format!("{}-{}-{}.pem", self.signs_from.0, self.published.0, self.kid)
    }

    fn parse(file: &str) -> Option<Self> {
        let mut parts = file.strip_suffix(".pem")?.splitn(3, '-');
        Some(Self {
            signs_from: UnixTime(parts.next()?.parse().ok()?),
            published: UnixTime(parts.next()?.parse().ok()?),
            kid: parts.next()?.to_owned(),
        })
    }
}

/// Makes the directory where there is none, and refuses one that others can write to.
pub(super) fn prepare(directory: &Path) -> Result<(), KeysError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|source| file_error(directory, source))?;
    let mode = fs::metadata(directory)
        .map_err(|source| file_error(directory, source))?
        .mode();
    if mode & 0o022 != 0 {
        let source = io::Error::new(io::ErrorKind::PermissionDenied, "others may write to it");
        return Err(file_error(directory, source));
    }
    Ok(())
}

/// Names the keys in a directory; files of other names are not ours.
pub(super) fn list(directory: &Path) -> Result<Vec<Stored>, KeysError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(|source| file_error(directory, source))? {
        let entry = entry.map_err(|source| file_error(directory, source))?;
        found.extend(entry.file_name().to_str().and_then(Stored::parse));
    }
    Ok(found)
}

/// Reads a key, which must be the one that its file is named for.
pub(super) fn read(directory: &Path, stored: &Stored) -> Result<Pair, KeysError> {
    let path = directory.join(stored.file());
    let pem = fs::read(&path).map_err(|source| file_error(&path, source))?;
    material::parse(&pem)
        .filter(|pair| pair.signing.kid == stored.kid)
        .ok_or_else(|| KeysError::Malformed(path.display().to_string()))
}

/// Writes a key: beside its place, synced, then renamed, so that nobody reads half of it.
pub(super) fn write(directory: &Path, stored: &Stored, pem: &str) -> Result<(), KeysError> {
    let path = directory.join(stored.file());
    let beside = directory.join(format!("{}.new", stored.file()));
    let written = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(pem.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(directory)?.sync_all()
    };
    written().map_err(|source| file_error(&path, source))
}

/// Removes a key that proves nothing any more; another process may have done so.
pub(super) fn remove(directory: &Path, stored: &Stored) -> Result<(), KeysError> {
    let path = directory.join(stored.file());
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(file_error(&path, source)),
        _ => Ok(()),
    }
}

fn file_error(path: &Path, source: io::Error) -> KeysError {
    KeysError::File {
        path: path.display().to_string(),
        source,
    }
}
