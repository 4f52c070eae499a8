//! The pool: every endpoint the gateway knows, across catalogs, and the work that goes on in the background.
//!
//! `prepare` may fail and changes nothing; `commit` cannot fail. Probes and name lookups are owned by `run`, which
//! follows each commit.

use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use pingora_core::connectors::TransportConnector;
use pingora_core::connectors::http::v2::Connector;
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};

use crate::courtesy::others_first;
use crate::model::backend as model;
use crate::model::catalog::Catalog;
use crate::model::violation::Violation;
use crate::registry::key_pair::KeyType;

use super::backend::{Backend, BackendName, Backends};
use super::clock;
use super::idle::Keeping;
use super::probe::{self, Prober};
use super::registry::{Draft, Registry};
use super::resolve::resolve;
use super::target::Target;

/// Every endpoint the gateway knows.
pub struct Pool {
    registry: Mutex<Arc<Registry>>,
    /// How connections to endpoints are kept.
    keeping: Keeping,
    /// Rises with each commit, for those who follow.
    commits: watch::Sender<u64>,
    prober: Arc<Prober>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("commits", &*self.commits.borrow())
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// Makes a pool that knows nothing yet.
    pub fn new(keeping: Keeping) -> Arc<Self> {
        let prober = Prober {
            connector: OnceLock::new(),
            at_once: Semaphore::new(PROBES_AT_ONCE),
        };
        Arc::new(Self {
            registry: Mutex::default(),
            keeping,
            commits: watch::Sender::new(0),
            prober: Arc::new(prober),
        })
    }

    /// Makes the backends of every version, in the catalog's order; what is known already is used again.
    ///
    /// # Errors
    ///
    /// Every TLS profile that cannot be used, and every endpoint that cannot be addressed.
    pub fn prepare(&self, catalog: &Catalog) -> Result<Vec<Backends>, Vec<Violation>> {
        let registry = self.known();
        let mut draft = Draft::beside(&registry, &self.keeping);
        let mut made = Vec::new();
        for api in catalog.apis() {
            others_first();
            for version in &api.versions {
                let mut backend = |key_type, spec: &Option<Arc<model::Backend>>| {
                    let name = BackendName {
                        tenant: api.tenant.clone(),
                        api: api.name.clone(),
                        version: version.version.clone(),
                        key_type,
                    };
                    draft.backend(name, version.state.is_served(), spec.as_ref()?)
                };
                made.push(Backends {
                    production: backend(KeyType::Production, &version.production),
                    sandbox: backend(KeyType::Sandbox, &version.sandbox),
                });
            }
        }
        draft.finish(made)
    }

    /// Looks up the names that have no address yet, so that they have one before they are served; gives up in time.
    pub async fn resolve(&self, backends: &[Backends], within: Duration) {
        let slots = backends
            .iter()
            .flat_map(Backends::iter)
            .filter(|backend| backend.active)
            .flat_map(|backend| &backend.slots);
        let unknown: Vec<_> = slots
            .map(|slot| &slot.target)
            .filter(|target| !target.is_resolved())
            .map(Arc::clone)
            .collect();
        // What is not found in time is looked for again in the background.
        let _ = tokio::time::timeout(within, resolve(unknown.into_iter())).await;
    }

    /// Knows from now on what these backends use, and forgets everything else.
    pub fn commit(&self, backends: &[Backends]) {
        let backends: Vec<Arc<Backend>> = backends.iter().flat_map(Backends::iter).cloned().collect();
        let registry = Arc::new(Registry::of(&backends));
        let before = mem::replace(&mut *self.registry.lock(), registry);
        self.commits.send_modify(|commits| *commits = commits.wrapping_add(1));
        // Whoever reads it still has it for a moment only.
        if let Some(before) = Arc::into_inner(before) {
            before.forget();
        }
    }

    /// Probes endpoints, refreshes addresses and closes idle connections until told to stop.
    pub async fn run(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        // Before a request waits for it: it reads the system's authorities.
        self.prober.connector();
        let lookups = self.follow_names();
        let probes = self.follow_probes();
        let sweeps = self.follow_idle();
        tokio::select! {
            () = lookups => {}
            () = probes => {}
            () = sweeps => {}
            _ = shutdown.wait_for(|stop| *stop) => {}
        }
    }

    /// Returns what makes connections outside of Pingora's proxy: for tunnels, and for what goes straight.
    pub fn transport(&self) -> &TransportConnector {
        self.prober.connector().transport()
    }

    fn active(&self) -> Vec<Arc<Target>> {
        self.known().active().map(Arc::clone).collect()
    }

    /// Returns what is known now, so that nobody waits for whoever reads it.
    fn known(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.lock())
    }

    /// Looks every name up again and again, and those without an address sooner, in growing intervals.
    async fn follow_names(&self) {
        let mut commits = self.commits.subscribe();
        let (mut refresh, mut again, mut pause) = (Instant::now() + REFRESH, Instant::now() + LOOK_AGAIN, LOOK_AGAIN);
        loop {
            let unresolved = self.active().into_iter().filter(|target| !target.is_resolved());
            let unresolved: Vec<_> = unresolved.collect();
            // Moments, not periods: commits must not put either off.
            let due = if unresolved.is_empty() {
                refresh
            } else {
                refresh.min(again)
            };
            match timeout_at(due, commits.changed()).await {
                Ok(Err(_)) => return,
                Ok(Ok(())) => {
                    pause = LOOK_AGAIN;
                    again = again.min(Instant::now() + pause);
                    continue;
                }
                Err(_) if due == refresh => {
                    resolve(self.active().into_iter()).await;
                    refresh = Instant::now() + REFRESH;
                }
                Err(_) => resolve(unresolved.into_iter()).await,
            }
            again = Instant::now() + pause;
            pause = (pause * 2).min(REFRESH);
        }
    }

    /// Looks after the connections that wait for a request.
    async fn follow_idle(&self) {
        loop {
            sleep(SWEEP).await;
            self.keeping.sweep(clock::now());
        }
    }

    async fn follow_probes(&self) {
        let mut commits = self.commits.subscribe();
        let mut running = Probes::default();
        loop {
            running.become_those_of(self.active(), &self.prober);
            tokio::select! {
                changed = commits.changed() => if changed.is_err() { return },
                // Reaped so that a probe that ended by a panic begins again.
                Some(_) = running.tasks.join_next() => {}
            }
        }
    }
}

/// The probes that are running, each with the target it is for.
#[derive(Default)]
struct Probes {
    tasks: JoinSet<()>,
    by_target: HashMap<u64, AbortHandle>,
}

impl Probes {
    fn become_those_of(&mut self, targets: Vec<Arc<Target>>, prober: &Arc<Prober>) {
        let wanted = targets.into_iter().filter(|target| target.name.health.probe.is_some());
        let wanted: HashMap<_, _> = wanted.map(|target| (target.id, target)).collect();
        self.by_target.retain(|target, task| {
            let kept = wanted.contains_key(target) && !task.is_finished();
            if !kept {
                task.abort();
            }
            kept
        });
        for (id, target) in wanted {
            let tasks = &mut self.tasks;
            self.by_target
                .entry(id)
                .or_insert_with(|| tasks.spawn(probe::watch(target, Arc::clone(prober))));
        }
    }
}

const SWEEP: Duration = Duration::from_secs(1);
const PROBES_AT_ONCE: usize = 64;
const REFRESH: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Prober {
    /// Returns the connector, made at its first use: it reads the system's authorities.
    pub(super) fn connector(&self) -> &Connector {
        self.connector.get_or_init(|| Connector::new(None))
    }
}
