//! The control socket in the data directory: how `tollgate reload` asks the running gateway.
//!
//! One request and one answer a connection, each a line of JSON. The socket belongs to its owner alone (0600). It is
//! made beside its name and renamed into place, so that there is never a moment without one when a new process takes
//! over; the old process then leaves the new one's socket alone.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::reload::{Outcome, Reload};
use crate::model::violation::Violation;

/// What may be asked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Read the catalog's files now, and answer when they are served or refused.
    Reload,
    /// Say what is served.
    Status,
}

/// What is answered; which fields there are tells which it is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What is served, and what keeps the files from being served.
    Status(Report),
    /// The files are served.
    Reloaded(Outcome),
    /// The files are refused; what was served before still is.
    Refused {
        /// Everything that is wrong with them.
        violations: Vec<Violation>,
    },
    /// The request made no sense.
    Misunderstood {
        /// What is wrong with it.
        error: String,
    },
}

/// What a gateway serves.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The revision that is served.
    pub revision: u64,
    /// How many APIs it holds.
    pub apis: usize,
    /// When it went live, as RFC 3339 has it.
    pub applied: Option<String>,
    /// What is wrong with the files as they are; empty when they are what is served.
    pub violations: Vec<Violation>,
    /// The process that answers.
    pub process: u32,
}

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

impl Reload {
    /// Answers a request of the control socket. It blocks.
    pub fn answer(&self, request: Request) -> Answer {
        match request {
            Request::Reload => match self.run() {
                Ok(outcome) => Answer::Reloaded(outcome),
                Err(violations) => Answer::Refused { violations },
            },
            Request::Status => {
                let status = self.status();
                let applied = status.applied.and_then(|at| OffsetDateTime::from(at).format(&Rfc3339).ok());
                let (revision, process) = (status.revision.0, std::process::id());
                Answer::Status(Report { revision, apis: status.apis, applied, violations: status.violations, process })
            }
        }
    }
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
        Ok(Self { listener, path: path.to_path_buf(), inode: (metadata.dev(), metadata.ino()) })
    }

    /// Answers requests until shutdown, a few at a time.
    ///
    /// # Errors
    ///
    /// Returns why it cannot be listened to; one connection that fails is no reason.
    pub async fn serve(
        self,
        answer: impl Fn(Request) -> Answer + Send + Sync + 'static,
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
async fn converse(mut stream: tokio::net::UnixStream, answer: Arc<impl Fn(Request) -> Answer + Send + Sync + 'static>) {
    let mut line = Vec::new();
    let mut reader = tokio::io::BufReader::new((&mut stream).take(LONGEST_REQUEST));
    let Ok(Ok(_)) = timeout(PATIENCE, reader.read_until(b'\n', &mut line)).await else { return };
    let answer = match serde_json::from_slice(&line) {
        Err(error) => Answer::Misunderstood { error: error.to_string() },
        Ok(request) => match spawn_blocking(move || answer(request)).await {
            Ok(answer) => answer,
            Err(_) => Answer::Misunderstood { error: "the request broke the gateway; see its log".to_owned() },
        },
    };
    let Ok(mut text) = serde_json::to_vec(&answer) else { return };
    text.push(b'\n');
    // The client sees the end of the stream when the answer could not be written.
    let _ = timeout(PATIENCE, stream.write_all(&text)).await;
}

/// Asks the gateway of a data directory, and waits for its answer.
///
/// # Errors
///
/// Returns why there is no answer.
pub fn ask(data: &Path, request: Request, within: Duration) -> Result<Answer, SocketError> {
    let path = path(data);
    let stream = UnixStream::connect(&path).map_err(|reason| SocketError::Unanswered { path: path.clone(), reason })?;
    let line = exchange(stream, request, within).map_err(|reason| match reason.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => SocketError::Late { path: path.clone() },
        _ => SocketError::Unanswered { path: path.clone(), reason },
    })?;
    parse(&line).map_err(|reason| SocketError::Unknown { path, reason })
}

fn exchange(mut stream: UnixStream, request: Request, within: Duration) -> io::Result<String> {
    stream.set_read_timeout(Some(within))?;
    stream.set_write_timeout(Some(within))?;
    writeln!(stream, "{}", serde_json::to_string(&request)?)?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST_ANSWER)).read_line(&mut line)?;
    if line.is_empty() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(line) }
}

fn parse<T: DeserializeOwned>(line: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(line)
}

/// The name of the socket in the data directory.
const NAME: &str = "tollgate.sock";

/// So many conversations go on at once.
const AT_ONCE: usize = 16;

/// No request is longer.
const LONGEST_REQUEST: u64 = 4 << 10;

/// No answer is longer; the violations of a large catalog take a few hundred KiB.
const LONGEST_ANSWER: u64 = 64 << 20;

/// How long whoever asks may take to ask, and to listen.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use admin::control::publish::Revision;

    use super::*;

    fn told(request: Request) -> Answer {
        match request {
            Request::Reload => Answer::Reloaded(Outcome { revision: Revision(7), apis: 3, unchanged: false }),
            Request::Status => Answer::Refused { violations: Vec::new() },
        }
    }

    fn line(answer: &Answer) -> String {
        serde_json::to_string(answer).unwrap()
    }

    async fn ask_of(data: &Path, request: Request) -> Result<Answer, SocketError> {
        let data = data.to_path_buf();
        spawn_blocking(move || ask(&data, request, Duration::from_secs(10))).await.unwrap()
    }

    #[test]
    fn requests_and_answers_are_spelt_as_the_manual_says() {
        assert_eq!(serde_json::to_string(&Request::Reload).unwrap(), r#"{"command":"reload"}"#);
        assert_eq!(line(&told(Request::Reload)), r#"{"revision":7,"apis":3,"unchanged":false}"#);
        assert_eq!(line(&told(Request::Status)), r#"{"violations":[]}"#);
        let report = Report { revision: 7, apis: 3, applied: None, violations: Vec::new(), process: 1 };
        for answer in [told(Request::Reload), told(Request::Status), Answer::Status(report)] {
            assert_eq!(parse::<Answer>(&line(&answer)).unwrap(), answer);
        }
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
        assert_eq!(ask_of(&data, Request::Reload).await.unwrap(), told(Request::Reload));
        stop.send(true).unwrap();
        serving.await.unwrap().unwrap();
        assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
        assert!(matches!(ask_of(&data, Request::Reload).await, Err(SocketError::Unanswered { .. })));
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
        assert_eq!(ask_of(dir.path(), Request::Reload).await.unwrap(), told(Request::Reload));
        serving.abort();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_makes_no_sense_is_said_and_what_has_no_end_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let (_stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(Socket::bind(dir.path()).unwrap().serve(told, stopped));
        for request in ["{\"command\":\"explode\"}\n".to_owned(), "{}\n".to_owned(), "x".repeat(5 << 10)] {
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

    #[test]
    fn a_gateway_that_does_not_answer_is_not_waited_for_longer_than_asked() {
        let dir = tempfile::tempdir().unwrap();
        let _silent = UnixListener::bind(path(dir.path())).unwrap();
        let answer = ask(dir.path(), Request::Status, Duration::from_millis(20));
        assert!(matches!(answer, Err(SocketError::Late { .. })), "{answer:?}");
    }
}
