//! The asking end of the control socket. It blocks: a command has nothing else to do.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::protocol::Request;
use super::{Answer, Command, SocketError, path};

/// Asks the gateway of a data directory, and waits for its answer.
///
/// # Errors
///
/// Returns why there is no answer.
pub fn ask(data: &Path, command: Command, within: Duration) -> Result<Answer, SocketError> {
    let path = path(data);
    let stream = UnixStream::connect(&path).map_err(|reason| SocketError::Unanswered {
        path: path.clone(),
        reason,
    })?;
    let is_late = |kind| matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut);
    let line = exchange(stream, command, within).map_err(|reason| match path.clone() {
        path if is_late(reason.kind()) => SocketError::Late { path },
        path => SocketError::Unanswered { path, reason },
    })?;
    serde_json::from_str(&line).map_err(|reason| SocketError::Unknown { path, reason })
}

/// Tells whether a gateway listens at the control socket of a data directory.
pub fn is_answered(data: &Path) -> bool {
    UnixStream::connect(path(data)).is_ok()
}

fn exchange(mut stream: UnixStream, command: Command, within: Duration) -> io::Result<String> {
    stream.set_read_timeout(Some(within))?;
    stream.set_write_timeout(Some(within))?;
    writeln!(stream, "{}", serde_json::to_string(&Request { command })?)?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST_ANSWER)).read_line(&mut line)?;
    if line.is_empty() {
        Err(ErrorKind::UnexpectedEof.into())
    } else {
        Ok(line)
    }
}

/// No answer is longer; the violations of a large catalog take a few hundred KiB.
const LONGEST_ANSWER: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_gateway_that_does_not_answer_is_not_waited_for_longer_than_asked() {
        let dir = tempfile::tempdir().unwrap();
        let _silent = UnixListener::bind(path(dir.path())).unwrap();
        let answer = ask(dir.path(), Command::Status, Duration::from_millis(20));
        assert!(matches!(answer, Err(SocketError::Late { .. })), "{answer:?}");
    }

    #[test]
    fn where_there_is_no_socket_nobody_answers() {
        let dir = tempfile::tempdir().unwrap();
        let answer = ask(dir.path(), Command::Status, Duration::from_secs(1));
        assert!(matches!(answer, Err(SocketError::Unanswered { .. })), "{answer:?}");
    }
}
