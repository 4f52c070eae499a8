//! `/admin/v1/status`: what is served, and what keeps the files from being served.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::moment::Moment;
use super::openapi::told;
use super::principal::Principal;
use super::reply::One;
use super::{Answer, Means};
use crate::http::problem::Flaw;
use crate::model::instant::UnixTime;

/// What is served, and what keeps the files from being served.
#[derive(Debug, JsonSchema, Serialize)]
struct Status {
    /// The revision of the catalog that is served; 0 before the first.
    revision: u64,
    /// When it went live.
    applied: Option<Moment>,
    /// How many APIs the caller sees.
    apis: usize,
    /// What is wrong with the change refused last; empty when the files are what is served, and for those who do not see
    /// every tenant.
    violations: Vec<Flaw>,
    /// Whether there are any, for whomever.
    is_refused: bool,
    /// The version of the gateway.
    version: &'static str,
    /// When the process was started.
    started: Moment,
    /// Whether the files of the catalog cannot be written, so that it is changed elsewhere.
    is_read_only: bool,
}

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    ApiRouter::new().api_route(
        "/admin/v1/status",
        get_with(show, told("status", "getStatus", "Tells what is served")),
    )
}

async fn show(State(means): State<Arc<Means>>, who: Principal) -> Answer<One<Status>> {
    let status = means.control.status();
    let catalog = means.control.catalog();
    let sees_all = who.covers.is_none();
    let told = Status {
        revision: status.revision.0,
        applied: status.applied.map(moment),
        apis: catalog.apis().iter().filter(|api| who.sees(&api.tenant)).count(),
        violations: status.violations.iter().filter(|_| sees_all).map(Flaw::from).collect(),
        is_refused: !status.violations.is_empty(),
        version: means.about.version,
        started: Moment(means.about.started),
        is_read_only: (means.about.is_read_only)(),
    };
    Ok(One::of(&told).at(status.revision.0))
}

fn moment(time: SystemTime) -> Moment {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment(UnixTime(since.as_secs()))
}
