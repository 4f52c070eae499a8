//! What the file system tells of its own accord about the catalog directory and the settings file.
//!
//! The directories above them are listened to as well: a directory or a link that is replaced is told there.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Wakes whoever watches, until it is dropped.
pub(super) struct Events {
    _watcher: RecommendedWatcher,
}

impl Events {
    /// Listens to what the catalog directory and the settings file are now.
    pub(super) fn listen(catalog: &Path, settings: &Path, wake: Arc<Notify>) -> notify::Result<Self> {
        let concern = Concern::new(catalog, settings);
        let (catalog, above) = (concern.catalog.clone(), [above(catalog), above(settings)]);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error may mean that something was missed.
            if event.map_or(true, |event| concern.is_about(&event)) {
                wake.notify_one();
            }
        })?;
        for directory in BTreeSet::from(above) {
            if directory.is_dir() {
                watcher.watch(&directory, RecursiveMode::NonRecursive)?;
            }
        }
        if catalog.is_dir() {
            watcher.watch(&catalog, RecursiveMode::Recursive)?;
        }
        Ok(Self { _watcher: watcher })
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

/// Returns the directory that holds a path.
fn above(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Which events matter: a busy directory above the catalog must not keep the gateway busy.
struct Concern {
    /// The directory itself, no link.
    catalog: PathBuf,
    names: Vec<OsString>,
}

impl Concern {
    fn new(catalog: &Path, settings: &Path) -> Self {
        // `..data` is the link that Kubernetes replaces when a ConfigMap changes.
        let names = [catalog.file_name(), settings.file_name(), Some(OsStr::new("..data"))];
        Self {
            catalog: fs::canonicalize(catalog).unwrap_or_else(|_| catalog.to_path_buf()),
            names: names.into_iter().flatten().map(OsStr::to_owned).collect(),
        }
    }

    fn is_about(&self, event: &Event) -> bool {
        let is_about = |path: &PathBuf| {
            path.starts_with(&self.catalog)
                || path
                    .file_name()
                    .is_some_and(|name| self.names.iter().any(|n| n == name))
        };
        event.need_rescan() || (is_change(event.kind) && event.paths.iter().any(is_about))
    }
}

/// Tells whether an event is more than somebody reading; we read, too.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Other | EventKind::Remove(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, ModifyKind};

    use super::*;

    fn event(kind: EventKind, path: &str) -> Event {
        Event::new(kind).add_path(path.into())
    }

    #[test]
    fn only_changes_of_the_catalog_or_the_settings_matter() {
        let concern = Concern::new(
            Path::new("/nonexistent/conf/catalog"),
            Path::new("/nonexistent/conf/tollgate.toml"),
        );
        let changed = EventKind::Modify(ModifyKind::Any);
        for path in ["catalog", "catalog/apis/a.toml", "tollgate.toml", "..data"] {
            assert!(
                concern.is_about(&event(changed, &format!("/nonexistent/conf/{path}"))),
                "{path}"
            );
        }
        assert!(!concern.is_about(&event(changed, "/nonexistent/conf/notes.md")));
        assert!(!concern.is_about(&event(
            EventKind::Create(CreateKind::File),
            "/nonexistent/catalog2/a.toml"
        )));
    }

    #[test]
    fn reading_is_no_change() {
        assert!(!is_change(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!is_change(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(is_change(EventKind::Access(AccessKind::Close(AccessMode::Write))));
    }

    #[test]
    fn the_directory_above_a_bare_name_is_here() {
        assert_eq!(above(Path::new("catalog")), Path::new("."));
        assert_eq!(above(Path::new("conf/catalog")), Path::new("conf"));
    }
}
