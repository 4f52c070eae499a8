//! The composition root: builds every long-lived thing, in order, once. Decides nothing.
//!
//! [`prepare`] does all that can fail without being seen: settings, catalog, certificates. [`Prepared::start`] binds
//! and serves. A process that takes over from another prepares first and asks for the sockets last.

mod answers;
mod bootstrap;
mod catalog;
mod counts;
mod identity;
mod listeners;
mod offline;
mod proxy;
mod running;
mod sockets;
mod tasks;
mod welcome;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use admin::control::ControlError;
use admin::control::change::Change;
use admin::control::files::WriteError;
use admin::control::publish::Publish;
use admin::oauth::keys::KeysError;
use admin::registry::RegistryError;
use pingora_core::server::Fds;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::accept::certificates::{self, Certificates};
use crate::accept::connections::Connections;
use crate::bridge::counts::Keeper;
use crate::bridge::publish::Publisher;
use crate::bridge::reload::{Observe, Outcome, Reload};
use crate::bridge::socket::SocketError;
use crate::bridge::trials::Trials;
use crate::bridge::watch::Restart;
use crate::model::violation::Violation;
use crate::quota::store::StoreError;
use crate::served::Served;
use crate::settings::{self, Environment, Settings, Stated};
use crate::snapshot::live::Live;
use crate::telemetry::Telemetry;
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::readiness::Readiness;
use crate::upstream::{Keeping, Pool};

pub use bootstrap::examine as examine_bootstrap;
pub use identity::{authority, open_keys, open_registry};
pub use offline::{explainer, tested};
pub use running::Running;

use identity::Identity;

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The access log cannot be written.
    #[error("cannot open the access log `{path}`")]
    AccessLog {
        /// The file, or what stands for one.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address, as the settings have it.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The data directory cannot be made.
    #[error("cannot make the data directory `{}`", path.display())]
    Data {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system has no random bytes.
    #[error("the system has no random bytes to begin counting with")]
    Random,
    /// Another gateway runs with the same data directory.
    #[error(
        "another gateway runs with the data directory `{}`: name another one by `data.dir`, or start with `--upgrade`",
        .0.display()
    )]
    DataTaken(PathBuf),
    /// There are no signing keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The configuration cannot be served.
    #[error("the configuration is refused: {} violation(s)", .0.len())]
    Refused(Vec<Violation>),
    /// The registry cannot be opened.
    #[error("cannot open the registry that `registry.url` names")]
    Registry(#[source] RegistryError),
    /// A change that a process was writing when it died cannot be finished.
    #[error("cannot finish the change of the catalog that broke off")]
    Unfinished(#[source] WriteError),
    /// The registry does not answer.
    #[error("cannot open the registry that `registry.url` names: no answer within {0:?}")]
    RegistryLate(Duration),
    /// The store of counts cannot be used.
    #[error("cannot use the store of counts that `quota.store` names")]
    Store(#[from] StoreError),
    /// The control socket cannot be made.
    #[error(transparent)]
    Socket(#[from] SocketError),
}

/// Everything that serves, built and validated, before anybody can reach it.
#[derive(Debug)]
pub struct Prepared {
    settings: Settings,
    restart: Restart,
    reload: Reload,
    live: Arc<Live<Served>>,
    published: watch::Receiver<u64>,
    pool: Arc<Pool>,
    connections: Arc<Connections>,
    telemetry: Arc<Telemetry>,
    readiness: Arc<Readiness>,
    certificates: Option<Arc<Certificates>>,
    identity: Identity,
    keeper: Arc<Keeper>,
}

/// Prepares and starts in one go, on the runtime that it is called from.
///
/// # Errors
///
/// Returns why the gateway cannot serve.
pub async fn start(
    conf: &Path,
    settings: Settings,
    environment: Environment,
    inherited: Option<Fds>,
) -> Result<Running, BootError> {
    let (conf, runtime) = (conf.to_path_buf(), Handle::current());
    let prepared = tokio::task::spawn_blocking(move || prepare(&conf, settings, environment, &runtime)).await;
    prepared
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?
        .start(inherited)
        .await
}

/// Does all that can fail without being seen. It blocks; `conf` and `environment` are what `settings` came from.
///
/// # Errors
///
/// Returns why the configuration cannot be served.
pub fn prepare(
    conf: &Path,
    settings: Settings,
    environment: Environment,
    runtime: &Handle,
) -> Result<Prepared, BootError> {
    let stated = Stated::read(conf, &environment).map_err(BootError::Refused)?;
    let connections = Connections::new(settings.limits.connections);
    let access_log = AccessLog::open(&settings.access_log).map_err(|source| BootError::AccessLog {
        path: named(&settings.access_log),
        source,
    })?;
    let telemetry = Telemetry::new(access_log, Arc::clone(&connections));
    let (live, pool, readiness) = (
        Arc::new(Live::new(Served::default())),
        Pool::new(keeping(&settings)),
        Arc::<Readiness>::default(),
    );
    let keeper = counts::open(&settings, runtime, (&telemetry, &readiness))?;
    let publisher = Publisher::new(
        Arc::clone(&live),
        Arc::clone(&pool),
        Arc::clone(&telemetry),
        Some(runtime.clone()),
    )
    .taking(identity::fields(&settings))
    .counting(*keeper.ledger().secret(), settings.gateway.rate_limit_fields)
    .requiring(Trials::required(&settings));
    let published = publisher.published();
    let control = Arc::new(catalog::open(&settings, &environment, Box::new(publisher))?);
    let observe = observer(Arc::clone(&telemetry), Arc::clone(&readiness));
    let reload =
        Reload::new(Arc::clone(&control), settings.catalog.clone(), observe).requiring_tests(settings.require_tests);
    let identity_environment = environment.clone();
    let restart = Restart::new(conf.to_path_buf(), environment, stated);
    let first = control.apply(Change::Reread(settings.catalog.clone()));
    let observe = certificate_observer(Arc::clone(&telemetry), Arc::clone(&readiness));
    let certificates = match (open_certificates(&settings, observe), first) {
        (Ok(certificates), Ok(applied)) => {
            tracing::info!(revision = applied.revision.0, apis = applied.apis, "catalog published");
            readiness.set_serving(applied.revision.0);
            certificates
        }
        (certificates, first) => {
            let catalog = first.err().map(ControlError::into_violations);
            let violations = [certificates.err(), catalog].into_iter().flatten().flatten().collect();
            return Err(BootError::Refused(violations));
        }
    };
    let identity = runtime.block_on(Identity::open(&settings, &identity_environment, &control))?;
    Ok(Prepared {
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
    })
}

/// Makes what prepares a catalog without ever serving it, and examines what else [`prepare`] would load.
pub fn rehearse(settings: &Settings) -> (Box<dyn Publish>, Vec<Violation>) {
    let telemetry = Telemetry::new(None, Connections::new(0));
    let pool = Pool::new(keeping(settings));
    let publisher = Publisher::new(Arc::new(Live::new(Served::default())), pool, telemetry, None)
        .taking(identity::fields(settings))
        .requiring(Trials::required(settings));
    let certificates = if !settings.has_tls() {
        Ok(Vec::new())
    } else {
        certificates::examine(&settings.tls)
    };
    (Box::new(publisher), certificates.err().unwrap_or_default())
}

fn named(access_log: &settings::AccessLog) -> String {
    let path = access_log.path.as_ref();
    path.map_or_else(|| "stdout".to_owned(), |path| path.display().to_string())
}

/// Says how connections to endpoints are kept: so many for each thread, as Pingora's own pool does.
fn keeping(settings: &Settings) -> Keeping {
    let most = settings.upstream.idle_connections;
    Keeping::new(
        settings.upstream.idle_timeout,
        most.saturating_mul(settings.gateway.threads),
    )
}

fn open_certificates(
    settings: &Settings,
    observe: Box<certificates::Observe>,
) -> Result<Option<Arc<Certificates>>, Vec<Violation>> {
    if !settings.has_tls() {
        return Ok(None);
    }
    Certificates::open(&settings.tls, &settings.data, observe).map(Some)
}

/// Tells readiness and metrics whether changed certificates are served.
fn certificate_observer(telemetry: Arc<Telemetry>, readiness: Arc<Readiness>) -> Box<certificates::Observe> {
    Box::new(move |refused: &[Violation]| {
        telemetry.certificates_refused(!refused.is_empty());
        readiness.set_refused_certificates(refused);
    })
}

/// Tells readiness and metrics what a reload led to; what was published, the publisher told.
fn observer(telemetry: Arc<Telemetry>, readiness: Arc<Readiness>) -> Box<Observe> {
    Box::new(move |outcome: &Result<Outcome, Vec<Violation>>| match outcome {
        Ok(Outcome { unchanged: true, .. }) => {
            telemetry.reload_unchanged();
            readiness.clear_refused();
        }
        Ok(Outcome { revision, .. }) => readiness.set_serving(revision.0),
        Err(violations) => {
            telemetry.reload_refused();
            readiness.set_refused(violations.clone());
        }
    })
}
