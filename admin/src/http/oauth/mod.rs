//! The OAuth and discovery endpoints (DESIGN 1.4): HTTP in, the functions of [`crate::oauth`], HTTP out.
//!
//! `intake` reads requests, `answer` writes answers and chooses every status, `page` shows what people see.

mod answer;
pub(super) mod cookie;
mod intake;
mod metadata;
mod page;
mod sign_in;
#[cfg(test)]
mod tests;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::oauth::Authority;

/// Routes the endpoints.
pub fn router(authority: Arc<Authority>) -> Router {
    Router::new()
        .route("/oauth2/token", post(token::token))
        .route("/token", post(token::token))
        .route("/oauth2/revoke", post(token::revoke))
        .route("/revoke", post(token::revoke))
        .route("/oauth2/introspect", post(token::introspect))
        .route("/oauth2/userinfo", get(token::userinfo).post(token::userinfo))
        .route("/oauth2/jwks", get(metadata::jwks).options(metadata::preflight))
        .route("/oauth2/authorize", get(sign_in::authorize).post(sign_in::authorize))
        .route("/oauth2/authorize/login", post(sign_in::login))
        .route("/oauth2/authorize/consent", post(sign_in::consent))
        .route(
            "/.well-known/openid-configuration",
            get(metadata::discovery).options(metadata::preflight),
        )
        .route(
            "/.well-known/oauth-authorization-server",
            get(metadata::discovery).options(metadata::preflight),
        )
        .with_state(authority)
}
