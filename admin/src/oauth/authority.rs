//! What every part of the token endpoint needs: the registry, the catalog as it is now, keys, settings and time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::guard::Guard;
use super::jws::Unproven;
use super::keys::SigningKeys;
use super::replay::Replay;
use super::session::Sessions;
use super::settings::OauthSettings;
use crate::model::catalog::Catalog;
use crate::model::instant::UnixTime;
use crate::model::key_manager::{IssuerKeys, KeyManager};
use crate::model::name::TenantName;
use crate::model::tenant::TenantState;
use crate::registry::Registry;

/// The token endpoint's means.
pub struct Authority {
    /// Users, clients and tokens.
    pub registry: Arc<Registry>,
    /// What signs.
    pub keys: Arc<SigningKeys>,
    /// What it was told at start.
    pub settings: OauthSettings,
    catalog: CatalogNow,
    clock: Clock,
    issuer_keys: Option<FetchKeys>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) replay: Replay,
    pub(crate) sessions: Sessions,
}

/// Returns the catalog that is served now.
pub type CatalogNow = Box<dyn Fn() -> Arc<Catalog> + Send + Sync>;

/// Tells the time.
pub type Clock = Box<dyn Fn() -> UnixTime + Send + Sync>;

/// Fetches the JWK set of a key manager whose keys are at a URL, from a bounded cache; `None` where there is none.
pub type FetchKeys = Box<dyn Fn(&KeyManager, Wanted) -> Fetching + Send + Sync>;

/// A JWK set that is being fetched.
pub type Fetching = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

/// Which keys of an issuer are wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// Those that are known; they are fetched where none is.
    Known,
    /// Those that it shows now, because the known ones proved nothing. How often it is asked is for the cache to say.
    Newer,
}

impl Authority {
    /// Puts the means together.
    pub fn new(
        registry: Arc<Registry>,
        keys: Arc<SigningKeys>,
        settings: OauthSettings,
        catalog: CatalogNow,
        clock: Clock,
    ) -> Self {
        Self {
            registry,
            keys,
            settings,
            catalog,
            clock,
            issuer_keys: None,
            guard: Guard::with_room(65_536),
            replay: Replay::with_room(20_000),
            sessions: Sessions::with_room(50_000),
        }
    }

    /// Gives it a way to the keys of key managers that publish them at a URL; without one their assertions are
    /// refused.
    #[must_use]
    pub fn fetching(mut self, issuer_keys: FetchKeys) -> Self {
        self.issuer_keys = Some(issuer_keys);
        self
    }

    /// Returns the catalog that is served now.
    pub fn catalog(&self) -> Arc<Catalog> {
        (self.catalog)()
    }

    /// Tells the time.
    pub fn now(&self) -> UnixTime {
        (self.clock)()
    }

    /// Tells whether a tenant is there and served: in another one nobody is known.
    pub fn is_served(&self, tenant: &TenantName) -> bool {
        let catalog = self.catalog();
        let found = catalog.tenants().iter().find(|known| known.domain == *tenant);
        found.is_some_and(|known| known.state == TenantState::Active)
    }

    /// Proves a statement by the keys of a key manager: those that are known, else those that it shows now.
    pub(crate) async fn prove(&self, statement: &Unproven<'_>, of: &KeyManager) -> Option<Map<String, Value>> {
        match (&of.keys, &self.issuer_keys) {
            (IssuerKeys::Inline(set), _) => statement.prove_by(set),
            (IssuerKeys::Url(_), Some(fetch)) => {
                let known = fetch(of, Wanted::Known).await?;
                if let Some(proven) = statement.prove_by(&known) {
                    return Some(proven);
                }
                let newer = fetch(of, Wanted::Newer).await?;
                if newer == known {
                    None
                } else {
                    statement.prove_by(&newer)
                }
            }
            (IssuerKeys::None, _) | (IssuerKeys::Url(_), None) => None,
        }
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
