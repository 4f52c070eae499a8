//! A scope: a permission name that roles grant.

use super::name::ScopeName;

/// A permission name, owned by a tenant or by one Api.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Its key, as tokens carry it.
    pub key: ScopeName,
    /// What people call it.
    pub name: String,
    /// The roles that grant it.
    pub roles: Vec<String>,
}
