//! A name and a password, looked at only as often as guessing is borne.

use super::authority::Authority;
use super::error::{ErrorCode, OauthError};
use super::peer::Peer;
use super::subject;
use crate::model::instant::UnixTime;
use crate::model::name::TenantName;
use crate::registry::audit::{DONE, Record, SIGN_IN_REFUSED};
use crate::registry::user::UserName;

/// Who has shown a password.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who it is.
    pub user: UserName,
    /// When that password was set.
    pub password_set: UnixTime,
}

/// As [`sign_in()`], of somebody at a browser: it is kept in the audit, also where it is refused for a wrong password.
///
/// # Errors
///
/// Returns `invalid_grant`, as [`sign_in()`] does.
pub async fn sign_in_at(
    place: &'static str,
    authority: &Authority,
    (username, password): (&str, &str),
    plain: &TenantName,
    peer: &Peer,
) -> Result<SignedIn, OauthError> {
    let outcome = sign_in(authority, username, password, plain, peer).await;
    let is_refused = |error: &OauthError| error.code == ErrorCode::InvalidGrant && error.retry_after.is_none();
    let (user, action, said) = match &outcome {
        Ok(signed_in) => (signed_in.user.clone(), "sign_in", DONE),
        Err(error) if is_refused(error) => {
            let user = subject::parse(username, authority.catalog().tenants(), plain);
            (user, SIGN_IN_REFUSED, "wrong password, or no such user")
        }
        // Whoever guesses on is slowed, and not written down again.
        Err(_) => return outcome,
    };
    // What is no user may be a password that was typed in the wrong place.
    let is_known = authority.registry.view().user(&user).is_some();
    let record = Record {
        at: authority.now(),
        actor: if is_known {
            user.to_string()
        } else {
            "unknown".to_owned()
        },
        tenant: user.tenant,
        address: Some(peer.address),
        action: action.into(),
        object: place.to_owned(),
        before: None,
        after: None,
        revision: None,
        outcome: said.into(),
    };
    if let Err(error) = authority.registry.audit(&record).await {
        tracing::error!(error = &error as &dyn std::error::Error, "the audit misses a record");
    }
    outcome
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
