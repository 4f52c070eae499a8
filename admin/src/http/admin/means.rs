//! What every handler needs: who knows users, what is served, and who is signed in at the console.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard, Semaphore};

use super::ports::Ports;
use crate::control::Control;
use crate::model::instant::UnixTime;
use crate::oauth::Authority;
use crate::oauth::session::Sessions;
use crate::registry::Registry;

/// What every handler needs.
#[derive(Debug)]
pub struct Means {
    pub(super) authority: Arc<Authority>,
    pub(super) control: Arc<Control>,
    pub(super) about: About,
    /// Whoever serves traffic.
    pub(super) ports: Ports,
    /// Who is signed in at the console; apart from those who are at the token endpoint.
    pub(super) sessions: Sessions,
    /// So many more catalogs may be compared at the same time.
    pub(super) comparisons: Arc<Semaphore>,
    turn: Mutex<()>,
}

/// What the process is, as `/admin/v1/status` tells.
pub struct About {
    /// Its version.
    pub version: &'static str,
    /// When it was started.
    pub started: UnixTime,
    /// Tells whether the files of the catalog cannot be written.
    pub is_read_only: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Means {
    /// Puts the means together.
    pub fn new(authority: Arc<Authority>, control: Arc<Control>, about: About, ports: Ports) -> Arc<Self> {
        Arc::new(Self {
            authority,
            control,
            about,
            ports,
            sessions: Sessions::with_room(SESSIONS),
            comparisons: Arc::new(Semaphore::new(COMPARISONS)),
            turn: Mutex::default(),
        })
    }

    /// Returns where consumers are.
    pub(super) fn registry(&self) -> &Registry {
        &self.authority.registry
    }

    /// Waits for the turn to look at a thing of the registry and change it: between the two, nobody else here does.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("About")
            .field("version", &self.version)
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}

/// Nobody's console has so many people signed in at once.
const SESSIONS: usize = 10_000;

/// To compare two catalogs takes both in memory, and a core.
const COMPARISONS: usize = 2;
