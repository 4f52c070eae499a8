//! The listeners of traffic: applications behind their doors, on sockets that are bound already.

use std::net::SocketAddr;
use std::sync::Arc;

use pingora_core::apps::ServerApp;
use pingora_core::listeners::{L4BufferSettings, ListenerConfig};
use pingora_core::server::ListenFds;
use pingora_core::services::Service as _;
use pingora_core::services::listening::Service;
use tokio::sync::watch;

use super::tasks::Tasks;
use crate::accept::connections::Connections;
use crate::accept::door::{Door, Handshakes, Patience};
use crate::credential::Credentials;
use crate::served::Served;
use crate::settings::{ClientCertificates, Settings};
use crate::snapshot::live::Live;

/// What every listener of traffic shares.
pub(super) struct Listeners {
    pub(super) tasks: Tasks,
    pub(super) sockets: ListenFds,
    pub(super) handshakes: Option<Handshakes>,
    pub(super) patience: Patience,
    pub(super) stopping: watch::Receiver<bool>,
}

impl Listeners {
    /// Serves over plain TCP.
    pub(super) fn plain<A>(
        &mut self,
        name: &'static str,
        addresses: &[SocketAddr],
        app: &Arc<A>,
        connections: &Arc<Connections>,
    ) where
        A: ServerApp + Send + Sync + 'static,
    {
        let door = Door::plain(Arc::clone(app), Arc::clone(connections), self.patience);
        self.spawn(name, addresses, &door);
    }

    /// Serves over TLS, where there are certificates.
    pub(super) fn tls<A>(
        &mut self,
        name: &'static str,
        addresses: &[SocketAddr],
        app: &Arc<A>,
        connections: &Arc<Connections>,
    ) where
        A: ServerApp + Send + Sync + 'static,
    {
        if let Some(handshakes) = self.handshakes.clone() {
            let door = Door::tls(Arc::clone(app), Arc::clone(connections), self.patience, handshakes);
            self.spawn(name, addresses, &door);
        }
    }

    fn spawn<A: ServerApp + Send + Sync + 'static>(
        &mut self,
        name: &'static str,
        addresses: &[SocketAddr],
        door: &Door<A>,
    ) {
        // A service for each address: Pingora's own ends only with the last of its listeners.
        for &address in addresses {
            let (sockets, stopping) = (Arc::clone(&self.sockets), self.stopping.clone());
            self.tasks
                .until_drain(name, listen(name, address, door.clone(), sockets, stopping));
        }
    }
}

/// Returns how long clients may take.
pub(super) fn patience(settings: &Settings) -> Patience {
    Patience {
        handshake: settings.timeouts.handshake,
        silence: settings.timeouts.idle,
        header: settings.timeouts.header,
    }
}

/// Serves an application on a socket that is bound already.
pub(super) fn listen<A: ServerApp + Send + Sync + 'static>(
    name: &str,
    address: SocketAddr,
    door: Door<A>,
    sockets: ListenFds,
    stopping: watch::Receiver<bool>,
) -> impl Future<Output = ()> + Send + 'static {
    let mut service = Service::new(name.to_owned(), door);
    // Whoever reads here, a session or TLS, has room of its own for 4 KiB and more, so a buffer would be passed by and cost
    // every idle client its size. Pingora's own for writing is less than most answers, whose heads and bodies would leave
    // one by one.
    let buffer = L4BufferSettings::new(0, WRITE_BUFFER);
    service.add_listener(ListenerConfig::tcp(address.to_string()).l4_buffer(buffer));
    async move { service.start_service(Some(sockets), stopping, 1).await }
}

const WRITE_BUFFER: usize = 4 * 1024;

/// Tells whether clients are asked for a certificate: where a version that is served takes one, or a client of the token
/// endpoint has registered one, so that browsers bother nobody for nothing. That somebody else's tokens are bound to
/// certificates cannot be seen beforehand; a setting says it.
pub(super) fn asks(
    settings: &Settings,
    live: &Arc<Live<Served>>,
    credentials: &Arc<Credentials>,
) -> Arc<dyn Fn() -> bool + Send + Sync> {
    match settings.gateway.client_certificates {
        ClientCertificates::Always => Arc::new(|| true),
        ClientCertificates::WhenNeeded => {
            let (live, credentials) = (Arc::clone(live), Arc::clone(credentials));
            Arc::new(move || live.current().snapshot.takes_certificates() || credentials.view().has_certified_clients())
        }
    }
}
