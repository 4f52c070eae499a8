//! The file that is to hold what was imported: the API's own where it has one, else a new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use admin::import;

use super::blame;
use crate::model::api::Api;
use crate::model::catalog::Catalog;
use crate::model::document::Document;
use crate::model::name::ROOT_TENANT;
use crate::model::source::Source;
use crate::model::violation::Violation;

/// A file, and the text that it is to hold.
pub(super) struct Target {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) is_new: bool,
    /// What it held when it was read.
    old: String,
}

impl Target {
    /// Chooses the file of an API, and makes its text.
    pub(super) fn choose(
        document: &Document,
        (catalog, sources, dir): (&Catalog, &[Source], &Path),
        origin: &str,
    ) -> Result<Self, Violation> {
        let tenant = document.tenant.as_deref().unwrap_or(ROOT_TENANT);
        let is_it =
            |api: &&Arc<Api>| Some(api.name.as_str()) == document.name.as_deref() && api.tenant.as_str() == tenant;
        let Some(api) = catalog.apis().iter().find(is_it) else {
            return Ok(Self {
                path: free(document, sources, dir),
                text: import::write(document, origin),
                is_new: true,
                old: String::new(),
            });
        };
        let file = api.versions.first().map(|version| version.place.file.to_string());
        let source = sources.iter().find(|source| Some(&*source.name) == file.as_deref());
        let source = source.ok_or_else(|| blame(dir, "the file of the API is not among those of the catalog"))?;
        let path = PathBuf::from(&*source.name);
        let context = document.context.as_deref().unwrap_or_default();
        if context != api.context.as_str() {
            let message = format!(
                "the API `{}` is there already, with the context `{}`",
                api.name, api.context
            );
            let fix = format!(
                "import it with `--context {}`, or as another API with `--name`",
                api.context
            );
            return Err(blame(&path, &message).fix(fix));
        }
        if let Some(version) = document.versions.first() {
            let label = version.version.as_str();
            if api.versions.iter().any(|known| known.version.as_str() == label) {
                let message = format!("the version `{label}` of the API `{}` is there already", api.name);
                return Err(blame(&path, &message).fix("import it with another `--version`, or remove that one"));
            }
        }
        Ok(Self {
            text: import::add(&source.name, &source.text, document)?,
            old: source.text.to_string(),
            is_new: false,
            path,
        })
    }

    /// Returns its name as the catalog has it.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Writes it whole or not at all, unless somebody else has written it since.
    pub(super) fn write(&self) -> io::Result<()> {
        let meant = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = meant.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        // A catalog does not read hidden files.
        let beside = folder.join(format!(".import-{}.tmp", std::process::id()));
        let written = self.write_beside(&beside, &meant);
        if written.is_err() {
            // It may not even be there.
            let _ = fs::remove_file(&beside);
        }
        written
    }

    fn write_beside(&self, beside: &Path, meant: &Path) -> io::Result<()> {
        let mut file = File::options().write(true).create_new(true).open(beside)?;
        file.write_all(self.text.as_bytes())?;
        file.sync_all()?;
        let now = match fs::read_to_string(meant) {
            Ok(now) => Some(now),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if now.as_ref() != (!self.is_new).then_some(&self.old) {
            return Err(io::Error::other(
                "somebody else has written it in the meantime; nothing was changed",
            ));
        }
        if !self.is_new {
            fs::set_permissions(beside, fs::metadata(meant)?.permissions())?;
        }
        fs::rename(beside, meant)
    }
}

/// Returns the path of a file that is not there yet.
fn free(document: &Document, sources: &[Source], dir: &Path) -> PathBuf {
    let folder = dir.join("apis");
    let name = import::file_name(document.name.as_deref().unwrap_or_default());
    let stem = name.trim_end_matches(".toml");
    let numbered = (2..).map(|number| folder.join(format!("{stem}-{number}.toml")));
    let is_free = |path: &PathBuf| {
        let shown = path.display().to_string();
        !path.exists() && sources.iter().all(|source| *source.name != shown)
    };
    let mut paths = std::iter::once(folder.join(&name)).chain(numbered);
    paths.find(is_free).unwrap_or_else(|| folder.join(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &Path, old: &str, is_new: bool) -> Target {
        Target {
            path: path.to_owned(),
            text: "new".to_owned(),
            is_new,
            old: old.to_owned(),
        }
    }

    #[test]
    fn a_file_is_written_whole_unless_somebody_else_was_faster() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("apis/a.toml");
        target(&path, "", true).write().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        fs::write(&path, "by hand").unwrap();
        for stale in [target(&path, "", true), target(&path, "as it was", false)] {
            assert!(stale.write().unwrap_err().to_string().contains("somebody else"));
            assert_eq!(fs::read_to_string(&path).unwrap(), "by hand");
        }
        target(&path, "by hand", false).write().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        fs::remove_file(&path).unwrap();
        assert!(target(&path, "new", false).write().is_err());
        assert_eq!(
            fs::read_dir(dir.path().join("apis")).unwrap().count(),
            0,
            "nothing is left behind"
        );
    }

    #[test]
    fn a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (meant, link) = (dir.path().join("meant.toml"), dir.path().join("a.toml"));
        fs::write(&meant, "old").unwrap();
        std::os::unix::fs::symlink(&meant, &link).unwrap();
        target(&link, "old", false).write().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&meant).unwrap(), "new");
    }
}
