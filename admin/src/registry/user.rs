//! A user: somebody with a password and roles in one tenant.

use crate::model::instant::UnixTime;
use crate::model::name::TenantName;

/// A user's name in its tenant.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UserName {
    /// The tenant.
    pub tenant: TenantName,
    /// The name, without the tenant.
    pub name: String,
}

/// A user as requests see it.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name.
    pub name: UserName,
    /// Its roles, sorted.
    pub roles: Vec<String>,
    /// When it was made: what was issued before is somebody else's.
    pub created: UnixTime,
}

/// A user to be made.
pub struct NewUser {
    /// Its name.
    pub name: UserName,
    /// Its password, in clear; only its argon2id hash is kept.
    pub password: String,
    /// Its roles.
    pub roles: Vec<String>,
}
