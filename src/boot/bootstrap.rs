//! `bootstrap.toml`: what fills an empty registry, once.

use std::fs;
use std::io;

use admin::registry::Registry;
use admin::registry::bootstrap::Bootstrap;
use tracing::info;

use super::BootError;
use super::welcome::welcome;
use crate::credential::now;
use crate::model::catalog::Catalog;
use crate::model::source::Source;
use crate::model::violation::Violation;
use crate::settings::{Environment, Settings};

/// Fills a registry that nobody has put anything in, and says how to sign in; the catalog is asked for only where it is
/// needed.
pub(super) async fn fill(
    registry: &Registry,
    (settings, environment): (&Settings, &Environment),
    catalog: impl FnOnce() -> Result<Catalog, Vec<Violation>>,
) -> Result<(), BootError> {
    if !registry.is_empty().await.map_err(BootError::Registry)? {
        return Ok(());
    }
    if settings.bootstrap.exists() {
        fill_from(registry, (settings, environment), catalog).await?;
    }
    welcome(registry.view(), settings);
    Ok(())
}

async fn fill_from(
    registry: &Registry,
    (settings, environment): (&Settings, &Environment),
    catalog: impl FnOnce() -> Result<Catalog, Vec<Violation>>,
) -> Result<(), BootError> {
    let catalog = catalog().map_err(BootError::Refused)?;
    let Some(bootstrap) = read(settings, environment, Some(&catalog)).map_err(BootError::Refused)? else {
        return Ok(());
    };
    let (users, applications) = bootstrap.counts();
    if registry.fill(bootstrap, now()).await.map_err(BootError::Registry)? {
        info!(users, applications, file = %settings.bootstrap.display(), "registry filled");
    }
    Ok(())
}

/// Says what is wrong with the file, where there is one.
pub fn examine(settings: &Settings, environment: &Environment, catalog: Option<&Catalog>) -> Vec<Violation> {
    read(settings, environment, catalog).err().unwrap_or_default()
}

fn read(
    settings: &Settings,
    environment: &Environment,
    catalog: Option<&Catalog>,
) -> Result<Option<Bootstrap>, Vec<Violation>> {
    let name = settings.bootstrap.display().to_string();
    match fs::read_to_string(&settings.bootstrap) {
        Ok(text) => Bootstrap::believe(
            &Source {
                name: name.into(),
                text: text.into(),
            },
            environment,
            catalog,
        )
        .map(Some),
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(reason) => Err(vec![Violation {
            file: name,
            line: 0,
            column: 0,
            path: String::new(),
            message: format!("cannot be read: {reason}"),
            fix: None,
        }]),
    }
}
