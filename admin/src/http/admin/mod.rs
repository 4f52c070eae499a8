//! `/admin/v1`: what those who run the gateway, or a tenant of it, see and change. JSON in and out; the OpenAPI document
//! at `/admin/v1/openapi.json` is made from the handlers' own types.
//!
//! `guard` finds out who asks before anything else is looked at: not even which paths there are is told to others.
//! What it finds is a `Principal`, which handlers ask what it may.
//!
//! # How a handler is written
//!
//! A file owns a noun: its documents, its handlers, and a `routes()` that is merged in `router`.
//!
//! ```text
//! pub(super) fn routes() -> ApiRouter<Arc<Means>> {
//!     ApiRouter::new()
//!         .api_route("/admin/v1/widgets", get_with(list, told("widgets", "listWidgets", "Lists widgets")))
//!         .api_route("/admin/v1/widgets/{name}", put_with(put, told("widgets", "putWidget", "Makes or replaces a widget")))
//! }
//!
//! async fn list(State(means): State<Arc<Means>>, who: Principal, asked: List<ByColour>) -> Answer<Page<Widget>> {
//!     let tenant = who.narrow(asked.tenant.as_ref())?;           // 404 for a tenant that it does not see
//!     asked.page(means.widgets(tenant).filter(..))               // takes limit and offset, makes the link to the rest
//! }
//!
//! async fn put(State(means): State<Arc<Means>>, who: Principal, At(of): At<Named>, meant: Condition, Sent(widget): Sent<Widget>)
//!     -> Answer<Put<Widget>> {
//!     who.may(Permission::Publish, &tenant)?;                    // 403, or 404 where it does not see the tenant
//!     meant.check_of(before.as_ref())?;                          // 412
//!     ...
//!     means.note(&who, &tenant, Deed { .. }).await;              // the audit
//!     Ok(Put::replaced(&widget).at(revision))
//! }
//! ```
//!
//! | it takes | and so answers by itself |
//! |---|---|
//! | `Principal` | 401, 403 |
//! | `At` | 404 where a part of the path is no such name |
//! | `List`, `Asked` | 400 for parameters that are unknown, stand twice or say nonsense |
//! | `Sent` | 400, 413, 415; 422 with a pointer to what is of another shape |
//! | `Condition` | 412 by `check_of` |
//!
//! It returns an `Answer` of `One`, `Made`, `Put`, `Gone` or `Page`; what
//! goes wrong is a `Problem`, whose statuses are documented for each operation by `openapi`. A document derives
//! `Serialize`, `JsonSchema` and, where it is sent, `Deserialize` with `deny_unknown_fields`; times in it are a `Moment`, and
//! `Flaw::from` makes a violation of the catalog one of a problem. Between looking at a thing of the registry and changing
//! it, a handler holds `means.turn()`.

mod api_keys;
mod applications;
mod audit;
mod body;
pub mod catalog;
mod cookie;
mod etag;
mod explain;
mod guard;
mod keys;
mod me;
mod means;
mod moment;
mod openapi;
pub mod ports;
mod principal;
mod purge;
mod query;
mod quotas;
mod reload;
mod reply;
mod session;
mod status;
mod subscribed;
mod subscriptions;
#[cfg(test)]
mod tests;
mod traffic;
mod users;

use std::sync::Arc;

use aide::axum::ApiRouter;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::any;

use super::problem::Problem;

pub use body::LONGEST;
pub use guard::announce;
pub use means::{About, Means};

/// What a handler returns.
type Answer<T> = Result<T, Problem>;

/// Routes everything below `/admin/v1`.
pub fn router(means: &Arc<Means>) -> Router {
    openapi::begin();
    let routes = ApiRouter::new()
        .merge(api_keys::routes())
        .merge(applications::routes())
        .merge(audit::routes())
        .merge(catalog::routes(means))
        .merge(explain::routes())
        .merge(keys::routes())
        .merge(me::routes())
        .merge(openapi::routes())
        .merge(purge::routes())
        .merge(quotas::routes())
        .merge(reload::routes())
        .merge(session::routes())
        .merge(status::routes())
        .merge(subscriptions::routes())
        .merge(traffic::routes())
        .merge(users::routes());
    openapi::finish(routes)
        .route("/admin/v1", any(nowhere))
        .route("/admin/v1/", any(nowhere))
        .route("/admin/v1/{*rest}", any(nowhere))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(from_fn_with_state(Arc::clone(means), guard::enter))
        // What is not of this router is for others to answer.
        .reset_fallback()
        .with_state(Arc::clone(means))
}

async fn nowhere() -> Problem {
    Problem::missing("there is no such path; `/admin/v1/openapi.json` lists what there is")
}
