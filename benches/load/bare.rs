//! The yardstick: the thinnest proxy that Pingora makes, forwarding to one peer.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use pingora_core::server::configuration::ServerConf;
use pingora_core::services::Service;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::Result;
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};

use crate::Outcome;

struct Bare(SocketAddr);

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.0, false, String::new())))
    }
}

/// Serves until the process is ended, on as many threads as the gateway.
pub(crate) fn serve(address: SocketAddr, upstream: SocketAddr) -> Outcome {
    let conf = Arc::new(ServerConf {
        threads: crate::process::THREADS,
        ..ServerConf::default()
    });
    let mut service = http_proxy_service(&conf, Bare(upstream));
    service.add_tcp(&address.to_string());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(crate::process::THREADS)
        .enable_all()
        .build()?;
    let (_stop, shutdown) = tokio::sync::watch::channel(false);
    runtime.block_on(service.start_service(None, shutdown, 1));
    Ok(())
}
