//! Keeps registry, signing keys and the keys of other issuers as other processes have made them, and as time demands.
//!
//! Other gateways, the process before or after this one, and the command line change the same registry and the same
//! keys: they are followed every second, or when somebody asks, and closely while another process takes over. What
//! cannot be followed is said where status is read, and traffic goes on with what is known.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use admin::oauth::keys::{KeysError, SigningKeys};
use admin::registry::Registry;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tracing::{error, info, warn};

use crate::credential::{Credentials, now};
use crate::served::Served;
use crate::snapshot::live::Live;
use crate::telemetry::readiness::Readiness;

/// Keeps registry and signing keys fresh; cheap to clone.
#[derive(Clone)]
pub struct Upkeep {
    registry: Arc<Registry>,
    keys: Arc<SigningKeys>,
    credentials: Arc<Credentials>,
    live: Arc<Live<Served>>,
    readiness: Arc<Readiness>,
}

impl fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upkeep").finish_non_exhaustive()
    }
}

impl Upkeep {
    /// Keeps these fresh, and says where status is read when it cannot.
    pub fn new(
        registry: Arc<Registry>,
        keys: Arc<SigningKeys>,
        (credentials, live): (Arc<Credentials>, Arc<Live<Served>>),
        readiness: Arc<Readiness>,
    ) -> Self {
        Self {
            registry,
            keys,
            credentials,
            live,
            readiness,
        }
    }

    /// Takes in what others have changed: when it returns, the next request knows.
    ///
    /// # Errors
    ///
    /// Returns why that cannot be known, in words.
    pub async fn follow(&self) -> Result<(), String> {
        let followed = self.registry.follow().await.map_err(|reason| chain(&reason));
        let is_news = self.readiness.set_registry(followed.clone().err());
        match &followed {
            Err(reason) if is_news => warn!(reason, "registry cannot be followed, what is known is served"),
            Ok(()) if is_news => info!("registry is followed again"),
            Ok(()) | Err(_) => {}
        }
        followed?;
        let keys = Arc::clone(&self.keys);
        let reloaded = spawn_blocking(move || keys.reload()).await;
        match reloaded {
            Ok(reloaded) => reloaded.map_err(|reason| chain(&reason)),
            Err(reason) => Err(reason.to_string()),
        }
    }

    /// Makes a new signing key, which signs when everybody has seen it; returns its name. It blocks.
    ///
    /// # Errors
    ///
    /// Returns the file that cannot be written.
    pub fn rotate(&self) -> Result<String, KeysError> {
        let kid = self.keys.rotate(now())?;
        info!(kid, "signing key made");
        Ok(kid)
    }

    /// Goes on until shutdown.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) {
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => {}
            () = self.follow_always() => {}
            () = self.sweep_always() => {}
            () = self.refresh_always() => {}
        }
    }

    async fn refresh_always(&self) {
        let mut every = interval(REFRESH);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let served = self.live.current();
            self.credentials
                .refresh(served.snapshot.key_managers().iter(), now())
                .await;
        }
    }

    async fn follow_always(&self) {
        let neighbours = self.credentials.neighbours();
        loop {
            // What keeps it from being followed was told.
            if self.follow().await.is_ok() {
                neighbours.arrived();
            }
            // Whoever goes on for long, as WebSockets do, is to hear of what is taken back, whoever was told.
            let pause = if neighbours.is_leaving() {
                FOLLOW_CLOSELY
            } else {
                FOLLOW
            };
            // It may begin to leave meanwhile.
            let _ = timeout(pause, neighbours.left()).await;
        }
    }

    async fn sweep_always(&self) {
        let mut every = tokio::time::interval_at(Instant::now() + SWEEP, SWEEP);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if let Err(reason) = self.registry.sweep(now()).await {
                warn!(reason = chain(&reason), "what has expired could not be forgotten");
            }
            let keys = Arc::clone(&self.keys);
            match spawn_blocking(move || keys.tick(now())).await {
                Ok(Ok(())) => {}
                Ok(Err(reason)) => error!(reason = chain(&reason), "signing keys could not be rotated"),
                Err(reason) => error!(%reason, "rotating signing keys broke"),
            }
        }
    }
}

/// Says what broke, and what broke it.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(reason) = cause {
        text.push_str(&format!(": {reason}"));
        cause = reason.source();
    }
    text
}

/// The time between two looks at what others have changed.
const FOLLOW: Duration = Duration::from_secs(1);

/// The time between them while another process takes over.
const FOLLOW_CLOSELY: Duration = Duration::from_millis(100);

/// The time between two looks at how old the keys of other issuers are.
const REFRESH: Duration = Duration::from_secs(10);

/// The time between two looks at what has expired, and at how old the signing key is.
const SWEEP: Duration = Duration::from_secs(60);
