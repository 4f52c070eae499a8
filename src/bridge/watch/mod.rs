//! Notices edits of the catalog and has them served: within 300 ms where the file system tells, within about a second
//! where it must be asked.
//!
//! Events only say that it is worth looking; what is served is decided by comparing every file with what it was
//! (`Reload::refresh`), so that an event that is lost, doubled or out of order does no harm. Settings are watched too,
//! but only to say that they need a restart.

mod events;
mod restart;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{error, warn};

pub use self::restart::Restart;

use self::events::Events;
use super::reload::Reload;
use admin::control::files::Fingerprint;

/// Watches the catalog directory and the settings file.
#[derive(Debug)]
pub struct Watch {
    reload: Reload,
    restart: Restart,
}

impl Watch {
    /// Makes a watch that reloads, and that compares the settings with those that run.
    pub fn new(reload: Reload, restart: Restart) -> Self {
        Self { reload, restart }
    }

    /// Watches until shutdown; its first look is at once, for what changed since the catalog was read.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) {
        let wake = Arc::new(Notify::new());
        let mut look = Look::new(&self, &wake);
        let mut cause = Cause::Event;
        loop {
            look = match spawn_blocking(move || look.again(cause)).await {
                Ok(look) => look,
                Err(reason) => {
                    error!(%reason, "watching the catalog broke and begins anew");
                    Look::new(&self, &wake)
                }
            };
            cause = tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => return,
                () = wake.notified() => Cause::Event,
                () = sleep(look.pause) => Cause::Poll,
            };
            if cause == Cause::Event {
                settle(&wake).await;
            }
        }
    }
}

/// Waits until the events of one save, or of one checkout, are over.
async fn settle(wake: &Notify) {
    let latest = Instant::now() + LONGEST;
    loop {
        let quiet = (Instant::now() + QUIET).min(latest);
        if timeout_at(quiet, wake.notified()).await.is_err() || Instant::now() >= latest {
            return;
        }
    }
}

/// Why the catalog is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cause {
    Event,
    Poll,
}

/// What was seen when the catalog was looked at last.
struct Look {
    reload: Reload,
    restart: Restart,
    wake: Arc<Notify>,
    events: Option<Events>,
    is_deaf: bool,
    seen: Option<(Fingerprint, Option<Fingerprint>)>,
    pause: Duration,
}

impl Look {
    fn new(watch: &Watch, wake: &Arc<Notify>) -> Self {
        Self {
            reload: watch.reload.clone(),
            restart: watch.restart.clone(),
            wake: wake.clone(),
            events: None,
            is_deaf: false,
            seen: None,
            pause: POLL,
        }
    }

    /// Looks again, and reloads when there may be something new. It blocks.
    fn again(mut self, cause: Cause) -> Self {
        self.restart.look();
        if cause == Cause::Event || self.is_news() {
            // What nobody told of was not listened to.
            let is_untold = cause == Cause::Poll || self.events.is_none();
            if is_untold {
                self.listen();
            }
            // Whatever became of it has been told; the next look does not depend on it. What changes from here on is
            // either read, or differs from what was seen.
            let mut seen = self.reload.refresh();
            if !is_untold && !self.has_the_folders_of(seen) {
                // What lies in other folders may have changed before they were listened to.
                self.listen();
                seen = self.reload.refresh();
            }
            self.seen = Some(seen);
        }
        self
    }

    /// Looks whether anything is another than it was, without being told.
    fn is_news(&mut self) -> bool {
        let began = Instant::now();
        let seen = self.reload.fingerprint();
        self.pause = POLL.max(began.elapsed() * 50);
        self.seen != Some(seen) || self.reload.is_outdated()
    }

    /// Tells whether what was listened to last is still what there is.
    fn has_the_folders_of(&self, (now, tests_now): (Fingerprint, Option<Fingerprint>)) -> bool {
        self.seen.is_some_and(|(then, tests_then)| {
            let tests = tests_then.zip(tests_now);
            then.is_of_the_folders_of(now) && tests.is_none_or(|(then, now)| then.is_of_the_folders_of(now))
        })
    }

    /// Listens anew to whatever the directory is now: it may have been replaced, or a link may lead elsewhere.
    fn listen(&mut self) {
        let listening = Events::listen(self.reload.catalog(), self.restart.file(), self.wake.clone());
        match listening {
            Ok(events) => (self.events, self.is_deaf) = (Some(events), false),
            Err(reason) => {
                if !self.is_deaf {
                    warn!(%reason, "no file events, the catalog is polled");
                }
                (self.events, self.is_deaf) = (None, true);
            }
        }
    }
}

/// So long without an event, and a save is over.
const QUIET: Duration = Duration::from_millis(30);

/// A save that takes longer than this is looked at before it is over.
const LONGEST: Duration = Duration::from_millis(200);

/// The time between two looks without events; longer where a look takes more than a fiftieth of it.
const POLL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
