//! The yardstick: the thinnest proxy that Pingora makes, forwarding to one peer, tuned as the gateway is.
//!
//! It has what costs the gateway nothing to have: its allocator, as many threads, a buffer of 4 KiB for what each connection
//! is sent, the runtime's timers, a pool of 256 idle connections to the peer, HTTP/2 with prior knowledge.
//! It does not do what a gateway is for: it adds no field, logs and counts nothing, bounds nothing, and waits for ever.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::apps::HttpServerOptions;
use pingora_core::listeners::tls::TlsSettings;
use pingora_core::listeners::{L4BufferSettings, ListenerConfig};
use pingora_core::server::configuration::ServerConf;
use pingora_core::services::Service as _;
use pingora_core::services::listening::Service;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_proxy::{ProxyHttp, Session, http_proxy};
use pingora_timeout::fast_timeout::set_fast_timeout_to_tokio_threshold;
use tokio::signal::unix::{SignalKind, signal};

use crate::Outcome;
use crate::process::THREADS;

struct Bare(SocketAddr);

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut ()) -> pingora_error::Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.0, false, String::new())))
    }
}

/// Serves until the process is asked to end; over TLS where there are a certificate and a key.
pub(crate) fn serve(address: SocketAddr, upstream: SocketAddr, files: Option<(&str, &str)>) -> Outcome {
    set_fast_timeout_to_tokio_threshold(Some(Duration::ZERO));
    let conf = Arc::new(ServerConf {
        threads: THREADS,
        upstream_keepalive_pool_size: 256,
        ..ServerConf::default()
    });
    let mut proxy = http_proxy(&conf, Bare(upstream));
    let mut options = HttpServerOptions::default();
    options.h2c = true;
    proxy.server_options = Some(options);
    let mut listener = ListenerConfig::tcp(address.to_string()).l4_buffer(L4BufferSettings::new(0, 4 << 10));
    if let Some((certificate, key)) = files {
        listener = listener.tls(TlsSettings::intermediate(certificate, key)?);
    }
    let mut service = Service::new("bare".to_owned(), proxy);
    service.add_listener(listener);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    let (_stop, shutdown) = tokio::sync::watch::channel(false);
    runtime.block_on(async {
        let mut asked_to_end = signal(SignalKind::terminate())?;
        tokio::select! {
            () = service.start_service(None, shutdown, 1) => {}
            _ = asked_to_end.recv() => {}
        }
        Ok(())
    })
}
