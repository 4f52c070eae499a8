//! What the catalog states, thing by thing: read as it is served, and written to the files that state it.
//!
//! A document here is the table of a file, as JSON. Whoever writes it is told by pointers into it what is wrong with it,
//! and by files and lines what else would not hold any more.

mod apis;
mod bulk;
mod import;
mod lifecycle;
mod noun;
mod resources;
mod revisions;
mod said;
mod single;
mod things;
mod versions;
mod writing;

use std::sync::Arc;

use aide::axum::ApiRouter;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::task::spawn_blocking;

use super::Means;

pub use writing::Changes;

pub(super) fn routes(means: &Arc<Means>) -> ApiRouter<Arc<Means>> {
    ApiRouter::new()
        .merge(apis::routes())
        .merge(bulk::routes())
        .merge(import::routes())
        .merge(lifecycle::routes())
        .merge(resources::routes())
        .merge(revisions::routes())
        .merge(things::routes())
        .merge(versions::routes())
        .layer(from_fn_with_state(Arc::clone(means), index))
}

/// Has files looked through that nobody has asked about yet, while others are served.
async fn index(State(means): State<Arc<Means>>, request: Request, next: Next) -> Response {
    let stated = means.control.stated();
    if !stated.is_indexed() {
        // Were it to fail, whoever asks would look for itself.
        let _ = spawn_blocking(move || stated.index()).await;
    }
    next.run(request).await
}
