//! The gateway as an application of Pingora, with what the settings say of it.

use std::sync::Arc;
use std::time::Duration;

use pingora_core::apps::HttpServerOptions;
use pingora_core::protocols::http::v2::server::default_h2_options;
use pingora_core::server::configuration::ServerConf;
use pingora_proxy::{HttpProxy, http_proxy};
use pingora_timeout::fast_timeout::set_fast_timeout_to_tokio_threshold;

use crate::gateway::Gateway;
use crate::settings::Settings;

/// Makes the application that serves traffic.
pub(super) fn proxy(gateway: Gateway, settings: &Settings) -> HttpProxy<Gateway> {
    // Most timers are for nothing, and the runtime's cost a request less than Pingora's own, which take a thread that
    // wakes a hundred times a second, too (0.9.1).
    set_fast_timeout_to_tokio_threshold(Some(Duration::ZERO));
    let conf = ServerConf {
        threads: settings.gateway.threads,
        upstream_keepalive_pool_size: settings.upstream.idle_connections,
        max_retries: 2,
        ..ServerConf::default()
    };
    let mut proxy = http_proxy(&Arc::new(conf), gateway);
    let mut options = HttpServerOptions::default();
    options.h2c = true;
    // Pingora counts the reuses, not the requests (0.9.1).
    options.keepalive_request_limit = Some(settings.limits.requests_per_connection.saturating_sub(1));
    options.h2_idle_timeout = Some(settings.timeouts.idle);
    proxy.server_options = Some(options);
    let mut http2 = default_h2_options();
    http2.max_concurrent_streams(settings.limits.http2_streams);
    // A list that is too long for us is refused with 431 by the stages; this bound only keeps memory in check.
    http2.max_header_list_size(u32::try_from(settings.limits.header_bytes * 2).unwrap_or(u32::MAX));
    proxy.h2_options = Some(http2);
    proxy
}
