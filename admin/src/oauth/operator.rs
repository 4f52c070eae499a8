//! Who runs the gateway: users of the root tenant with the role `admin`, by tokens with the scope `tollgate:admin`.

use super::authority::Authority;
use super::error::{ErrorCode, OauthError};
use super::peer::Peer;
use super::{examine, granting};
use crate::model::name::TenantName;
use crate::registry::user::{User, UserName};

/// The role that runs the gateway, in the root tenant.
pub const ROLE: &str = "admin";

/// Tells whether a user runs the gateway.
pub fn is_operator(user: &User) -> bool {
    is_operators(&user.name.tenant, &user.roles)
}

/// Tells whether these roles, in this tenant, run the gateway.
pub(super) fn is_operators(tenant: &TenantName, roles: &[String]) -> bool {
    *tenant == TenantName::root() && roles.iter().any(|role| role == ROLE)
}

/// Tells who runs the gateway with an access token of ours. The role is asked of the registry now: whoever has lost it
/// has lost it at once.
///
/// # Errors
///
/// Returns `invalid_token` for what is no user's token, and `invalid_scope` where it does not run the gateway.
pub async fn operator(authority: &Authority, token: &str, peer: &Peer) -> Result<UserName, OauthError> {
    let (user, scopes) = examine::of_user(authority, token, peer).await?;
    let known = authority.registry.view().user(&user);
    if known.is_some_and(|known| is_operator(&known)) && scopes.iter().any(|scope| scope == granting::ADMIN) {
        Ok(user)
    } else {
        Err(OauthError::new(
            ErrorCode::InvalidScope,
            "the scope tollgate:admin is wanted, of a user with the role admin",
        ))
    }
}
