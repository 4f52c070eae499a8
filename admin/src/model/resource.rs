//! A resource: a path template and the methods that may be called on it.

use super::auth::AuthType;
use super::caching::Caching;
use super::method::MethodSet;
use super::name::{ScopeName, TierName};
use super::place::Place;
use super::template::Template;

/// A path template and a method set inside an ApiVersion.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Which paths it answers to.
    pub template: Template,
    /// Which methods it takes; never empty.
    pub methods: MethodSet,
    /// What credential it demands.
    pub auth: AuthType,
    /// The scopes of which a caller needs one; without any, none is needed.
    pub scopes: Vec<ScopeName>,
    /// Its resource tier, where it has one that counts.
    pub tier: Option<TierName>,
    /// What is kept of its responses, in the place of what its version says.
    pub caching: Option<Box<Caching>>,
    /// Where it was stated.
    pub place: Place,
}
