//! The control socket in the data directory: how `tollgate reload` and its relatives ask the running gateway.
//!
//! One request and one answer a connection, each a line of JSON. The socket belongs to its owner alone (0600). It is
//! made beside its name and renamed into place, so that there is never a moment without one when a new process takes
//! over; the old process then leaves the new one's socket alone.

mod client;
mod protocol;

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tracing::warn;

pub use self::client::{ask, is_answered};
pub use self::protocol::{Answer, Command, Report};

use self::protocol::Request;

/// Why a socket cannot be used.
#[derive(Debug, Error)]
pub enum SocketError {
    /// The socket cannot be made.
    #[error("the control socket `{}` cannot be made: {reason}", path.display())]
    Bind {
        /// Where it should be.
        path: PathBuf,
        /// Why it cannot be there.
        reason: io::Error,
    },
    /// Nobody listens.
    #[error("no gateway answers at `{}`: {reason}", path.display())]
    Unanswered {
        /// Where the socket should be.
        path: PathBuf,
        /// Why nobody is there.
        reason: io::Error,
    },
    /// The gateway did not answer in time.
    #[error("the gateway at `{}` did not answer in time", path.display())]
    Late {
        /// Where the socket is.
        path: PathBuf,
    },
    /// The answer is none that this version knows.
    #[error("the gateway at `{}` answered something unknown: {reason}", path.display())]
    Unknown {
        /// Where the socket is.
        path: PathBuf,
        /// What is wrong with the answer.
        reason: serde_json::Error,
    },
}

/// The control socket, as the gateway holds it; gone when it is dropped, unless another process has replaced it.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    inode: (u64, u64),
}

/// Returns where the control socket of a data directory is.
pub fn path(data: &Path) -> PathBuf {
    data.join(NAME)
}

impl Socket {
    /// Makes the control socket of a data directory, and the directory where it is missing.
    ///
    /// # Errors
    ///
    /// Returns why there can be none.
    pub fn bind(data: &Path) -> Result<Self, SocketError> {
        let path = path(data);
        Self::bind_at(data, &path).map_err(|reason| SocketError::Bind { path, reason })
    }

    fn bind_at(data: &Path, path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(data)?;
        let fresh = path.with_extension(format!("sock.{}", std::process::id()));
        match fs::remove_file(&fresh) {
            Err(reason) if reason.kind() != ErrorKind::NotFound => return Err(reason),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&fresh)?;
        let metadata = fs::symlink_metadata(&fresh)?;
        // Nobody connects to a name that nobody knows; under its own name the socket is private from the first moment.
        fs::set_permissions(&fresh, Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        fs::rename(&fresh, path)?;
        Ok(Self {
            listener,
            path: path.to_path_buf(),
            inode: (metadata.dev(), metadata.ino()),
        })
    }

    /// Answers requests until shutdown, a few at a time.
    ///
    /// # Errors
    ///
    /// Returns why it cannot be listened to; one connection that fails is no reason.
    pub async fn serve(
        self,
        answer: impl Fn(Command) -> Answer + Send + Sync + 'static,
        mut shutdown: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let listener = tokio::net::UnixListener::from_std(self.listener.try_clone()?)?;
        let (answer, room) = (Arc::new(answer), Arc::new(Semaphore::new(AT_ONCE)));
        loop {
            let accepted = tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
                accepted = listener.accept() => accepted,
            };
            match (accepted, room.clone().try_acquire_owned()) {
                (Ok((stream, _)), Ok(permit)) => {
                    let answer = answer.clone();
                    tokio::spawn(async move {
                        converse(stream, answer).await;
                        drop(permit);
                    });
                }
                (Ok(_), Err(_)) => warn!(most = AT_ONCE, "control socket is busy, a connection is refused"),
                (Err(reason), _) => {
                    warn!(%reason, "control socket cannot accept");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The inode cannot have been given to another file while the listener is open.
        let is_ours = |metadata: fs::Metadata| (metadata.dev(), metadata.ino()) == self.inode;
        if fs::symlink_metadata(&self.path).is_ok_and(is_ours) {
            // Should it fail, the next process replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// One request, one answer. Whoever asks is gone when it fails, so there is nobody to tell.
async fn converse(mut stream: tokio::net::UnixStream, answer: Arc<impl Fn(Command) -> Answer + Send + Sync + 'static>) {
    let mut line = Vec::new();
    let mut reader = tokio::io::BufReader::new((&mut stream).take(LONGEST_REQUEST));
    let Ok(Ok(_)) = timeout(PATIENCE, reader.read_until(b'\n', &mut line)).await else {
        return;
    };
    let answer = match serde_json::from_slice(&line) {
        Err(error) => Answer::Misunderstood {
            error: error.to_string(),
        },
        Ok(Request { command }) => match spawn_blocking(move || answer(command)).await {
            Ok(answer) => answer,
            Err(_) => Answer::Misunderstood {
                error: "the request broke the gateway; see its log".to_owned(),
            },
        },
    };
    let Ok(mut text) = serde_json::to_vec(&answer) else {
        return;
    };
    text.push(b'\n');
    // The client sees the end of the stream when the answer could not be written.
    let _ = timeout(PATIENCE, stream.write_all(&text)).await;
}

/// The name of the socket in the data directory.
const NAME: &str = "tollgate.sock";

/// So many conversations go on at once.
const AT_ONCE: usize = 16;

/// No request is longer.
const LONGEST_REQUEST: u64 = 128 << 10;

/// How long whoever asks may take to ask, and to listen.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use admin::control::publish::Revision;

    use super::*;
    use crate::bridge::reload::Outcome;

    #[expect(clippy::needless_pass_by_value, reason = "it stands for a gateway, which takes it")]
    fn told(command: Command) -> Answer {
        match command {
            Command::Reload => Answer::Reloaded(Outcome {
                revision: Revision(7),
                apis: 3,
                unchanged: false,
            }),
            Command::Explain(_)
            | Command::Follow
            | Command::Purge(_)
            | Command::Recall(_)
            | Command::RotateKey
            | Command::Status => Answer::Refused { violations: Vec::new() },
        }
    }

    async fn ask_of(data: &Path, command: Command) -> Result<Answer, SocketError> {
        let data = data.to_path_buf();
        spawn_blocking(move || ask(&data, command, Duration::from_secs(10)))
            .await
            .unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_request_is_answered_and_the_socket_goes_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("var/data");
        let socket = Socket::bind(&data).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&path(&data))), (0o700, 0o600));
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(socket.serve(told, stopped));
        assert_eq!(ask_of(&data, Command::Reload).await.unwrap(), told(Command::Reload));
        stop.send(true).unwrap();
        serving.await.unwrap().unwrap();
        assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
        assert!(matches!(
            ask_of(&data, Command::Reload).await,
            Err(SocketError::Unanswered { .. })
        ));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stale_socket_is_replaced_and_a_new_one_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::mem::forget(UnixListener::bind(path(dir.path())).unwrap());
        let old = Socket::bind(dir.path()).unwrap();
        let new = Socket::bind(dir.path()).unwrap();
        drop(old);
        let (_stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(new.serve(told, stopped));
        assert_eq!(
            ask_of(dir.path(), Command::Reload).await.unwrap(),
            told(Command::Reload)
        );
        serving.abort();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_makes_no_sense_is_said_and_what_has_no_end_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let (_stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(Socket::bind(dir.path()).unwrap().serve(told, stopped));
        for request in [
            "{\"command\":\"explode\"}\n".to_owned(),
            "{}\n".to_owned(),
            "x".repeat(129 << 10),
        ] {
            let socket = path(dir.path());
            let answer = spawn_blocking(move || {
                let mut stream = UnixStream::connect(socket).unwrap();
                // The gateway may hang up before it has read all of it.
                let _ = stream.write_all(request.as_bytes());
                let mut answer = String::new();
                let _ = stream.read_to_string(&mut answer);
                answer
            });
            let answer = answer.await.unwrap();
            assert!(answer.starts_with("{\"error\":"), "{answer}");
        }
        serving.abort();
    }
}
