//! Who runs the gateway, or a tenant of it: users with the roles `admin`, `publisher` or `viewer`, by tokens with the scope
//! `tollgate:admin`, or `tollgate:view` to look only.
//!
//! An `admin` of the root tenant runs the gateway. What the others may is said where the admin API asks.

use std::sync::Arc;

use super::authority::Authority;
use super::error::{ErrorCode, OauthError};
use super::peer::Peer;
use super::{examine, granting};
use crate::model::name::TenantName;
use crate::registry::user::User;

/// The role that runs the gateway, in the root tenant.
pub const ROLE: &str = "admin";

/// The role of those who change a tenant's APIs.
pub const PUBLISHER: &str = "publisher";

/// The role of those who look.
pub const VIEWER: &str = "viewer";

/// How far a token reaches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// As far as the user's roles do.
    All,
    /// To what the user's roles let it see.
    Looks,
}

/// Tells whether a user runs the gateway.
pub fn is_operator(user: &User) -> bool {
    user.name.tenant == TenantName::root() && user.roles.iter().any(|role| role == ROLE)
}

/// Tells whether roles, in whichever tenant, reach this far.
pub(super) fn reaches(roles: &[String], reach: Reach) -> bool {
    let wanted: &[&str] = match reach {
        Reach::All => &[ROLE, PUBLISHER],
        Reach::Looks => &[ROLE, PUBLISHER, VIEWER],
    };
    roles.iter().any(|role| wanted.contains(&role.as_str()))
}

/// Tells whose access token of ours it is, and how far it reaches. The user's roles are those of now.
///
/// # Errors
///
/// Returns `invalid_token` for what is no user's token, and `invalid_scope` where it has neither scope.
pub async fn reach(authority: &Authority, token: &str, peer: &Peer) -> Result<(Arc<User>, Reach), OauthError> {
    let (user, scopes) = examine::of_user(authority, token, peer).await?;
    let has = |wanted: &str| scopes.iter().any(|scope| scope == wanted);
    let reach = if has(granting::ADMIN) {
        Some(Reach::All)
    } else {
        has(granting::VIEW).then_some(Reach::Looks)
    };
    match (authority.registry.view().user(&user), reach) {
        (Some(user), Some(reach)) => Ok((user, reach)),
        _ => Err(OauthError::new(
            ErrorCode::InvalidScope,
            "the scope tollgate:admin or tollgate:view is wanted",
        )),
    }
}
