//! The raw shape of a version and its resources.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Unexpected, Visitor};

use super::{Cache, Endpoints, MaxTps, Several};
use crate::model::auth::AuthType;
use crate::model::lifecycle::LifecycleState;
use crate::model::method::MethodName;
use crate::model::unit::Size;

/// A version of an API: what is published and routed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Its label, such as `3.0`; unique in its API.
    pub version: String,
    /// Where it stands in its life; `created`, and so not served, by default.
    #[serde(default)]
    pub state: LifecycleState,
    /// The transports over which it may be called; both by default.
    #[serde(default = "TransportName::both")]
    pub transports: Vec<TransportName>,
    /// What proves a caller to it, where a resource asks; `oauth2` by default.
    #[serde(default = "SecurityName::default_list")]
    pub security: Vec<SecurityName>,
    /// The header field that holds a token or a password; the tenant's, or the server's, by default.
    pub authorization_header: Option<String>,
    /// The header field that holds an API key, and the query parameter of that name; the tenant's by default.
    pub api_key_header: Option<String>,
    /// Whose tokens it takes, by the names of key managers; `Resident` is the gateway itself. All by default.
    pub key_managers: Option<Vec<String>>,
    /// The client certificates that it takes, or authorities that issue them: PEM, or `file:PATH` relative to this
    /// file. `mutual_tls` needs them.
    #[serde(default)]
    pub client_certificates: Several,
    /// Whether the endpoint gets a signed statement of who calls, in `X-JWT-Assertion`; not by default.
    #[serde(default)]
    pub backend_jwt: bool,
    /// The subscription tiers among which subscribers choose; `["Unlimited"]` by default. With `[]` it is called
    /// without a subscription.
    pub tiers: Option<Vec<String>>,
    /// The tenants that may subscribe: `current_tenant` (the default), `all_tenants`, or a list of domains.
    #[serde(default)]
    pub subscribers: Subscribers,
    /// A resource tier for the whole version; replaces those of its resources.
    pub tier: Option<String>,
    /// The subscription tier of callers without an application; the tenant's by default. `Unlimited` counts nothing.
    pub anonymous_tier: Option<String>,
    /// The largest numbers of requests that the endpoints take in any second; no limit by default.
    #[serde(default)]
    pub max_tps: MaxTps,
    /// The largest request body, such as `"8MiB"`; the gateway's own limit by default.
    pub max_request_body: Option<Size>,
    /// Unusual request paths that it takes; all of them are refused by default.
    #[serde(default)]
    pub paths: Vec<PathAllowance>,
    /// Where its traffic goes.
    pub endpoints: Option<Endpoints>,
    /// What is kept of its responses; nothing by default.
    pub cache: Option<Cache>,
    /// What may be called.
    #[serde(default)]
    pub resources: Vec<Resource>,
}

/// A resource: a path template and the methods that may be called on it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its path below the version: `/videos`, `/videos/{id}`, `/files/*`. A trailing slash makes another path.
    pub path: String,
    /// The methods that may be called.
    pub methods: Vec<MethodName>,
    /// What credential it demands; `any` by default, `none` serves it to everybody.
    #[serde(default)]
    pub auth: AuthType,
    /// The scopes of which a caller needs one.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Its resource tier; `Unlimited` by default.
    pub tier: Option<String>,
    /// What is kept of its responses, in the place of what its version says.
    pub cache: Option<Cache>,
}

/// A transport over which a version may be called.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum TransportName {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl TransportName {
    fn both() -> Vec<Self> {
        vec![Self::Http, Self::Https]
    }
}

/// What proves a caller to a version.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum SecurityName {
    /// An API key.
    ApiKey,
    /// A name and a password.
    Basic,
    /// A client certificate, or one of the others.
    MutualTls,
    /// A client certificate always.
    MutualTlsMandatory,
    /// An OAuth 2.0 access token.
    Oauth2,
    /// One of token, key and password always, whatever certificate was shown.
    Oauth2BasicApiKeyMandatory,
}

impl SecurityName {
    fn default_list() -> Vec<Self> {
        vec![Self::Oauth2]
    }
}

/// An unusual request path that a version takes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum PathAllowance {
    /// Two slashes with nothing between them.
    EmptySegments,
    /// `%2F` and `%5C`, kept encoded on the way to the endpoint.
    EncodedSlashes,
    /// `;name=value` inside a segment.
    PathParameters,
}

/// The tenants that may subscribe to a version.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Subscribers {
    /// Those of every tenant.
    AllTenants,
    /// Those of the API's own tenant.
    #[default]
    CurrentTenant,
    /// Those of these tenants.
    Tenants(Vec<String>),
}

impl<'de> Deserialize<'de> for Subscribers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrList;
        impl<'de> Visitor<'de> for WordOrList {
            type Value = Subscribers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`\"current_tenant\"`, `\"all_tenants\"` or a list of tenant domains")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Subscribers, E> {
                match word {
                    "all_tenants" => Ok(Subscribers::AllTenants),
                    "current_tenant" => Ok(Subscribers::CurrentTenant),
                    _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Subscribers, A::Error> {
                let mut domains = Vec::new();
                while let Some(domain) = list.next_element()? {
                    domains.push(domain);
                }
                Ok(Subscribers::Tenants(domains))
            }
        }
        deserializer.deserialize_any(WordOrList)
    }
}

impl JsonSchema for Subscribers {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Subscribers".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "enum": ["current_tenant", "all_tenants"] },
                { "type": "array", "items": { "type": "string" } },
            ]
        })
    }
}
