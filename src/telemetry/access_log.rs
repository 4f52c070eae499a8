//! The access log: lines go into a bounded queue, and one thread writes them.
//!
//! A request never waits for a disk. When the queue is full its line is dropped and counted; when the queue is empty
//! what was written is flushed, so that a quiet log is never behind.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tracing::error;

use super::line;
use super::record::Record;
use crate::settings::{self, AccessFormat};

/// Where access records go.
pub struct AccessLog {
    format: fn(&Record<'_>) -> Vec<u8>,
    queue: SyncSender<Vec<u8>>,
    shared: Arc<Shared>,
    ended: Mutex<Option<Receiver<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    dropped: AtomicU64,
    wants_reopen: AtomicBool,
    is_closed: AtomicBool,
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
        let format: fn(&Record<'_>) -> Vec<u8> = match settings.format {
            AccessFormat::Combined => line::combined,
            AccessFormat::Json => line::json,
            AccessFormat::Off => return Ok(None),
        };
        let (queue, lines) = sync_channel(settings.queue.max(1));
        let shared = Arc::<Shared>::default();
        let writer = Writer {
            sink: BufWriter::with_capacity(BUFFER, sink),
            path: settings.path.clone(),
            shared: shared.clone(),
            is_failing: false,
        };
        let (ending, ended) = sync_channel::<()>(0);
        thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            writer.run(&lines);
            drop(ending);
        })?;
        Ok(Some(Self {
            format,
            queue,
            shared,
            ended: Mutex::new(Some(ended)),
        }))
    }

    /// Queues a record's line, or drops and counts it when the queue is full. Never waits.
    pub(super) fn write(&self, record: &Record<'_>) {
        if self.queue.try_send((self.format)(record)).is_err() {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns how many lines were dropped, because the queue was full or because they could not be written.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Opens the file anew after it was moved away, as `logrotate` does; nothing is lost on the way.
    pub fn reopen(&self) {
        self.shared.wants_reopen.store(true, Ordering::Release);
        // An empty line only wakes the writer; when the queue is full it is awake.
        let _ = self.queue.try_send(Vec::new());
    }

    /// Writes what is queued and ends the writer; blocks until that is done, but not for long on a disk that hangs.
    ///
    /// Later records are dropped.
    pub fn close(&self) {
        self.shared.is_closed.store(true, Ordering::SeqCst);
        // Wakes the writer, which ends when the queue is empty; when the queue is full it is awake.
        let _ = self.queue.try_send(Vec::new());
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
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

/// The thread's side.
struct Writer {
    sink: BufWriter<Box<dyn Write + Send>>,
    path: Option<PathBuf>,
    shared: Arc<Shared>,
    is_failing: bool,
}

impl Writer {
    fn run(mut self, lines: &Receiver<Vec<u8>>) {
        while let Ok(first) = lines.recv() {
            self.write(&first);
            // Under load, one wake and one write serve many lines: each by itself would cost more than the request did.
            if !self.shared.is_closed.load(Ordering::SeqCst) {
                thread::sleep(GATHER);
            }
            while let Ok(next) = lines.try_recv() {
                self.write(&next);
            }
            let flushed = self.sink.flush();
            self.check(flushed, 0);
            if self.shared.is_closed.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    fn write(&mut self, line: &[u8]) {
        if self.shared.wants_reopen.swap(false, Ordering::AcqRel) {
            self.reopen();
        }
        let written = self.sink.write_all(line);
        self.check(written, 1);
    }

    fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        let flushed = self.sink.flush();
        match append(path) {
            Ok(file) => self.sink = BufWriter::with_capacity(BUFFER, Box::new(file)),
            Err(error) => error!(path = %path.display(), %error, "access log cannot be reopened, the old file stays"),
        }
        self.check(flushed, 0);
    }

    /// Counts the lines that could not be written, and says so once until writing works again.
    fn check(&mut self, written: io::Result<()>, lines: u64) {
        let Err(error) = written else {
            // A line that only went into the buffer proves nothing; a flush does.
            self.is_failing &= lines > 0;
            return;
        };
        self.shared.dropped.fetch_add(lines, Ordering::Relaxed);
        if !self.is_failing {
            error!(%error, "access log cannot be written, lines are dropped");
        }
        self.is_failing = true;
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// How long a line may wait for company.
const GATHER: Duration = Duration::from_millis(10);
const BUFFER: usize = 64 * 1024;
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
