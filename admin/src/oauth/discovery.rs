//! What the server says of itself (RFC 8414, OpenID Connect Discovery): what is true of it, and no more.

use serde_json::{Value, json};

use super::authority::Authority;
use crate::registry::key_pair::GrantType;

/// Describes the server.
pub fn describe(authority: &Authority) -> Value {
    let settings = &authority.settings;
    let grants = GrantType::ALL.map(GrantType::word);
    let proofs = [
        "client_secret_basic",
        "client_secret_post",
        "none",
        "private_key_jwt",
        "self_signed_tls_client_auth",
    ];
    let proofs_of_secrets: Vec<_> = proofs.into_iter().filter(|proof| *proof != "none").collect();
    let own = format!("{:?}", authority.keys.current(authority.now()).algorithm);
    let taken = [
        "ES256", "ES384", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512",
    ];
    json!({
        "issuer": settings.issuer,
        "authorization_endpoint": settings.url("/oauth2/authorize"),
        "token_endpoint": settings.url("/oauth2/token"),
        "revocation_endpoint": settings.url("/oauth2/revoke"),
        "introspection_endpoint": settings.url("/oauth2/introspect"),
        "userinfo_endpoint": settings.url("/oauth2/userinfo"),
        "jwks_uri": settings.url("/oauth2/jwks"),
        "scopes_supported": ["openid", "default"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grants,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [own],
        "token_endpoint_auth_methods_supported": proofs,
        "token_endpoint_auth_signing_alg_values_supported": taken,
        "revocation_endpoint_auth_methods_supported": proofs,
        "revocation_endpoint_auth_signing_alg_values_supported": taken,
        "introspection_endpoint_auth_methods_supported": proofs_of_secrets,
        "introspection_endpoint_auth_signing_alg_values_supported": taken,
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["sub", "iss", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "preferred_username"],
        "prompt_values_supported": ["none", "login", "consent"],
        "authorization_response_iss_parameter_supported": true,
        "tls_client_certificate_bound_access_tokens": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}
