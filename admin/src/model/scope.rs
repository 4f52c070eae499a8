//! A scope: a permission name that roles grant.

use super::name::{ScopeName, TenantName};
use super::place::Place;

/// A permission name, owned by a tenant or by one Api.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The tenant in which its key is unique.
    pub tenant: TenantName,
    /// Its key, as tokens carry it.
    pub key: ScopeName,
    /// What people call it.
    pub name: String,
    /// The roles that grant it; without any, everybody's does.
    pub roles: Vec<String>,
    /// Where it was stated.
    pub place: Place,
}
