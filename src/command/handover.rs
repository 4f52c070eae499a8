//! The hand-over of the listening sockets from one process to the next, without a moment in which nobody accepts.
//!
//! The sockets go over a Unix socket in a directory that is nobody else's: Pingora lets everybody connect to the socket
//! itself (0.9.1). The old process drains only once the new one has shown that it is up, by replacing the control
//! socket; until then both accept.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pingora_core::server::{Fds, ListenFds};
use tokio::time::{Instant, sleep};
use tracing::{error, info};

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
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum HandedOver {
    /// No process took them.
    Kept,
    /// A process took them and did not come up; it may yet.
    Lent,
    /// A process took them and came up.
    Taken,
}

/// Sends the sockets to the process that waits for them, and waits for it to come up.
pub(super) async fn hand_over(sockets: ListenFds, data: PathBuf) -> HandedOver {
    let ours = control_socket(&data);
    match send(sockets, &data).await {
        Ok(()) => {}
        Err(e) => {
            error!(error = %e, "no process took the sockets, so this one goes on serving");
            return HandedOver::Kept;
        }
    }
    let give_up = Instant::now() + PATIENCE;
    while control_socket(&data) == ours {
        if Instant::now() > give_up {
            error!("the process that took the sockets did not come up, so this one goes on serving");
            return HandedOver::Lent;
        }
        sleep(INTERVAL).await;
    }
    // What is left between its control socket and its first accept.
    sleep(INTERVAL).await;
    HandedOver::Taken
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

/// How long the next process may take from the sockets to its first accept: it looks for them once a second, and has
/// prepared everything else before.
const PATIENCE: Duration = Duration::from_secs(5);
const INTERVAL: Duration = Duration::from_millis(100);
