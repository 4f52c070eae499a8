//! A name and a password, looked at only as often as guessing is borne.

use super::authority::Authority;
use super::error::{ErrorCode, OauthError};
use super::peer::Peer;
use super::subject;
use crate::model::instant::UnixTime;
use crate::model::name::TenantName;
use crate::registry::user::UserName;

/// Who has shown a password.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who it is.
    pub user: UserName,
    /// When that password was set.
    pub password_set: UnixTime,
}

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
) -> Result<SignedIn, OauthError> {
    let user = subject::parse(username, authority.catalog().tenants(), plain);
    let attempt = authority
        .guard
        .admit_sign_in(&user, peer.address, authority.now())
        .map_err(|wait| OauthError::too_many(ErrorCode::InvalidGrant, wait))?;
    // Looked up first: a password that is set meanwhile is another one.
    let known = authority.registry.view().user(&user);
    let is_password = authority.registry.is_password(&user, password).await?;
    if is_password && authority.is_served(&user.tenant) {
        attempt.succeeded(authority.now());
        let password_set = known.map_or(UnixTime(0), |known| known.password_set);
        return Ok(SignedIn { user, password_set });
    }
    attempt.failed(authority.now());
    Err(OauthError::grant("the user is unknown or the password is wrong"))
}
