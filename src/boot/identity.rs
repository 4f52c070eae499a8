//! Opens what says who calls: the registry, the signing keys, what proves callers and what issues tokens.

use std::sync::Arc;
use std::time::Duration;

use admin::control::{Control, files};
use admin::http::admin::ports::Ports;
use admin::http::admin::{About, Means};
use admin::oauth::authority::{Authority, CatalogNow, FetchKeys};
use admin::oauth::keys::{Rotation, SigningKeys};
use admin::oauth::settings::{Lifetimes, OauthSettings};
use admin::registry::Registry;
use axum::Router;
use jsonwebtoken::Algorithm;
use tokio::sync::watch;

use super::catalog::make_data;
use super::{BootError, bootstrap};
use crate::bridge::witness::witness;
use crate::credential::{Credentials, Terms, now};
use crate::model::catalog::Catalog;
use crate::model::security::CredentialFields;
use crate::model::violation::Violation;
use crate::settings::{Environment, OAuth, Settings, TokenAlgorithm};

/// What says who calls; it outlives every catalog.
pub(super) struct Identity {
    pub(super) registry: Arc<Registry>,
    pub(super) keys: Arc<SigningKeys>,
    pub(super) credentials: Arc<Credentials>,
    pub(super) router: Router,
    authority: Arc<Authority>,
    control: Arc<Control>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// Opens the registry and the signing keys, and makes what is missing.
    pub(super) async fn open(
        settings: &Settings,
        environment: &Environment,
        control: &Arc<Control>,
    ) -> Result<Self, BootError> {
        let catalog = || Ok(Catalog::clone(&control.catalog()));
        let registry = Arc::new(open_registry(settings, environment, catalog).await?);
        let keys = Arc::new(open_keys(settings)?);
        let served = Arc::clone(control);
        let credentials = Credentials::open(Arc::clone(&registry), Arc::clone(&keys), terms(settings));
        let credentials = Arc::new(credentials);
        let authority = authority(settings, &registry, &keys, Box::new(move || served.catalog()));
        let authority = Arc::new(authority.fetching(issuer_keys(&credentials)));
        Ok(Self {
            credentials,
            registry,
            keys,
            router: admin::http::oauth::router(Arc::clone(&authority)),
            authority,
            control: Arc::clone(control),
        })
    }

    /// Keeps what hands do to the files in the audit, until shutdown.
    pub(super) fn witness(
        &self,
        published: watch::Receiver<u64>,
        shutdown: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + 'static {
        witness(
            Arc::clone(&self.control),
            Arc::clone(&self.registry),
            published,
            shutdown,
        )
    }

    /// Routes the admin API beside the token endpoint.
    pub(super) fn of_operators(&self, settings: &Settings, ports: Ports) -> Router {
        let catalog = settings.catalog.clone();
        let about = About {
            version: env!("CARGO_PKG_VERSION"),
            started: now(),
            is_read_only: Box::new(move || files::read_only(&catalog).is_some()),
        };
        let means = Means::new(Arc::clone(&self.authority), Arc::clone(&self.control), about, ports);
        self.router
            .clone()
            .merge(admin::http::admin::router(&means))
            .merge(admin::http::console::router())
    }
}

/// Opens the registry that settings name, and fills it from `bootstrap.toml` where it is empty.
///
/// # Errors
///
/// Returns why it cannot be asked, or what is wrong with `bootstrap.toml`.
pub async fn open_registry(
    settings: &Settings,
    environment: &Environment,
    catalog: impl FnOnce() -> Result<Catalog, Vec<Violation>>,
) -> Result<Registry, BootError> {
    make_data(settings)?;
    let opened = Registry::open(settings.registry.as_str(), &settings.data, now());
    let registry = match tokio::time::timeout(PATIENCE, opened).await {
        Ok(Ok(registry)) => registry,
        Ok(Err(source)) => return Err(BootError::Registry(source)),
        Err(_) => return Err(BootError::RegistryLate(PATIENCE)),
    };
    bootstrap::fill(&registry, (settings, environment), catalog).await?;
    Ok(registry)
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

/// Puts together what issues tokens.
pub fn authority(
    settings: &Settings,
    registry: &Arc<Registry>,
    keys: &Arc<SigningKeys>,
    catalog: CatalogNow,
) -> Authority {
    let OAuth {
        access_token,
        refresh_token,
        authorization_code,
        ..
    } = settings.oauth;
    let lifetimes = Lifetimes {
        access: access_token.as_secs(),
        code: authorization_code.as_secs(),
        id_token: access_token.as_secs(),
        refresh: refresh_token.as_secs(),
        ..Lifetimes::default()
    };
    let settings = OauthSettings {
        issuer: settings.oauth.issuer.clone(),
        lifetimes,
    };
    Authority::new(Arc::clone(registry), Arc::clone(keys), settings, catalog, Box::new(now))
}

/// Fetches the keys of other issuers for the token endpoint, by way of what judges traffic: one cache serves both.
fn issuer_keys(credentials: &Arc<Credentials>) -> FetchKeys {
    let credentials = Arc::clone(credentials);
    Box::new(move |manager, wanted| {
        let (credentials, manager) = (Arc::clone(&credentials), Arc::new(manager.clone()));
        Box::pin(async move { credentials.issuer_keys(&manager, wanted, now()).await })
    })
}

/// Says in which fields credentials are, where neither a version nor its tenant says so.
pub(super) fn fields(settings: &Settings) -> CredentialFields {
    let credentials = &settings.credentials;
    CredentialFields {
        authorization: credentials.authorization_header.clone(),
        api_key: credentials.api_key_header.clone(),
        certificate: credentials.client_certificate_header.clone(),
        assertion: credentials.backend_jwt_header.clone(),
    }
}

pub(super) fn rotation(oauth: &OAuth) -> Rotation {
    let period = oauth.key_rotation.map_or(NEVER, |period| period.as_secs());
    let usual = Rotation::default();
    Rotation {
        algorithm: match oauth.algorithm {
            TokenAlgorithm::Es256 => Algorithm::ES256,
            TokenAlgorithm::Rs256 => Algorithm::RS256,
        },
        period,
        // Else the next key would be due before the last one signs.
        overlap: usual.overlap.min(period / 2),
        lifetime: oauth.access_token.as_secs(),
    }
}

pub(super) fn terms(settings: &Settings) -> Terms {
    let credentials = &settings.credentials;
    Terms {
        issuer: settings.oauth.issuer.clone(),
        tokens: credentials.token_cache,
        leeway: credentials.leeway.as_secs(),
        introspection: credentials.introspection_cache.as_secs(),
    }
}

/// A registry that has not been opened by then is away.
const PATIENCE: Duration = Duration::from_secs(20);

/// Centuries from now, and far from where sums of times would overflow.
const NEVER: u64 = 1 << 40;
