//! The hand-over of the listening sockets from one process to the next, without a moment in which nobody accepts.
//!
//! The sockets go over a Unix socket in a directory that is nobody else's: Pingora lets everybody connect to the socket
//! itself (0.9.1). The old process drains only once the new one has shown that it is up, by replacing the control
//! socket; until then both accept.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use pingora_core::server::{Fds, ListenFds};
use tokio::time::{sleep, timeout};
use tracing::{error, info};

use crate::bridge::counts::{Heir, Keeper, Offer};
use crate::bridge::socket;

/// Waits for a running gateway to send its sockets.
pub(super) async fn take_over(data: &Path) -> io::Result<Fds> {
    let text = private_socket(data)?.display().to_string();
    info!(
        socket = text,
        "waiting for the listening sockets, which the running gateway hands over on SIGQUIT"
    );
    let received = tokio::task::spawn_blocking(move || {
        let mut sockets = Fds::new();
        sockets
            .get_from_sock(text.as_str())
            .map(|()| sockets)
            .map_err(io::Error::from)
    });
    received.await.map_err(io::Error::other)?
}

/// What became of the sockets.
#[derive(Debug)]
pub(super) enum HandedOver {
    /// No process took them.
    Kept,
    /// A process took them and did not come up; it may yet.
    Lent,
    /// A process took them and came up. It waits for what is spent until the end, if it asked for the counts.
    Taken(Option<Heir>),
}

/// Sends the sockets to the process that waits for them, and the counts when it asks; waits for it to come up.
pub(super) async fn hand_over(sockets: ListenFds, keeper: Arc<Keeper>, data: PathBuf) -> HandedOver {
    let ours = control_socket(&data);
    let sent = async {
        let offer = keeper.offer()?;
        send(sockets, &data).await.map(|()| offer)
    };
    let offer = match sent.await {
        Ok(offer) => offer,
        Err(e) => {
            error!(error = %e, "no process took the sockets, so this one goes on serving");
            return HandedOver::Kept;
        }
    };
    let came_up = async {
        while control_socket(&data) == ours {
            sleep(INTERVAL).await;
        }
        // What is left between its control socket and its first accept.
        sleep(INTERVAL).await;
    };
    let next = follow(&offer, came_up).await;
    if next.is_none() {
        error!("the process that took the sockets did not come up, so this one goes on serving");
    }
    next.map_or(HandedOver::Lent, HandedOver::Taken)
}

/// Follows the next process until it has come up, or is gone.
async fn follow(offer: &Offer, came_up: impl Future<Output = ()>) -> Option<Option<Heir>> {
    let mut came_up = pin!(came_up);
    let asked = async {
        tokio::select! {
            taken = offer.taken() => taken.map(Some),
            () = &mut came_up => Ok(None),
        }
    };
    let mut heir = match timeout(PATIENCE, asked).await.ok()? {
        Ok(Some(heir)) => heir,
        Ok(None) => return Some(None),
        Err(e) => {
            error!(error = %e, "the counts could not be handed over");
            return None;
        }
    };
    let is_up = tokio::select! {
        up = timeout(PATIENCE, came_up) => up.is_ok(),
        () = heir.gone() => false,
    };
    is_up.then_some(Some(heir))
}

async fn send(sockets: ListenFds, data: &Path) -> io::Result<()> {
    let text = private_socket(data)?.display().to_string();
    info!(socket = text, "handing the listening sockets over");
    let sent = tokio::task::spawn_blocking(move || sockets.lock().send_to_sock(text.as_str()));
    sent.await.map_err(io::Error::other)?.map(drop).map_err(io::Error::from)
}

/// Returns where the sockets are sent, in a directory that only we may enter.
fn private_socket(data: &Path) -> io::Result<PathBuf> {
    let dir = data.join("handover");
    DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
    fs::set_permissions(&dir, Permissions::from_mode(0o700))?;
    Ok(dir.join("sockets"))
}

/// Tells whose control socket it is: a process that comes up puts its own in the place of ours.
fn control_socket(data: &Path) -> Option<(u64, u64)> {
    let metadata = fs::symlink_metadata(socket::path(data)).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// How long the next process may take from the sockets to all counts, and from there to its first accept: it looks for
/// the sockets once a second, and has prepared everything else before.
const PATIENCE: Duration = Duration::from_secs(5);
const INTERVAL: Duration = Duration::from_millis(100);
