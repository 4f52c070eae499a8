//! Who the user of an access token is (OpenID Connect Core, 5.3).

use serde::Serialize;

use super::authority::Authority;
use super::error::{ErrorCode, OauthError};
use super::examine;
use super::peer::Peer;
use super::{granting, subject};

/// Who a user is.
#[derive(Debug, Serialize)]
pub struct Userinfo {
    sub: String,
    preferred_username: String,
}

/// Tells who the user of an access token is.
///
/// # Errors
///
/// Returns `invalid_token` for anything but a user's token, and `invalid_scope` for one without `openid`.
pub async fn userinfo(authority: &Authority, token: &str, peer: &Peer) -> Result<Userinfo, OauthError> {
    let (user, scopes) = examine::of_user(authority, token, peer).await?;
    if !scopes.iter().any(|scope| scope == granting::OPENID) {
        return Err(OauthError::new(
            ErrorCode::InvalidScope,
            "the access token has no scope openid",
        ));
    }
    Ok(Userinfo {
        sub: subject::write(&user),
        preferred_username: user.name,
    })
}
