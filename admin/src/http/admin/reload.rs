//! `/admin/v1/reload`: reads the files of the catalog again, as saving one or `SIGHUP` does.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::post_with;
use axum::extract::State;
use tokio::task::spawn_blocking;

use super::audit::Deed;
use super::openapi::told;
use super::ports::Reloaded;
use super::principal::Principal;
use super::reply::One;
use super::{Answer, Means};
use crate::http::problem::{Flaw, Problem};

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    ApiRouter::new().api_route(
        "/admin/v1/reload",
        post_with(reload, told("status", "reload", "Reads the files of the catalog again")),
    )
}

async fn reload(State(means): State<Arc<Means>>, who: Principal) -> Answer<One<Reloaded>> {
    who.may_everything()?;
    let port = Arc::clone(&means.ports.reload);
    match spawn_blocking(move || port.reload()).await {
        Ok(Ok(reloaded)) => {
            let deed = Deed {
                action: "reload",
                object: "catalog".to_owned(),
                revision: Some(reloaded.revision),
                ..Deed::default()
            };
            means.note(&who, &who.user.tenant, deed).await;
            Ok(One::of(&reloaded).at(reloaded.revision))
        }
        Ok(Err(violations)) => {
            let detail = "the files are refused; what was served before is still served";
            Err(Problem::refused(detail, violations.iter().map(Flaw::from).collect()))
        }
        Err(_) => Err(Problem::broken("the reload broke; see the log")),
    }
}
