//! Opens the catalog directory and its history: what a process that died was writing is finished first.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;

use admin::control::history::History;
use admin::control::publish::Publish;
use admin::control::{Control, files};

use super::BootError;
use crate::settings::{Environment, Settings};

/// Makes the writer of the catalog.
///
/// # Errors
///
/// Fails when a change that broke off cannot be finished, or the data directory cannot be written.
pub(super) fn open(
    settings: &Settings,
    environment: &Environment,
    publish: Box<dyn Publish>,
) -> Result<Control, BootError> {
    for file in files::recover(&settings.catalog).map_err(BootError::Unfinished)? {
        tracing::warn!(
            file,
            "a change that broke off does not go on here: the file was edited since"
        );
    }
    make_data(settings)?;
    let path = settings.data.join("revisions.jsonl");
    let history = History::open(path.clone(), settings.revisions);
    let history = history.map_err(|source| BootError::Data { path, source })?;
    let control = Control::new(Box::new(environment.clone()), publish);
    Ok(control.keeping(settings.catalog.clone(), history))
}

/// Makes the data directory, which nobody else may read.
pub(super) fn make_data(settings: &Settings) -> Result<(), BootError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&settings.data);
    made.map_err(|source| BootError::Data {
        path: settings.data.clone(),
        source,
    })
}
