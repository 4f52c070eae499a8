//! The listening sockets: bound here, or taken over from the process before.
//!
//! They are bound before anything is spawned: Pingora 0.9.1 would try a taken port for half a minute and then panic in
//! a task of its own, leaving the process up without a listener.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::os::fd::IntoRawFd;
use std::sync::Arc;

use parking_lot::Mutex;
use pingora_core::server::{Fds, ListenFds};
use tokio::net::TcpSocket;

use super::BootError;

/// The listening sockets of a process, by address.
pub(super) struct Sockets {
    inherited: Option<Fds>,
    fds: Fds,
    kept: HashSet<String>,
}

impl Sockets {
    /// Starts with what another process handed over, if one did.
    pub(super) fn new(inherited: Option<Fds>) -> Self {
        Self {
            inherited,
            fds: Fds::new(),
            kept: HashSet::new(),
        }
    }

    /// Takes over or binds each address, and returns the addresses that are listened on.
    pub(super) fn listen(&mut self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, BootError> {
        addresses.iter().map(|&address| self.listen_on(address)).collect()
    }

    fn listen_on(&mut self, address: SocketAddr) -> Result<SocketAddr, BootError> {
        let name = address.to_string();
        if let Some(&fd) = self.inherited.as_ref().and_then(|inherited| inherited.get(&name)) {
            self.kept.insert(name.clone());
            self.fds.add(name, fd);
            return Ok(address);
        }
        let listener = bind(address).map_err(|source| BootError::Bind { address, source })?;
        let bound = listener
            .local_addr()
            .map_err(|source| BootError::Bind { address, source })?;
        self.fds.add(bound.to_string(), listener.into_raw_fd());
        Ok(bound)
    }

    /// Returns the table that Pingora listens from, and closes what was handed over and is not listened on any more.
    pub(super) fn into_table(self) -> ListenFds {
        if let Some(mut inherited) = self.inherited {
            for address in inherited.close_unclaimed(&self.kept) {
                tracing::info!(
                    address,
                    "a listening socket was handed over that no setting names; it is closed"
                );
            }
        }
        Arc::new(Mutex::new(self.fds))
    }
}

fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Connections that may wait to be accepted; the kernel caps it.
const BACKLOG: u32 = 4096;
