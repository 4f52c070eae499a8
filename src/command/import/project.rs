//! The files of a project on disk: a folder or a zip, within the bounds of an import.

use std::fs;
use std::io;
use std::path::Path;

use admin::import::{self, Files, MAX_BYTES, MAX_FILES};

use super::{blame, bounded};
use crate::model::violation::Violation;

/// Reads a project.
pub(super) fn read(path: &Path) -> Result<Files, Violation> {
    let failed = |reason: io::Error| blame(path, &reason.to_string());
    if fs::metadata(path).map_err(failed)?.is_dir() {
        let mut files = Files::new();
        let mut left = MAX_BYTES;
        walk(path, "", (&mut files, &mut left), DEEPEST)?;
        return Ok(files);
    }
    let bytes = bounded(path, MAX_BYTES).map_err(failed)?;
    import::unpack(&path.display().to_string(), &bytes)
}

/// Reads the files of a folder and below it. Links are refused: they could lead anywhere.
fn walk(folder: &Path, inside: &str, (files, left): (&mut Files, &mut usize), deeper: usize) -> Result<(), Violation> {
    let failed = |reason: io::Error| blame(folder, &reason.to_string());
    if deeper == 0 {
        return Err(blame(folder, "the folders of the project are nested too deeply"));
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            return Err(blame(&path, "the name of the file is not UTF-8"));
        };
        let kind = entry.file_type().map_err(failed)?;
        let inner = format!("{inside}{name}");
        if kind.is_dir() {
            walk(&path, &format!("{inner}/"), (&mut *files, &mut *left), deeper - 1)?;
        } else if kind.is_file() {
            let bytes = bounded(&path, *left).map_err(|reason| blame(&path, &reason.to_string()))?;
            let too_large = || blame(&path, &format!("the project is larger than {} MiB", MAX_BYTES >> 20));
            *left = left.checked_sub(bytes.len()).ok_or_else(too_large)?;
            files.insert(inner, bytes);
        } else {
            return Err(blame(&path, "is no regular file, and links are not followed"));
        }
        if files.len() > MAX_FILES {
            return Err(blame(folder, &format!("the project holds more than {MAX_FILES} files")));
        }
    }
    Ok(())
}

const DEEPEST: usize = 16;
