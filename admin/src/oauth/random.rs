//! Random strings: tokens, codes, session names. All have 256 bits, so their SHA-256 is all that is ever kept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::{ErrorCode, OauthError};

/// Makes 43 characters of base64url from 32 random bytes.
///
/// # Errors
///
/// Returns `server_error` when the system gives no random bytes; nothing is ever issued without.
pub fn token() -> Result<String, OauthError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| OauthError::new(ErrorCode::ServerError, "the server could not do it"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
