//! A tenant: the owner of everything else.

use http::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::{HostName, TenantName};
use super::place::Place;

/// The owner of APIs; reached by `/t/<domain>/` or by a hostname of its own.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its name, a domain.
    pub domain: TenantName,
    /// Hostnames that belong to it alone.
    pub hostnames: Vec<HostName>,
    /// Whether its APIs are served.
    pub state: TenantState,
    /// The field that holds a token or a password, where its versions name none; the server's where it does not.
    pub authorization: Option<HeaderName>,
    /// The field that holds an API key, where its versions name none; the server's where it does not.
    pub api_key: Option<HeaderName>,
    /// Where it was stated; the root tenant need not be.
    pub place: Place,
}

/// Whether a tenant's APIs are served.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// They are.
    #[default]
    Active,
    /// They answer as if they did not exist.
    Inactive,
}
