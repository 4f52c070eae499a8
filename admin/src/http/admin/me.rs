//! `/admin/v1/me`: who asks, and what that user may.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::openapi::told;
use super::principal::{Permission, Principal};
use super::reply::One;
use super::{Answer, Means};

/// Who asks, and what that user may.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct Me {
    /// The user, without the tenant.
    user: String,
    /// The user's tenant.
    tenant: String,
    /// The user's roles.
    roles: Vec<String>,
    /// What may be done.
    permission: Permission,
    /// The tenant that may be seen; `*` for every one.
    covers: String,
    /// What the header field `X-CSRF-Token` of writes says; null for who asks by an access token.
    csrf: Option<String>,
}

impl Me {
    /// Tells it.
    pub(super) fn of(who: &Principal, means: &Means) -> Self {
        let csrf = |name: &String| means.sessions.token_of(name);
        Self {
            user: who.user.name.clone(),
            tenant: who.user.tenant.to_string(),
            roles: who.roles.clone(),
            permission: who.permission,
            covers: who.covers.as_ref().map_or("*".to_owned(), ToString::to_string),
            csrf: who.session.as_ref().and_then(csrf),
        }
    }
}

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    ApiRouter::new().api_route(
        "/admin/v1/me",
        get_with(show, told("session", "getMe", "Tells who asks")),
    )
}

async fn show(State(means): State<Arc<Means>>, who: Principal) -> Answer<One<Me>> {
    Ok(One::of(&Me::of(&who, &means)))
}
