//! `/admin/v1/traffic`: the last hour in figures; and how the endpoints of a version are.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::openapi::told;
use super::principal::Principal;
use super::query::{Asked, At, OfTenant};
use super::reply::One;
use super::{Answer, Means};
use crate::http::problem::Problem;
use crate::http::traffic::{EndpointHealth, TrafficHistory};

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    ApiRouter::new()
        .api_route(
            "/admin/v1/traffic",
            get_with(
                show,
                told(
                    "status",
                    "getTraffic",
                    "Tells the traffic of the last hour of this gateway",
                ),
            ),
        )
        .api_route(
            "/admin/v1/apis/{api}/versions/{version}/endpoints",
            get_with(
                endpoints,
                told("apis", "getEndpoints", "Tells how the endpoints of a version are"),
            ),
        )
}

/// A version in a path.
#[derive(Debug, Deserialize, JsonSchema)]
struct Named {
    /// The name of the API.
    api: String,
    /// The version.
    version: String,
}

/// The endpoints of a version.
#[derive(Debug, JsonSchema, Serialize)]
struct Endpoints {
    /// How each is, as this gateway sees it.
    endpoints: Vec<EndpointHealth>,
}

/// Whoever sees one tenant alone is told of that tenant's versions, and of no totals: they are everybody's.
async fn show(State(means): State<Arc<Means>>, who: Principal) -> Answer<One<TrafficHistory>> {
    let mut history = means.ports.traffic.history();
    if let Some(own) = &who.covers {
        history.samples.clear();
        history.versions.retain(|version| version.tenant == own.as_str());
    }
    Ok(One::of(&history))
}

async fn endpoints(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Named>,
    Asked(asked): Asked<OfTenant>,
) -> Answer<One<Endpoints>> {
    let tenant = who.tenant(asked.tenant()?.as_ref())?;
    let found = means.ports.traffic.endpoints((tenant.as_str(), &of.api, &of.version));
    let missing = || Problem::missing(format!("no version `{}` of API `{}` is served", of.version, of.api));
    Ok(One::of(&Endpoints {
        endpoints: found.ok_or_else(missing)?,
    }))
}
