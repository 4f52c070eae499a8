//! A zip archive unpacked into memory, within bounds.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::blame;
use super::note::brief;
use crate::model::violation::Violation;

/// The files of a project by their paths: relative, with `/` between folders.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Unpacks a zip archive. `file` is what it is called in violations.
///
/// # Errors
///
/// Returns what is wrong with it: it is damaged or encrypted, holds links, names outside of itself or twice the same
/// one, or more than [`MAX_FILES`] files or [`MAX_BYTES`] bytes.
pub fn unpack(file: &str, bytes: &[u8]) -> Result<Files, Violation> {
    let damaged = |error: &dyn std::fmt::Display| {
        blame(
            file,
            "",
            format!("not a zip archive that can be read: {}", brief(&error.to_string())),
        )
    };
    if bytes.len() > MAX_BYTES {
        return Err(too_large(file));
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    if archive.len() > MAX_FILES {
        return Err(blame(
            file,
            "",
            format!("the archive holds more than {MAX_FILES} files"),
        ));
    }
    let mut files = Files::new();
    let mut left = MAX_BYTES;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| damaged(&error))?;
        if entry.is_dir() {
            continue;
        }
        let name = name(file, &entry)?;
        let mut content = Vec::new();
        // What the archive says of sizes is not believed.
        let limit = u64::try_from(left).unwrap_or(u64::MAX).saturating_add(1);
        let read = entry.by_ref().take(limit).read_to_end(&mut content);
        read.map_err(|error| damaged(&error))?;
        left = left.checked_sub(content.len()).ok_or_else(|| too_large(file))?;
        if files.insert(name.clone(), content).is_some() {
            return Err(blame(file, "", format!("the archive holds `{}` twice", brief(&name))));
        }
    }
    Ok(files)
}

fn too_large(file: &str) -> Violation {
    blame(file, "", format!("the project is larger than {} MiB", MAX_BYTES >> 20))
}

/// Returns the name of a file inside the archive, if it stays inside.
fn name<R: Read>(file: &str, entry: &ZipFile<'_, R>) -> Result<String, Violation> {
    let name = entry.name().map(std::borrow::Cow::into_owned).unwrap_or_default();
    let shown = brief(&name);
    if entry.is_symlink() {
        return Err(blame(
            file,
            "",
            format!("`{shown}` is a link, and links are not followed"),
        ));
    }
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..");
    if name.contains(['\\', '\0', ':']) || name.len() > LONGEST_NAME || !name.split('/').all(is_segment) {
        return Err(blame(
            file,
            "",
            format!("`{shown}` is not the name of a file inside the archive"),
        ));
    }
    Ok(name)
}

/// No more files belong to a project.
pub const MAX_FILES: usize = 1_000;

/// No project is larger, unpacked or not.
pub const MAX_BYTES: usize = 32 << 20;

const LONGEST_NAME: usize = 1024;
