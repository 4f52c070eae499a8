//! Writes files of a catalog: all of a change, or nothing of it, and never over what somebody else wrote meanwhile.
//!
//! New texts are staged in a hidden folder of the catalog directory and synced, then moved into place by swapping names,
//! so that what leaves can be looked at: where it is not what the change was made from, it is put back. A change states
//! first what it will do; a process that dies in between is finished by [`recover`].

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Component, Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use rustix::fs::{Access, AtFlags, CWD, FlockOperation, RenameFlags, accessat, flock, renameat_with};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::super::edit::Draft;
use super::super::stated::below;

/// Why files were not written. Nothing is.
#[derive(Debug, Error)]
pub enum WriteError {
    /// A file is not what the change was made from.
    #[error("`{0}` was changed meanwhile")]
    Changed(String),
    /// The catalog cannot be written.
    #[error("the catalog is read-only: {0}")]
    ReadOnly(String),
    /// The system refused.
    #[error("`{path}` cannot be written: {source}")]
    Failed {
        /// What was being written.
        path: String,
        /// Why it was not.
        source: io::Error,
    },
}

/// Says why a catalog directory cannot be written, where it cannot.
pub fn read_only(dir: &Path) -> Option<String> {
    if fs::symlink_metadata(dir.join("..data")).is_ok_and(|metadata| metadata.is_symlink()) {
        return Some("it is mounted from a Kubernetes ConfigMap; change that".to_owned());
    }
    match accessat(CWD, dir, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
        Ok(()) => None,
        Err(Errno::ROFS) => Some("its file system is mounted read-only".to_owned()),
        Err(reason) => Some(format!("`{}`: {}", dir.display(), io::Error::from(reason))),
    }
}

/// Writes the files of a change.
///
/// # Errors
///
/// Returns why nothing was written.
pub(in crate::control) fn write(dir: &Path, drafts: &[Draft]) -> Result<(), WriteError> {
    if let Some(reason) = read_only(dir) {
        return Err(WriteError::ReadOnly(reason));
    }
    let stage = Stage::enter(dir)?;
    let moves = drafts
        .iter()
        .enumerate()
        .map(|(number, draft)| Move::of(dir, &stage, number, draft));
    let moves: Vec<_> = moves.collect::<Result<_, _>>()?;
    stage.promise(dir, drafts)?;
    for (done, one) in moves.iter().enumerate() {
        if let Err(error) = one.make() {
            moves.iter().take(done).rev().for_each(Move::undo);
            stage.leave();
            return Err(error);
        }
    }
    moves.iter().for_each(Move::sync);
    stage.leave();
    Ok(())
}

/// Finishes what a process that died was writing; returns the names of files that were changed since and are left.
///
/// # Errors
///
/// Fails when the directory cannot be written.
pub fn recover(dir: &Path) -> Result<Vec<String>, WriteError> {
    let staged = dir.join(STAGE);
    if fs::symlink_metadata(&staged).is_err() {
        return Ok(Vec::new());
    }
    let stage = Stage::take(staged)?;
    let left = stage.keep_promise(dir)?;
    stage.leave();
    Ok(left)
}

/// The folder of what is to be moved into place; locked while it is in use.
struct Stage {
    path: PathBuf,
    _lock: File,
}

impl Stage {
    fn enter(dir: &Path) -> Result<Self, WriteError> {
        recover(dir)?;
        let path = dir.join(STAGE);
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|source| failed(&path, source))?;
        Self::take(path)
    }

    fn take(path: PathBuf) -> Result<Self, WriteError> {
        let lock = File::open(&path).map_err(|source| failed(&path, source))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(Errno::WOULDBLOCK) => Err(WriteError::Changed(path.display().to_string())),
            Err(reason) => Err(failed(&path, reason.into())),
        }
    }

    /// States durably what will be done.
    fn promise(&self, dir: &Path, drafts: &[Draft]) -> Result<(), WriteError> {
        let promises: Vec<_> = drafts.iter().map(|draft| Promise::of(dir, draft)).collect();
        let (draft, kept) = (self.path.join("promise.new"), self.path.join(PROMISE));
        let written = serde_json::to_vec(&promises)
            .map_err(io::Error::from)
            .and_then(|bytes| {
                put(&draft, &bytes, None)?;
                fs::rename(&draft, &kept)?;
                sync(&self.path)
            });
        written.map_err(|source| failed(&kept, source))
    }

    /// Does what was promised and not yet done.
    fn keep_promise(&self, dir: &Path) -> Result<Vec<String>, WriteError> {
        let Ok(promises) = fs::read(self.path.join(PROMISE)) else {
            return Ok(Vec::new());
        };
        let promises: Vec<Promise> = serde_json::from_slice(&promises).unwrap_or_default();
        let mut left = Vec::new();
        for (number, promise) in promises.into_iter().enumerate() {
            let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
            if !Path::new(&promise.name).components().all(is_plain) {
                continue;
            }
            let staged = self.path.join(number.to_string());
            let target = target(dir, &dir.join(&promise.name).display().to_string())?;
            let now = hashed_file(&target).map_err(|source| failed(&target, source))?;
            if now == promise.after {
                keep_aside(&staged, &target, [&promise.before, &promise.after])?;
                continue;
            }
            if now != promise.before {
                left.push(promise.name);
                continue;
            }
            let moved = match promise.after {
                Some(_) => parent(&target).and_then(|()| fs::rename(&staged, &target)),
                None => fs::remove_file(&target),
            };
            moved.map_err(|source| failed(&target, source))?;
        }
        Ok(left)
    }

    /// Removes the folder, what it promises first.
    fn leave(self) {
        let _ = fs::remove_file(self.path.join(PROMISE));
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Keeps what left in the place of a new text, where it is neither the old one nor the new one: somebody's work.
fn keep_aside(staged: &Path, target: &Path, known: [&Option<String>; 2]) -> Result<(), WriteError> {
    let left = hashed_file(staged).map_err(|source| failed(staged, source))?;
    if left.is_none() || known.contains(&&left) {
        return Ok(());
    }
    let aside = target.with_extension("toml.edited");
    tracing::warn!(file = %aside.display(), "what was edited while a change was written is kept beside it");
    fs::rename(staged, &aside).map_err(|source| failed(&aside, source))
}

/// What becomes of a file; texts as digests.
#[derive(Deserialize, Serialize)]
struct Promise {
    name: String,
    before: Option<String>,
    after: Option<String>,
}

impl Promise {
    fn of(dir: &Path, draft: &Draft) -> Self {
        let hashed = |text: &Option<String>| text.as_ref().map(|text| hashed(text.as_bytes()));
        Self {
            name: below(dir, &draft.name).to_owned(),
            before: hashed(&draft.before),
            after: hashed(&draft.after),
        }
    }
}

/// A file's way into place, or out of it.
struct Move<'d> {
    draft: &'d Draft,
    staged: PathBuf,
    target: PathBuf,
}

impl<'d> Move<'d> {
    fn of(dir: &Path, stage: &Stage, number: usize, draft: &'d Draft) -> Result<Self, WriteError> {
        let staged = stage.path.join(number.to_string());
        let target = target(dir, &draft.name)?;
        if let Some(text) = &draft.after {
            let like = fs::metadata(&target).ok();
            put(&staged, text.as_bytes(), like.as_ref()).map_err(|source| failed(&target, source))?;
        }
        Ok(Self { draft, staged, target })
    }

    fn make(&self) -> Result<(), WriteError> {
        let Draft { before, after, .. } = self.draft;
        let moved = match (before, after) {
            (Some(before), Some(_)) => {
                self.swap()?;
                return self.check(before, || self.swap());
            }
            (Some(before), None) => {
                rename(&self.target, &self.staged, RenameFlags::NOREPLACE)
                    .map_err(|source| failed(&self.target, source))?;
                let back = || rename(&self.staged, &self.target, RenameFlags::NOREPLACE);
                return self.check(before, || back().map_err(|source| failed(&self.target, source)));
            }
            (None, Some(_)) => {
                parent(&self.target).and_then(|()| rename(&self.staged, &self.target, RenameFlags::NOREPLACE))
            }
            (None, None) => Ok(()),
        };
        moved.map_err(|source| self.refused(source, ErrorKind::AlreadyExists))
    }

    fn swap(&self) -> Result<(), WriteError> {
        let swapped = rename(&self.staged, &self.target, RenameFlags::EXCHANGE);
        swapped.map_err(|source| self.refused(source, ErrorKind::NotFound))
    }

    /// Says why a file did not move: of one kind of reason, somebody else was quicker.
    fn refused(&self, source: io::Error, overtaken: ErrorKind) -> WriteError {
        if source.kind() == overtaken {
            WriteError::Changed(self.draft.name.clone())
        } else {
            failed(&self.target, source)
        }
    }

    /// Looks at what left, and puts it back where it is not what the change was made from.
    fn check(&self, before: &str, back: impl FnOnce() -> Result<(), WriteError>) -> Result<(), WriteError> {
        if fs::read(&self.staged).is_ok_and(|left| left == before.as_bytes()) {
            return Ok(());
        }
        back()?;
        Err(WriteError::Changed(self.draft.name.clone()))
    }

    fn undo(&self) {
        let Draft { before, after, name } = self.draft;
        let undone = match (before, after) {
            (Some(_), Some(_)) => rename(&self.staged, &self.target, RenameFlags::EXCHANGE),
            (Some(_), None) => rename(&self.staged, &self.target, RenameFlags::NOREPLACE),
            (None, Some(_)) => rename(&self.target, &self.staged, RenameFlags::NOREPLACE),
            (None, None) => Ok(()),
        };
        let own = after.as_ref().map(|text| hashed(text.as_bytes()));
        let undone = undone.map_err(|source| failed(&self.target, source));
        if let Err(reason) = undone.and_then(|()| keep_aside(&self.staged, &self.target, [&own, &None])) {
            tracing::error!(file = name, %reason, "what was written of a refused change stays");
        }
    }

    fn sync(&self) {
        if let Some(folder) = self.target.parent() {
            let _ = sync(folder);
        }
    }
}

/// Returns the file that a name leads to; links are followed inside the catalog directory, and not out of it.
fn target(dir: &Path, name: &str) -> Result<PathBuf, WriteError> {
    let path = PathBuf::from(name);
    let is_link = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
    let target = if is_link {
        fs::canonicalize(&path).map_err(|source| failed(&path, source))?
    } else {
        path
    };
    // What is not there yet will be made; what is, must be inside.
    let there = target.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(dir);
    let inside = fs::canonicalize(dir).and_then(|dir| Ok(fs::canonicalize(there)?.starts_with(dir)));
    match inside {
        Ok(true) => Ok(target),
        Ok(false) => Err(WriteError::ReadOnly(format!("`{name}` is a link that leads out of it"))),
        Err(source) => Err(failed(&target, source)),
    }
}

/// Writes a file of one's own, which looks like another one.
fn put(path: &Path, bytes: &[u8], like: Option<&fs::Metadata>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(path)?;
    if let Some(like) = like {
        file.set_permissions(Permissions::from_mode(like.mode() & 0o777))?;
        // Only root gives files away; who is not root writes what is its own.
        let _ = fchown(&file, Some(like.uid()), Some(like.gid()));
    }
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the folder of a file, if it is missing, and its entry durable.
fn parent(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.exists()) else {
        return Ok(());
    };
    fs::create_dir_all(folder)?;
    folder.parent().map_or(Ok(()), sync)
}

fn rename(from: &Path, to: &Path, how: RenameFlags) -> io::Result<()> {
    Ok(renameat_with(CWD, from, CWD, to, how)?)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn hashed(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// Returns the digest of a file; nothing where there is none.
fn hashed_file(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(hashed(&bytes))),
        Err(reason) if reason.kind() == ErrorKind::NotFound => Ok(None),
        Err(reason) => Err(reason),
    }
}

fn failed(path: &Path, source: io::Error) -> WriteError {
    let path = path.display().to_string();
    WriteError::Failed { path, source }
}

const STAGE: &str = ".tollgate-change";
const PROMISE: &str = "promise.json";
