//! A name and a password, looked at only as often as guessing is borne.

use super::authority::Authority;
use super::error::{ErrorCode, OauthError};
use super::peer::Peer;
use super::subject;
use crate::model::name::TenantName;
use crate::registry::user::UserName;

/// Finds out who somebody is. A name without a tenant is one of `plain`.
///
/// # Errors
///
/// Returns `invalid_grant`, the same for a wrong password as for a user who does not exist or is locked out.
pub async fn sign_in(
    authority: &Authority,
    username: &str,
    password: &str,
    plain: &TenantName,
    peer: &Peer,
) -> Result<UserName, OauthError> {
    let user = subject::parse(username, authority.catalog().tenants(), plain);
    let attempt = authority
        .guard
        .admit_sign_in(&user, peer.address, authority.now())
        .map_err(|wait| OauthError::too_many(ErrorCode::InvalidGrant, wait))?;
    let is_password = authority.registry.is_password(&user, password).await?;
    if is_password && authority.is_served(&user.tenant) {
        attempt.succeeded(authority.now());
        return Ok(user);
    }
    attempt.failed(authority.now());
    Err(OauthError::grant("the user is unknown or the password is wrong"))
}
