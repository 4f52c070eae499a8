//! Opens what says who calls: the registry, the signing keys, and the router that issues tokens.

use std::sync::Arc;
use std::time::Duration;

use admin::oauth::keys::{Rotation, SigningKeys};
use admin::registry::Registry;
use axum::Router;
use jsonwebtoken::Algorithm;

use super::BootError;
use crate::credential::now;
use crate::settings::{OAuth, Settings, TokenAlgorithm};

/// What says who calls; it outlives every catalog.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) registry: Arc<Registry>,
    pub(super) keys: Arc<SigningKeys>,
    pub(super) router: Router,
}

impl Identity {
    /// Opens the registry and the signing keys, and makes what is missing.
    pub(super) async fn open(settings: &Settings) -> Result<Self, BootError> {
        let registry = open_registry(settings).await?;
        let keys = open_keys(settings)?;
        Ok(Self {
            registry: Arc::new(registry),
            keys: Arc::new(keys),
            router: Router::new(),
        })
    }
}

/// Opens the registry that settings name.
///
/// # Errors
///
/// Returns why it cannot be asked.
pub async fn open_registry(settings: &Settings) -> Result<Registry, BootError> {
    let opened = Registry::open(settings.registry.as_str(), &settings.data, now());
    match tokio::time::timeout(PATIENCE, opened).await {
        Ok(Ok(registry)) => Ok(registry),
        Ok(Err(source)) => Err(BootError::Registry(source)),
        Err(_) => Err(BootError::RegistryLate(PATIENCE)),
    }
}

/// Opens the signing keys of a data directory; the first one is made.
///
/// # Errors
///
/// Returns the file that cannot be used.
pub fn open_keys(settings: &Settings) -> Result<SigningKeys, BootError> {
    let directory = settings.data.join("keys");
    SigningKeys::open_rotating(&directory, rotation(&settings.oauth), now()).map_err(BootError::Keys)
}

fn rotation(oauth: &OAuth) -> Rotation {
    Rotation {
        algorithm: match oauth.algorithm {
            TokenAlgorithm::Es256 => Algorithm::ES256,
            TokenAlgorithm::Rs256 => Algorithm::RS256,
        },
        period: oauth.key_rotation.map_or(NEVER, |period| period.as_secs()),
        lifetime: oauth.access_token.as_secs(),
        ..Rotation::default()
    }
}

/// A registry that has not been opened by then is away.
const PATIENCE: Duration = Duration::from_secs(20);

/// Centuries from now, and far from where sums of times would overflow.
const NEVER: u64 = 1 << 40;
