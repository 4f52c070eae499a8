//! A gateway that serves, until it is stopped.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use admin::control::publish::Revision;
use admin::oauth::peer::Peer;
use admin::registry::Registry;
use axum::body::Body;
use http::Request;
use pingora_core::server::{Fds, ListenFds};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::{error, warn};

use super::answers::Answers;
use super::listeners::{Listeners, asks, listen, patience};
use super::proxy::proxy;
use super::sockets::Sockets;
use super::tasks::Tasks;
use super::{BootError, Prepared};
use crate::accept::certificates::Certificates;
use crate::accept::connections::Connections;
use crate::accept::door::{Door, Handshakes};
use crate::bridge::counts::Keeper;
use crate::bridge::reload::Reload;
use crate::bridge::socket::{self, Socket};
use crate::bridge::traffic::Watching;
use crate::bridge::upkeep::Upkeep;
use crate::bridge::watch::Watch;
use crate::bridge::{administered, neighbours};
use crate::cache::opened::Cache;
use crate::cache::purge::Purger;
use crate::counting::Counts;
use crate::credential::Credentials;
use crate::explain::Explainer;
use crate::explain::refusals::Refusals;
use crate::forwarding::Trust;
use crate::gateway::Gateway;
use crate::head::Scheme;
use crate::model::violation::Violation;
use crate::routed::listener::Listener;
use crate::routed::{Routed, Visitor};
use crate::telemetry::Telemetry;
use crate::telemetry::readiness::Readiness;
use crate::telemetry::status::Status;

/// A gateway that serves, until it is stopped.
pub struct Running {
    http: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
    status: Vec<SocketAddr>,
    admin: Vec<SocketAddr>,
    sockets: ListenFds,
    reload: Reload,
    certificates: Option<Arc<Certificates>>,
    connections: Arc<Connections>,
    telemetry: Arc<Telemetry>,
    readiness: Arc<Readiness>,
    draining: Arc<AtomicBool>,
    shutdown: watch::Sender<bool>,
    /// The status page outlives the traffic: probes are to see that the process drains.
    status_shutdown: watch::Sender<bool>,
    /// Upkeep outlives the traffic, too: what is revoked is refused to the last request, and counts are kept.
    upkeep_shutdown: watch::Sender<bool>,
    registry: Arc<Registry>,
    credentials: Arc<Credentials>,
    keeper: Arc<Keeper>,
    traffic: Arc<Watching>,
    tasks: Tasks,
}

impl Prepared {
    /// Binds, or takes over what another process handed out, and serves.
    ///
    /// # Errors
    ///
    /// Returns the first address that cannot be listened on, or why there is no control socket.
    #[expect(clippy::too_many_lines, reason = "a list of parts, put together once")]
    pub async fn start(self, inherited: Option<Fds>) -> Result<Running, BootError> {
        let Self {
            settings,
            restart,
            reload,
            live,
            published,
            pool,
            connections,
            telemetry,
            readiness,
            certificates,
            identity,
            keeper,
        } = self;
        let successor = inherited.is_some();
        let mut sockets = Sockets::new(inherited);
        let http = sockets.listen(&settings.gateway.http)?;
        let https = sockets.listen(&settings.gateway.https)?;
        let admin_http = sockets.listen(&settings.admin.http)?;
        let admin_https = sockets.listen(&settings.admin.https)?;
        let status = sockets.listen(&settings.status)?;
        let sockets = sockets.into_table();
        if !successor && socket::is_answered(&settings.data) {
            return Err(BootError::DataTaken(settings.data));
        }
        if successor {
            keeper.inherit().await;
        } else {
            keeper.begin_aside().await;
        }
        // Who has the control socket is told of changes. What was changed since the registry was read, but told to the
        // process before or to nobody, is looked for before a caller is decided on.
        identity.credentials.neighbours().arrive();
        let control = Socket::bind(&settings.data)?;

        let counts = Counts::by(keeper.counters().clone());
        let tended = counts.clone();
        let (shutdown, stopping) = watch::channel(false);
        let draining = Arc::new(AtomicBool::new(false));
        let trust = Trust::new(settings.gateway.trusted_proxies.clone());
        let refusals = Arc::new(Refusals::new(settings.refusals));
        let in_step = |router| neighbours::in_step(router, &identity.credentials, &settings.data);
        let own = in_step(identity.router.clone());
        let own = Routed::new(own, Box::new(introduce), settings.timeouts.read);
        let cache = Cache::new(settings.cache.clone());
        telemetry.show_cache(&cache);
        let purger = Arc::new(Purger {
            live: Arc::clone(&live),
            cache: Arc::clone(&cache),
        });
        let gateway = Gateway {
            live: Arc::clone(&live),
            published: published.clone(),
            pool: Arc::clone(&pool),
            own,
            cache: Arc::clone(&cache),
            credentials: Arc::clone(&identity.credentials),
            counts: counts.clone(),
            refusals: Arc::clone(&refusals),
            telemetry: Arc::clone(&telemetry),
            trust: trust.clone(),
            limits: settings.limits.clone(),
            timeouts: settings.timeouts.clone(),
            draining: Arc::clone(&draining),
            shutdown: stopping.clone(),
        };
        let proxy = Arc::new(proxy(gateway, &settings));
        let explainer = Arc::new(Explainer {
            live: Arc::clone(&live),
            credentials: Arc::clone(&identity.credentials),
            counts,
            limits: settings.limits.clone(),
            trust: trust.clone(),
            refusals,
            notes: Vec::new(),
        });
        let traffic = Arc::new(Watching::new(Arc::clone(&live), Arc::clone(&telemetry)));
        let ports = administered::ports(&explainer, &purger, &reload, Arc::clone(&traffic));
        let of_operators = in_step(identity.of_operators(&settings, ports));
        let own = Routed::new(of_operators, Box::new(introduce), settings.timeouts.read);
        let own = own.letting_in(admin::http::admin::LONGEST, Box::new(admin::http::admin::announce));
        let admin = Arc::new(Listener {
            routed: own,
            trust,
            vouches: settings.credentials.client_certificate_header.clone(),
            telemetry: Arc::clone(&telemetry),
            write_timeout: settings.timeouts.write,
        });
        let mut listeners = Listeners {
            tasks: Tasks::default(),
            sockets: Arc::clone(&sockets),
            handshakes: certificates.clone().map(|certificates| Handshakes {
                certificates,
                asks: asks(&settings, &live, &identity.credentials),
            }),
            patience: patience(&settings),
            stopping: stopping.clone(),
        };
        listeners.plain("http", &http, &proxy, &connections);
        listeners.tls("https", &https, &proxy, &connections);
        // The admin and the status listeners have places of their own: a full gateway can still be looked at.
        let admin_connections = Connections::new(ADMIN_CONNECTIONS);
        listeners.plain("admin http", &admin_http, &admin, &admin_connections);
        listeners.tls("admin https", &admin_https, &admin, &admin_connections);
        let page = Arc::new(Status::new(Arc::clone(&telemetry), Arc::clone(&readiness)));
        let door = Door::plain(page, Connections::new(STATUS_CONNECTIONS), listeners.patience);
        let mut tasks = listeners.tasks;
        let (status_shutdown, status_stopping) = watch::channel(false);
        for &address in &status {
            let (door, stopping) = (door.clone(), status_stopping.clone());
            tasks.until_end(
                "status",
                listen("status", address, door, Arc::clone(&sockets), stopping),
            );
        }

        tasks.until_drain("history", Arc::clone(&telemetry).keep_history(stopping.clone()));
        if let Some(certificates) = &certificates {
            tasks.until_drain("certificates", Arc::clone(certificates).watch(stopping.clone()));
        }
        tasks.until_drain("pool", pool.run(stopping.clone()));
        tasks.until_drain("watch", Watch::new(reload.clone(), restart).run(stopping.clone()));
        tasks.until_drain("witness", identity.witness(published, stopping.clone()));
        let upkeep = Upkeep::new(
            Arc::clone(&identity.registry),
            identity.keys,
            (Arc::clone(&identity.credentials), Arc::clone(&live)),
            Arc::clone(&readiness),
        );
        let (upkeep_shutdown, upkeep_stopping) = watch::channel(false);
        tasks.until_drain("cache", Arc::clone(&cache).tend(stopping.clone()));
        tasks.until_end("upkeep", upkeep.clone().run(upkeep_stopping.clone()));
        tasks.until_end("keeping counts", Arc::clone(&keeper).run(upkeep_stopping.clone()));
        tasks.until_end("counts", tended.tend(upkeep_stopping.clone()));
        if let Some(courier) = keeper.courier() {
            tasks.until_end("store of counts", courier.run(upkeep_stopping));
        }
        let answers = Answers {
            explainer,
            reload: reload.clone(),
            certificates: certificates.clone(),
            upkeep,
            purger: Arc::clone(&purger),
            runtime: Handle::current(),
        };
        tasks.until_drain("control", async move {
            let answer = move |command| answers.answer(command);
            if let Err(error) = control.serve(answer, stopping).await {
                error!(%error, "the control socket is gone");
            }
        });
        Ok(Running {
            http,
            https,
            status,
            admin: [admin_http, admin_https].concat(),
            sockets,
            reload,
            certificates,
            connections,
            telemetry: Arc::clone(&telemetry),
            readiness,
            draining,
            shutdown,
            status_shutdown,
            upkeep_shutdown,
            registry: identity.registry,
            credentials: identity.credentials,
            keeper,
            traffic,
            tasks,
        })
    }
}

impl Running {
    /// Returns where plain HTTP is served.
    pub fn http(&self) -> &[SocketAddr] {
        &self.http
    }

    /// Returns where HTTP over TLS is served.
    pub fn https(&self) -> &[SocketAddr] {
        &self.https
    }

    /// Returns where the status page is served.
    pub fn status(&self) -> &[SocketAddr] {
        &self.status
    }

    /// Returns where the token endpoint is served beside the gateway.
    pub fn admin(&self) -> &[SocketAddr] {
        &self.admin
    }

    /// Returns where users, applications and subscriptions live.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Returns what quotas are counted by; what is counted at the end is for the caller to keep or to hand over.
    pub fn keeper(&self) -> Arc<Keeper> {
        Arc::clone(&self.keeper)
    }

    /// Returns what tells the traffic of the last hour and how endpoints are.
    pub fn traffic(&self) -> &Arc<Watching> {
        &self.traffic
    }

    /// Returns the table of listening sockets, for the process that comes next.
    pub fn sockets(&self) -> ListenFds {
        Arc::clone(&self.sockets)
    }

    /// Begins to leave: from now on, another process may be told of changes instead of this one, which asks for them
    /// before it decides on a caller. To be called before any other can accept.
    pub fn leave(&self) {
        self.credentials.neighbours().leave();
    }

    /// Stays after all: no other process can accept.
    pub fn stay(&self) {
        self.credentials.neighbours().stay();
    }

    /// Reads the catalog now; it blocks until the files are served or refused.
    ///
    /// # Errors
    ///
    /// Returns every violation of a refused catalog; the last good one stays.
    pub fn reload(&self) -> Result<Revision, Vec<Violation>> {
        self.reload.run().map(|outcome| outcome.revision)
    }

    /// Returns what rereads catalog and certificates, for a blocking thread. It logs what it finds.
    pub fn reread(&self) -> impl FnOnce() + Send + 'static {
        let (reload, certificates) = (self.reload.clone(), self.certificates.clone());
        move || {
            // A refusal was logged and is shown where status is read.
            let _ = reload.run();
            if let Some(Err(violations)) = certificates.map(|certificates| certificates.reload_now()) {
                for violation in violations {
                    warn!(%violation, "changed tls certificates refused, the old ones stay");
                }
            }
        }
    }

    /// Opens the access log's file anew.
    pub fn reopen_access_log(&self) {
        self.telemetry.reopen_access_log();
    }

    /// Resolves when a listener, the control socket, or what keeps health, catalog, certificates or registry fresh, ends
    /// although nobody stopped it.
    pub async fn task_ended(&mut self) {
        self.tasks.ended().await;
    }

    /// Leaves the status page to the process that took the sockets over, so that probes do not see this one drain.
    pub fn close_status(&self) {
        self.status_shutdown.send_replace(true);
    }

    /// Stops accepting, lets requests under way finish for as long as `drain` says, and returns.
    pub async fn stop(mut self, drain: Duration) {
        // The control socket closes, so that nobody is told of changes here.
        self.leave();
        self.readiness.set_draining();
        self.draining.store(true, Ordering::Relaxed);
        self.shutdown.send_replace(true);
        let finished = tokio::time::timeout(drain, async {
            self.tasks.accepting_ended().await;
            self.connections.idle().await;
        });
        if finished.await.is_err() {
            warn!(connections = self.connections.open(), "some connections were cut");
        }
        self.close_status();
        self.upkeep_shutdown.send_replace(true);
        self.tasks.all_ended().await;
        let telemetry = self.telemetry;
        // The writer may be slow; blocking here would hold up what else still runs.
        let closed = tokio::task::spawn_blocking(move || telemetry.close_access_log()).await;
        if closed.is_err() {
            warn!("the access log could not be closed");
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("http", &self.http)
            .field("https", &self.https)
            .finish_non_exhaustive()
    }
}

/// Tells the router of the token endpoint who asks.
fn introduce(request: &mut Request<Body>, visitor: Visitor) {
    request.extensions_mut().insert(Peer {
        address: visitor.client,
        is_tls: visitor.scheme == Scheme::Https,
        certificate: visitor.certificate,
    });
}

/// Connections that may reach the admin listener at once.
const ADMIN_CONNECTIONS: usize = 1024;

/// Connections that may look at the status page at once.
const STATUS_CONNECTIONS: usize = 64;
