//! The gateway's own answers while another process takes requests of the same callers: none is given on what that one
//! has changed meanwhile, and none says that something is changed before that one knows.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use tokio::task::spawn_blocking;
use tracing::warn;

use super::socket::{Answer, Command, SocketError, ask};
use crate::credential::Credentials;
use crate::denial::Denial;

/// Has a router answer in step with other processes on a data directory.
pub fn in_step(router: Router, credentials: &Arc<Credentials>, data: &Path) -> Router {
    let (credentials, data) = (Arc::clone(credentials), data.to_path_buf());
    router.layer(from_fn(move |request, next| {
        answer(request, next, Arc::clone(&credentials), data.clone())
    }))
}

async fn answer(request: Request, next: Next, credentials: Arc<Credentials>, data: PathBuf) -> Response {
    if !credentials.is_told() && !credentials.catch_up().await {
        return Denial::Internal.fault().status.into_response();
    }
    let answer = next.run(request).await;
    if credentials.neighbours().is_leaving() {
        tell(data).await;
    }
    answer
}

/// Has the process that takes over take in what was changed here.
async fn tell(data: PathBuf) {
    let told = spawn_blocking(move || ask(&data, Command::Follow, PATIENCE)).await;
    match told {
        // Nobody takes over, or nobody yet: who comes looks before it decides.
        Ok(Ok(Answer::Followed { .. }) | Err(SocketError::Unanswered { .. })) => {}
        Ok(Ok(answer)) => warn!(?answer, "the process that takes over does not follow at once"),
        Ok(Err(reason)) => warn!(%reason, "the process that takes over does not follow at once"),
        Err(reason) => warn!(%reason, "telling the process that takes over broke"),
    }
}

/// How long an answer waits for the process that takes over. That one looks by itself each second.
const PATIENCE: Duration = Duration::from_secs(2);
