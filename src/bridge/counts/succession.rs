//! Hands the counts from the process that leaves to the next one, over a Unix socket in a directory that is nobody
//! else's.
//!
//! The next process asks when it has all that it needs and before it accepts anything. From then on both have a part
//! of each quota, so that at no moment more passes than the quota. The connection stays open until the last request of
//! the old process has ended, which then says what it has spent since; where it ends without a word, the system closes
//! the connection, and the next process has the whole quotas again.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::{info, warn};

use super::Keeper;
use crate::quota::Kept;

/// Where the next process asks for the counts; gone when it is dropped.
#[derive(Debug)]
pub struct Offer {
    counts: Arc<Keeper>,
    listener: UnixListener,
    path: PathBuf,
}

/// The next process, which has the counts. Dropped, this process goes on with whole quotas.
#[derive(Debug)]
pub struct Heir {
    leaving: Leaving,
    stream: UnixStream,
}

/// As long as it is there, this process has the part of the quotas of one that leaves.
#[derive(Debug)]
struct Leaving(Option<Arc<Keeper>>);

impl Keeper {
    /// Waits for the next process to ask for the counts.
    ///
    /// # Errors
    ///
    /// Returns why nobody can ask, or that this process cannot leave yet: the one before it still counts.
    pub fn offer(self: &Arc<Self>) -> io::Result<Offer> {
        if self.follows() {
            let reason = "the process before this one still drains, try again when it has ended";
            return Err(io::Error::new(ErrorKind::ResourceBusy, reason));
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.handover)?;
        fs::set_permissions(&self.handover, fs::Permissions::from_mode(0o700))?;
        let path = self.handover.join(SOCKET);
        match fs::remove_file(&path) {
            Err(reason) if reason.kind() != ErrorKind::NotFound => return Err(reason),
            Ok(()) | Err(_) => {}
        }
        Ok(Offer {
            counts: Arc::clone(self),
            listener: UnixListener::bind(&path)?,
            path,
        })
    }

    /// Takes the counts over from the process that leaves, or from the disk where that one cannot be asked; called
    /// before the first request.
    pub async fn inherit(self: &Arc<Self>) {
        let (counts, taken) = (Arc::clone(self), timeout(PATIENCE, self.ask()).await);
        match taken.unwrap_or_else(|late| Err(late.into())) {
            Ok((stream, kept)) => {
                self.set_follows(true);
                let joined = spawn_blocking(move || counts.join(&kept)).await;
                if let Err(reason) = joined {
                    warn!(%reason, "taking counts over broke");
                }
                tokio::spawn(Arc::clone(self).follow(stream));
            }
            Err(reason) => {
                warn!(%reason, "the process before this one cannot be asked for its counts, those on the disk are taken");
                counts.begin_aside().await;
            }
        }
    }

    async fn ask(&self) -> io::Result<(UnixStream, Kept)> {
        let mut stream = UnixStream::connect(self.handover.join(SOCKET)).await?;
        let length = stream.read_u64_le().await?;
        let most = Kept::largest(self.room);
        if length > most {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let mut bytes = Vec::new();
        (&mut stream).take(length).read_to_end(&mut bytes).await?;
        let kept = Kept::read(&bytes).map_err(io::Error::other)?;
        Ok((stream, kept))
    }

    fn join(&self, kept: &Kept) {
        drop(self.kept.lock().take());
        match self.ledger.join(kept, self.clock.now()) {
            Ok(()) => info!(counters = self.ledger.len().0, "counts taken over"),
            Err(reason) => warn!(%reason, "counts are not taken over, every quota begins anew"),
        }
        self.take_charge();
    }

    /// Follows the process that leaves to its end.
    async fn follow(self: Arc<Self>, stream: UnixStream) {
        let mut bytes = Vec::new();
        let most = Kept::largest(self.room);
        let read = stream.take(most).read_to_end(&mut bytes).await;
        let remainder = match read.map(|_| Kept::read(&bytes)) {
            Ok(Ok(kept)) => Some(kept),
            Ok(Err(_)) | Err(_) => {
                warn!("the process before this one ended without a word, what it spent at last is not known");
                None
            }
        };
        let counts = Arc::clone(&self);
        let concluded = spawn_blocking(move || counts.ledger.conclude(remainder.as_ref(), counts.clock.now())).await;
        match concluded {
            Ok(Ok(())) => info!("the process before this one has ended, its counts are complete"),
            Ok(Err(reason)) => warn!(%reason, "what the process before this one spent at last is left out"),
            Err(reason) => warn!(%reason, "taking the last counts over broke"),
        }
        self.set_follows(false);
    }
}

impl Offer {
    /// Resolves when the next process has all counts.
    ///
    /// # Errors
    ///
    /// Returns why it has not; this process goes on with whole quotas.
    pub async fn taken(&self) -> io::Result<Heir> {
        let (mut stream, _) = self.listener.accept().await?;
        let counts = Arc::clone(&self.counts);
        // In one piece: where nobody waits for it any more, it is undone.
        let left = spawn_blocking(move || {
            let leaving = Leaving::begin(&counts);
            let bytes = counts.ledger.leave(counts.clock.now());
            (leaving, bytes)
        });
        let (leaving, bytes) = left.await?;
        let sent = async {
            stream.write_u64_le(bytes.len() as u64).await?;
            stream.write_all(&bytes).await
        };
        timeout(PATIENCE, sent).await??;
        Ok(Heir { leaving, stream })
    }
}

impl Heir {
    /// Resolves when the next process is gone.
    pub async fn gone(&mut self) {
        // It says nothing, so whatever is read is the end.
        _ = self.stream.read_u8().await;
    }

    /// Says what was spent since, and ends; called when nothing more will be.
    pub async fn conclude(mut self) {
        let Some(counts) = self.leaving.0.take() else { return };
        let remainder = spawn_blocking(move || counts.ledger.remainder(counts.clock.now())).await;
        let sent = async {
            self.stream.write_all(&remainder?).await?;
            self.stream.shutdown().await
        };
        if let Err(reason) = timeout(PATIENCE, sent).await.unwrap_or_else(|late| Err(late.into())) {
            warn!(%reason, "the next process does not know what was spent at last");
        }
    }
}

impl Leaving {
    fn begin(counts: &Arc<Keeper>) -> Self {
        counts.leave_charge();
        Self(Some(Arc::clone(counts)))
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(counts) = self.0.take() {
            counts.ledger.stay();
            // Kept at the next time that it is due: this may be no place to wait for a disk.
            counts.resume_charge();
        }
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.path);
    }
}

const SOCKET: &str = "counts";

/// How long counts may take from one process to the other: those of a million counters take seconds.
const PATIENCE: Duration = Duration::from_secs(15);
