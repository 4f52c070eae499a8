//! A key manager: somebody else who issues tokens for a tenant's callers.

use super::name::{KeyManagerName, TenantName};
use super::place::Place;

/// An issuer of tokens other than the gateway itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyManager {
    /// Its name; unique in its tenant. `Resident` is the gateway itself and cannot be stated.
    pub name: KeyManagerName,
    /// The tenant whose APIs take its tokens.
    pub tenant: TenantName,
    /// The `iss` of its tokens, compared byte by byte.
    pub issuer: String,
    /// Where its keys are.
    pub keys: IssuerKeys,
    /// What one of a token's `aud` must be; empty: the audience is not examined.
    pub audiences: Vec<String>,
    /// Which claims say what.
    pub claims: ClaimNames,
    /// How tokens that say nothing by themselves are asked about (RFC 7662).
    pub introspection: Option<Introspection>,
    /// Where it was stated.
    pub place: Place,
}

/// What a version writes for the gateway's own tokens among those of key managers.
pub const RESIDENT: &str = "Resident";

/// Where an issuer's keys are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IssuerKeys {
    /// Nowhere: its tokens are introspected.
    None,
    /// In a JWK set that the catalog holds, as JSON.
    Inline(String),
    /// In a JWK set at this URL.
    Url(String),
}

/// Which claims of an issuer's tokens say what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimNames {
    /// The consumer key of the application: `azp` or `client_id` by default, in this order.
    pub client: Vec<String>,
    /// The scopes, as a string with spaces or a list: `scope`, then `scp`.
    pub scopes: Vec<String>,
    /// The roles of the user: none by default.
    pub roles: Option<String>,
}

/// How an opaque token is asked about.
#[derive(Clone, Eq, PartialEq)]
pub struct Introspection {
    /// The endpoint.
    pub url: String,
    /// What the gateway is known by there.
    pub client_id: String,
    /// What proves it.
    pub client_secret: String,
}

impl std::fmt::Debug for Introspection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Introspection")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
