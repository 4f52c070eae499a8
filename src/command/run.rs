//! `tollgate run`: serves until a signal says otherwise.
//!
//! | signal | what it does |
//! |---|---|
//! | `SIGHUP` | reads the catalog and the certificates now |
//! | `SIGINT` | stops now |
//! | `SIGQUIT` | hands the listening sockets to the next process, then drains and stops |
//! | `SIGTERM` | drains and stops; a second one does not wait |
//! | `SIGUSR1` | reopens the access log |

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use sd_notify::NotifyState;
use tokio::runtime::{self, Handle};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::check;
use super::conf::ConfArgs;
use super::handover::{HandedOver, hand_over, take_over};
use super::render;
use crate::boot::{self, BootError, Running};
use crate::bridge::counts::Heir;
use crate::settings::{Environment, Settings};
use crate::telemetry::logging;

/// Serve the gateway
///
/// Reads the settings and the catalog, refuses to start with exit code 2 where something is wrong with them, and
/// serves until a signal ends it: SIGTERM drains first, SIGINT does not. Saving a file of the catalog, SIGHUP or
/// `tollgate reload` makes it serve what the files say now.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  tollgate run                                   serve conf/
  tollgate run --conf /etc/tollgate              serve another configuration
  TOLLGATE_GATEWAY_HTTP=127.0.0.1:18280 tollgate run
                                                 every setting has such a variable
  tollgate run --upgrade                         take over from a running gateway; then send that one SIGQUIT

Exit codes: 0 stopped, 1 something failed while running, 2 the configuration is refused.")]
pub struct RunArgs {
    #[command(flatten)]
    conf: ConfArgs,
    /// Take the listening sockets over from a running gateway, which hands them out when it gets SIGQUIT.
    #[arg(long)]
    upgrade: bool,
}

/// Runs the gateway to its end.
pub fn run(args: &RunArgs, environment: &Environment) -> ExitCode {
    let conf = args.conf.path(environment);
    let settings = match check::settings(&conf, environment, &boot::rehearse) {
        Ok(settings) => settings,
        Err(violations) => return render::refused(&violations, environment),
    };
    if let Err(e) = logging::start(&settings.log) {
        return render::failed(&e);
    }
    let threads = settings.gateway.threads;
    let runtime = match runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(e) => return render::failed(&e),
    };
    let code = match runtime.block_on(serve(&conf, settings, environment.clone(), args.upgrade)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(RunError::Boot(BootError::Refused(violations))) => render::refused(&violations, environment),
        Err(e) => render::failed(&e),
    };
    // What still runs was given its time; a stuck DNS lookup must not hold the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    code
}

/// Why the gateway ends with a failure.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Boot(#[from] BootError),
    #[error("a task that should outlive all requests ended by itself; its panic is above")]
    Task,
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    #[error("cannot take the listening sockets over in {}: is a gateway running on this directory, and did it get SIGQUIT?", .0.display())]
    Takeover(PathBuf, #[source] io::Error),
}

async fn serve(conf: &Path, settings: Settings, environment: Environment, upgrade: bool) -> Result<(), RunError> {
    // Before anything else: a signal that arrives while the catalog is compiled must not be lost.
    let mut signals = Signals::new().map_err(RunError::Signals)?;
    let drain = settings.drain;
    let data = settings.data.clone();
    let (conf, runtime) = (conf.to_path_buf(), Handle::current());
    let prepared = tokio::task::spawn_blocking(move || boot::prepare(&conf, settings, environment, &runtime))
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let inherited = if upgrade {
        let taken = take_over(&data).await;
        Some(taken.map_err(|e| RunError::Takeover(data.clone(), e))?)
    } else {
        None
    };
    let mut running = prepared.start(inherited).await?;
    announce(&running);
    let pid = std::process::id();
    notify(&[NotifyState::MainPid(pid), NotifyState::Ready]);
    let keeper = running.keeper();
    let heir = match until_told(&mut signals, &mut running, &data).await? {
        End::Now => None,
        End::Drained(heir) => {
            notify(&[NotifyState::Stopping]);
            info!(?drain, "draining");
            tokio::select! {
                () = running.stop(drain) => {}
                () = signals.stop_now() => {}
            }
            heir
        }
    };
    match heir {
        Some(heir) => heir.conclude().await,
        None => keeper.keep_aside().await,
    }
    info!("stopped");
    Ok(())
}

/// How serving ends.
#[derive(Debug)]
enum End {
    /// When what is under way has ended; with the process that is to know what was spent until then.
    Drained(Option<Heir>),
    Now,
}

/// Serves until a signal, or a process that took the sockets over, ends it. While one is looked for, signals are obeyed
/// as ever.
async fn until_told(signals: &mut Signals, running: &mut Running, data: &Path) -> Result<End, RunError> {
    let mut handing_over: Option<Pin<Box<dyn Future<Output = HandedOver> + Send>>> = None;
    let mut is_lent = false;
    loop {
        let order = tokio::select! {
            order = signals.next(running) => order?,
            handed_over = in_progress(&mut handing_over) => {
                match handed_over {
                    // Whoever has taken them may yet accept.
                    HandedOver::Kept if is_lent => {}
                    HandedOver::Kept => running.stay(),
                    HandedOver::Lent => is_lent = true,
                    HandedOver::Taken(heir) => {
                        running.close_status();
                        return Ok(End::Drained(heir));
                    }
                }
                handing_over = None;
                continue;
            }
        };
        match order {
            Order::Drain => return Ok(End::Drained(None)),
            Order::HandOver if handing_over.is_some() => info!("already looking for a process that takes the sockets"),
            Order::HandOver => {
                running.leave();
                let (sockets, keeper) = (running.sockets(), running.keeper());
                handing_over = Some(Box::pin(hand_over(sockets, keeper, data.to_path_buf())));
            }
            Order::Reload => {
                info!("reading the catalog and the certificates, as SIGHUP asks");
                tokio::task::spawn_blocking(running.reread());
            }
            Order::Reopen => running.reopen_access_log(),
            Order::Stop => return Ok(End::Now),
        }
    }
}

/// Resolves as a future does that may not be there.
async fn in_progress<F: Future + Unpin>(future: &mut Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// What a signal asks for.
enum Order {
    Drain,
    HandOver,
    Reload,
    Reopen,
    Stop,
}

struct Signals {
    hangup: Signal,
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
    user1: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            user1: signal(SignalKind::user_defined1())?,
        })
    }

    async fn next(&mut self, running: &mut Running) -> Result<Order, RunError> {
        tokio::select! {
            _ = self.hangup.recv() => Ok(Order::Reload),
            _ = self.interrupt.recv() => Ok(Order::Stop),
            _ = self.quit.recv() => Ok(Order::HandOver),
            _ = self.terminate.recv() => Ok(Order::Drain),
            _ = self.user1.recv() => Ok(Order::Reopen),
            () = running.task_ended() => Err(RunError::Task),
        }
    }

    async fn stop_now(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Says what is listened for and where, a line each.
fn announce(running: &Running) {
    for address in running.http() {
        info!(%address, "listening for HTTP");
    }
    for address in running.https() {
        info!(%address, "listening for HTTPS");
    }
    for address in running.admin() {
        info!(%address, "listening for those who run it");
    }
    for address in running.status() {
        info!(%address, "listening for probes and scrapers");
    }
}

/// Tells systemd, where it listens.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(states) {
        warn!(error = %e, "systemd could not be told");
    }
}
