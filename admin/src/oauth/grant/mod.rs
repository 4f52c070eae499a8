//! The grants by which tokens are had, one file each, and the choice among them.

mod authorization_code;
mod client_credentials;
mod jwt_bearer;
mod password;
mod refresh_token;
mod token_exchange;

use super::authority::Authority;
use super::client::{self, Proven};
use super::error::{ErrorCode, OauthError};
use super::form::Form;
use super::mint::Minted;
use super::peer::Peer;
use crate::registry::key_pair::GrantType;

/// A request for a token whose client has proven itself.
struct Asked<'a> {
    authority: &'a Authority,
    form: &'a Form,
    proven: &'a Proven,
    peer: &'a Peer,
}

/// Answers a request for a token.
///
/// # Errors
///
/// Returns what RFC 6749, 5.2 has for it.
pub async fn token(
    authority: &Authority,
    form: &Form,
    authorization: Option<&str>,
    peer: &Peer,
) -> Result<Minted, OauthError> {
    let proven = client::authenticate(authority, form, authorization, peer)?;
    let name = form.require("grant_type")?;
    let unknown = || OauthError::new(ErrorCode::UnsupportedGrantType, "grant_type is not known");
    let grant = GrantType::of(name).ok_or_else(unknown)?;
    // Whoever can prove nothing cannot ask in its own name, nor in that of what others have proven (W 7.2).
    let needs_proof = matches!(grant, GrantType::ClientCredentials | GrantType::TokenExchange);
    if !proven.client.grants.contains(&grant) || (needs_proof && proven.is_public()) {
        return Err(OauthError::new(
            ErrorCode::UnauthorizedClient,
            "the client may not use this grant",
        ));
    }
    let asked = Asked {
        authority,
        form,
        proven: &proven,
        peer,
    };
    match grant {
        GrantType::AuthorizationCode => authorization_code::answer(&asked).await,
        GrantType::ClientCredentials => client_credentials::answer(&asked).await,
        GrantType::JwtBearer => jwt_bearer::answer(&asked).await,
        GrantType::Password => password::answer(&asked).await,
        GrantType::RefreshToken => refresh_token::answer(&asked).await,
        GrantType::TokenExchange => token_exchange::answer(&asked).await,
    }
}
