//! A WebSocket, after it was admitted like any other request: its endpoint, its head, its tunnel.

use std::pin::pin;
use std::time::Duration;

use pingora_error::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::{ProxyHttp as _, Session};

use super::asking::{next_peer, rewritten};
use super::seen::head;
use super::{Gateway, charging};
use crate::exchange::Exchange;
use crate::head::Kept;
use crate::tunnel::{self, Tunnel, TunnelError};
use crate::{credential, rewrite};

impl Gateway {
    /// Carries a WebSocket to its end; where no connection came about, another endpoint is tried.
    pub(super) async fn carry(&self, session: &mut Session, exchange: &mut Box<Exchange>) -> Result<()> {
        while self.tunnel(session, exchange).await? == Next::Retry {}
        Ok(())
    }

    async fn tunnel(&self, session: &mut Session, exchange: &mut Box<Exchange>) -> Result<Next> {
        let peer = next_peer(session, exchange)?;
        let mut request = session.req_header().clone();
        rewritten(&mut request, session.req_header().version, exchange)?;
        tunnel::ask(&mut request)?;
        let opening = Kept::from(head(session, exchange, &[]));
        let idle = peer.options.read_timeout.unwrap_or(self.timeouts.read);
        let mut attempts = std::mem::take(&mut exchange.attempts);
        let mut respond = |response: &mut ResponseHeader| {
            attempts.answered(response);
            // Every field made here is a valid one; a response without them is still the backend's.
            let _ = rewrite::response(response, exchange);
        };
        let charge = |bytes| charging::may_pass(&self.counts, exchange, bytes);
        let options = tunnel::Options {
            idle,
            life: life(exchange),
            charge: &charge,
        };
        let ended = {
            let tunnel = Tunnel {
                connector: self.pool.transport(),
                peer: &peer,
                request,
                respond: &mut respond,
                options,
                shutdown: self.shutdown.clone(),
                withdrawn: pin!(self.withdrawn(&opening, exchange)),
            };
            tunnel.run(session).await
        };
        exchange.attempts = attempts;
        match ended {
            Ok(ended) => {
                exchange.tunnelled = Some(ended);
                ended.error().map_or(Ok(Next::Done), Err)
            }
            Err(TunnelError::Connect(e)) => {
                let e = self.fail_to_connect(session, &peer, exchange, e);
                if e.retry() { Ok(Next::Retry) } else { Err(e) }
            }
            Err(TunnelError::Backend(e)) => Err(self.error_while_proxy(&peer, session, e, exchange, false)),
            Err(e) => Err(e.into()),
        }
    }
}

/// Returns how long a tunnel may last: to the end of the credential that opened it.
fn life(exchange: &Exchange) -> Option<Duration> {
    let ends = exchange.permit()?.caller()?.expires?;
    let now = credential::at(exchange.at);
    Some(Duration::from_secs(ends.0.saturating_sub(now.0)))
}

/// What follows a tunnel that was tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    Done,
    Retry,
}
