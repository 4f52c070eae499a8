//! The access log: lines wait in a bounded buffer, and one thread writes them, many at once.
//!
//! A request never waits for a disk. When as many lines wait as may, the next is dropped and counted; when none waits,
//! all were written, so that a quiet log is never behind.

use std::cell::RefCell;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tracing::error;

use super::line;
use super::record::Record;
use crate::settings::{self, AccessFormat};

/// Where access records go.
pub struct AccessLog {
    format: fn(&Record<'_>, &mut Vec<u8>),
    most: usize,
    shared: Arc<Shared>,
    ended: Mutex<Option<Receiver<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    /// Tells the writer that the first line waits, or that something is wanted of it.
    wake: Condvar,
    dropped: AtomicU64,
}

/// What waits for the writer; held for as long as it takes to copy a line.
#[derive(Debug, Default)]
struct Pending {
    text: Vec<u8>,
    lines: usize,
    wants_reopen: bool,
    is_closed: bool,
}

impl Pending {
    fn is_idle(&self) -> bool {
        self.lines == 0 && !self.wants_reopen && !self.is_closed
    }
}

thread_local! {
    /// Where a thread makes its lines, so that none of them is allocated.
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl AccessLog {
    /// Opens the log and starts its writer; `None` where the settings want no log.
    ///
    /// # Errors
    ///
    /// Returns what the system says when the file cannot be opened or the thread not started.
    pub fn open(settings: &settings::AccessLog) -> io::Result<Option<Self>> {
        let sink: Box<dyn Write + Send> = match &settings.path {
            Some(path) => Box::new(append(path)?),
            None => Box::new(io::stdout()),
        };
        Self::with_sink(settings, sink)
    }

    fn with_sink(settings: &settings::AccessLog, sink: Box<dyn Write + Send>) -> io::Result<Option<Self>> {
        let format: fn(&Record<'_>, &mut Vec<u8>) = match settings.format {
            AccessFormat::Combined => line::combined,
            AccessFormat::Json => line::json,
            AccessFormat::Off => return Ok(None),
        };
        let shared = Arc::<Shared>::default();
        let writer = Writer {
            sink,
            path: settings.path.clone(),
            shared: shared.clone(),
            batch: Vec::new(),
            is_failing: false,
        };
        let (ending, ended) = sync_channel::<()>(0);
        thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            writer.run();
            drop(ending);
        })?;
        Ok(Some(Self {
            format,
            most: settings.queue.max(1),
            shared,
            ended: Mutex::new(Some(ended)),
        }))
    }

    /// Leaves a record's line for the writer, or drops and counts it when too many wait. Never waits for a disk.
    pub(super) fn write(&self, record: &Record<'_>) {
        LINE.with_borrow_mut(|line| {
            line.clear();
            (self.format)(record, line);
            let mut pending = self.shared.pending.lock();
            if pending.is_closed || pending.lines >= self.most {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
            pending.text.extend_from_slice(line);
            pending.lines += 1;
            if pending.lines == 1 {
                drop(pending);
                self.shared.wake.notify_one();
            }
        });
    }

    /// Returns how many lines were dropped, because too many waited or because they could not be written.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Opens the file anew after it was moved away, as `logrotate` does; nothing is lost on the way.
    pub fn reopen(&self) {
        self.shared.pending.lock().wants_reopen = true;
        self.shared.wake.notify_one();
    }

    /// Writes what waits and ends the writer; blocks until that is done, but not for long on a disk that hangs.
    ///
    /// Later records are dropped.
    pub fn close(&self) {
        self.shared.pending.lock().is_closed = true;
        self.shared.wake.notify_one();
        if let Some(ended) = self.ended.lock().take() {
            // The writer holds the other end until it is done.
            let _ = ended.recv_timeout(PATIENCE);
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

/// The thread's side.
struct Writer {
    sink: Box<dyn Write + Send>,
    path: Option<PathBuf>,
    shared: Arc<Shared>,
    /// What is being written; whole lines, but for the first of what a failed write has left.
    batch: Vec<u8>,
    is_failing: bool,
}

impl Writer {
    fn run(mut self) {
        loop {
            let is_closed = self.wait();
            self.write();
            if is_closed {
                let lost = self.batch.iter().filter(|byte| **byte == b'\n').count();
                self.shared.dropped.fetch_add(lost as u64, Ordering::Relaxed);
                return;
            }
        }
    }

    /// Waits for lines and takes them; returns whether no more will come.
    fn wait(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        let mut pending = shared.pending.lock();
        if self.batch.is_empty() {
            shared.wake.wait_while(&mut pending, |pending| pending.is_idle());
            // Under load, one wake and one write serve many lines: each by itself would cost more than the request did.
            shared
                .wake
                .wait_while_for(&mut pending, |pending| !pending.is_closed, GATHER);
        } else {
            // What could not be written is tried again.
            shared
                .wake
                .wait_while_for(&mut pending, |pending| !pending.is_closed, RETRY);
        }
        let wants_reopen = mem::take(&mut pending.wants_reopen);
        if self.batch.is_empty() {
            mem::swap(&mut self.batch, &mut pending.text);
            pending.lines = 0;
        } else if pending.is_closed {
            self.batch.append(&mut pending.text);
        }
        let is_closed = pending.is_closed;
        drop(pending);
        if wants_reopen {
            // Lines that came before the file was moved away belong to it.
            self.write();
            self.reopen();
        }
        is_closed
    }

    /// Writes as much of the batch as the sink takes.
    fn write(&mut self) {
        let mut written = 0;
        let failure = loop {
            match self.sink.write(self.batch.get(written..).unwrap_or_default()) {
                Ok(0) if written < self.batch.len() => break Some(ErrorKind::WriteZero.into()),
                Ok(0) => break self.sink.flush().err(),
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
        };
        self.batch.drain(..written);
        self.batch.shrink_to(KEPT);
        self.tell(failure.as_ref());
    }

    fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        match append(path) {
            Ok(file) => self.sink = Box::new(file),
            Err(error) => error!(path = %path.display(), %error, "access log cannot be reopened, the old file stays"),
        }
    }

    /// Says once that lines cannot be written, until they can again.
    fn tell(&mut self, failure: Option<&io::Error>) {
        if let Some(error) = failure.filter(|_| !self.is_failing) {
            error!(%error, "access log cannot be written, lines wait and are dropped");
        }
        self.is_failing = failure.is_some();
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// How long a line may wait for company.
const GATHER: Duration = Duration::from_millis(10);
/// The pause before what could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Bytes that are kept for the next lines; more were needed once.
const KEPT: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc::{Sender, channel};
    use std::time::Instant;

    use super::*;
    use crate::telemetry::line::tests::record;

    fn settings(path: Option<PathBuf>, queue: usize) -> settings::AccessLog {
        settings::AccessLog {
            format: AccessFormat::Json,
            path,
            queue,
        }
    }

    /// A disk that says when it is written to, and then waits to be let go.
    struct Slow {
        busy: Sender<()>,
        go: Receiver<()>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.busy.send(()).ok();
            self.go.recv().ok();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_queue_drops_and_counts_and_never_waits() {
        let (busy, is_busy) = channel();
        let (let_go, go) = channel();
        let log = AccessLog::with_sink(&settings(None, 4), Box::new(Slow { busy, go }))
            .unwrap()
            .unwrap();
        log.write(&record(b"/", b""));
        is_busy.recv().unwrap();
        for _ in 0..10 {
            log.write(&record(b"/", b""));
        }
        assert_eq!(log.dropped(), 6, "four wait, the rest is dropped");
        drop(let_go);
        drop(log);
    }

    #[test]
    fn everything_queued_is_written_when_the_log_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let log = AccessLog::open(&settings(Some(path.clone()), 1000)).unwrap().unwrap();
        for _ in 0..500 {
            log.write(&record(b"/", b""));
        }
        log.close();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 500);
        log.write(&record(b"/", b""));
        assert_eq!(log.dropped(), 1);
    }

    #[test]
    fn a_quiet_log_is_flushed_and_a_moved_file_is_opened_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let log = AccessLog::open(&settings(Some(path.clone()), 10)).unwrap().unwrap();
        log.write(&record(b"/before", b""));
        wait_for(&path, "/before");
        fs::rename(&path, dir.path().join("access.log.1")).unwrap();
        log.reopen();
        wait_for(&path, "");
        log.write(&record(b"/after", b""));
        wait_for(&path, "/after");
        assert!(
            fs::read_to_string(dir.path().join("access.log.1"))
                .unwrap()
                .ends_with('\n')
        );
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let log = AccessLog::open(&settings(Some("/dev/full".into()), 1000))
            .unwrap()
            .unwrap();
        let long = vec![b'a'; 4000];
        for _ in 0..100 {
            log.write(&record(&long, b""));
        }
        log.close();
        assert!(log.dropped() > 0);
    }

    fn wait_for(path: &Path, text: &str) {
        let began = Instant::now();
        while !fs::read_to_string(path).is_ok_and(|log| log.contains(text)) {
            assert!(began.elapsed() < Duration::from_secs(10), "{text} was not written");
            thread::yield_now();
        }
    }
}
