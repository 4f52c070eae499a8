//! An Api and its versions, as believed.

use std::sync::Arc;

use http::HeaderName;

use super::backend::Backend;
use super::caching::Caching;
use super::lifecycle::LifecycleState;
use super::name::{ApiName, Context, TenantName, TierName, VersionName};
use super::place::Place;
use super::resource::Resource;
use super::security::Security;
use super::unit::Size;

/// A named product with a context and one or more versions.
#[derive(Clone, Debug)]
pub struct Api {
    /// The name people use for it; unique in its tenant.
    pub name: ApiName,
    /// The tenant that owns it.
    pub tenant: TenantName,
    /// The path prefix that names it; may hold `{version}`.
    pub context: Context,
    /// Versions in order of preference for callers who name none.
    pub default_version: Vec<VersionName>,
    /// Its versions, in the order they were written.
    pub versions: Vec<ApiVersion>,
}

impl Api {
    /// Picks the version that answers where none is named, with its number: the first of the preference list that is
    /// published. While none is, the first that callers are told of answers as its own state demands, so that deprecating
    /// or blocking the only default does not turn it into "not found".
    pub fn answering(&self) -> Option<(usize, &ApiVersion)> {
        let preferred = || {
            let versions = || self.versions.iter().enumerate();
            let find = move |name: &VersionName| versions().find(|(_, version)| version.version == *name);
            self.default_version.iter().filter_map(find)
        };
        preferred()
            .find(|(_, version)| version.state == LifecycleState::Published)
            .or_else(|| preferred().find(|(_, version)| version.state.is_known()))
    }
}

/// The unit that is published and routed.
#[derive(Clone, Debug)]
pub struct ApiVersion {
    /// Its label, unique in its Api.
    pub version: VersionName,
    /// Where it stands in its life.
    pub state: LifecycleState,
    /// Over which transports it may be called.
    pub transports: Transports,
    /// What proves a caller to it.
    pub security: Security<Option<HeaderName>>,
    /// The subscription tiers among which subscribers choose; without any, it is called without a subscription.
    pub tiers: Vec<TierName>,
    /// The resource tier of the whole version, in the place of its resources' own, where it has one that counts.
    pub tier: Option<TierName>,
    /// The subscription tier of callers without an application, where there is one that counts.
    pub anonymous_tier: Option<TierName>,
    /// How much its endpoints take.
    pub max_tps: MaxTps,
    /// Whose applications may subscribe; those of its own tenant always may.
    pub subscribers: Subscribers,
    /// Where calls with production keys go, if anywhere; one of the two is there.
    pub production: Option<Arc<Backend>>,
    /// Where calls with sandbox keys go, if anywhere.
    pub sandbox: Option<Arc<Backend>>,
    /// The largest request body it takes, where it differs from the gateway's own limit.
    pub max_request_body: Option<Size>,
    /// Which unusual request paths it accepts.
    pub paths: PathAllowances,
    /// What is kept of its responses, where it says so.
    pub caching: Option<Box<Caching>>,
    /// What may be called.
    pub resources: Vec<Resource>,
    /// Where it was stated.
    pub place: Place,
}

/// The largest numbers of requests that the endpoints of a version take in any second.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MaxTps {
    /// Of production endpoints together.
    pub production: Option<u64>,
    /// Of sandbox endpoints together.
    pub sandbox: Option<u64>,
}

/// The tenants whose applications may subscribe to a version, beside its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subscribers {
    /// Every tenant.
    All,
    /// No other.
    Current,
    /// These.
    Listed(Vec<TenantName>),
}

/// The transports over which a version may be called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Transports {
    /// Plain HTTP.
    pub http: bool,
    /// HTTP over TLS.
    pub https: bool,
}

/// Request paths that are refused unless a version names them.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct PathAllowances {
    /// Two slashes with nothing between them.
    pub empty_segments: bool,
    /// `%2F` and `%5C`, kept encoded on the way to the backend.
    pub encoded_slashes: bool,
    /// `;name=value` inside a segment.
    pub path_parameters: bool,
}
