//! `/admin/v1/applications/{uuid}/quotas`: how the quotas of an application stand, and beginning them anew.
//!
//! The application tier counts each user apart: `?user=` says which one is meant; without it, the owner, who is whoever
//! the application's own tokens speak for. Asking spends nothing.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::applications::{Numbered, find, managed};
use super::audit::Deed;
use super::openapi::told;
use super::principal::Principal;
use super::query::{Asked, At};
use super::reply::{One, Open};
use super::{Answer, Means};
use crate::http::problem::Problem;

/// Whose count of the application tier is meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfUser {
    /// `joe`, or `joe@acme.example`; the owner where it is left out.
    user: Option<String>,
}

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    let show = get_with(
        show,
        told(
            "applications",
            "getQuotas",
            "Tells how the quotas of an application stand",
        ),
    );
    let reset = post_with(
        reset,
        told(
            "applications",
            "resetQuotas",
            "Forgets what was counted for an application",
        ),
    );
    ApiRouter::new()
        .api_route("/admin/v1/applications/{uuid}/quotas", show)
        .api_route("/admin/v1/applications/{uuid}/quotas/reset", reset)
}

async fn show(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Numbered>,
    Asked(asked): Asked<OfUser>,
) -> Answer<One<Open>> {
    find(&means, &who, &of.uuid)?;
    let found = means.ports.quotas.show(&of.uuid, asked.user.as_deref());
    found.map(|found| One::of(&Open(found))).ok_or_else(none)
}

async fn reset(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Numbered>,
    Asked(asked): Asked<OfUser>,
) -> Answer<One<Open>> {
    let application = managed(&means, &who, &of.uuid)?;
    let found = means.ports.quotas.reset(&of.uuid, asked.user.as_deref());
    let found = found.ok_or_else(none)?;
    let deed = Deed {
        action: "reset_quotas",
        object: format!("application {}", application.name),
        after: asked.user.map(|user| json!({ "user": user })),
        ..Deed::default()
    };
    means.note(&who, application.tenant(), deed).await;
    Ok(One::of(&Open(found)))
}

fn none() -> Problem {
    Problem::missing("no application has this uuid")
}
