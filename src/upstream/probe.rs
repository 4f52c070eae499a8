//! Questions asked of an endpoint in the background, and what follows from the answers.
//!
//! A probe goes the way that traffic goes: same addresses, same TLS profile, same protocol, but always over a new
//! connection. It only closes and opens an endpoint; it does not lift a suspension that traffic brought about.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Uri, Version, header};
use pingora_core::connectors::http::v2::Connector;
use pingora_core::protocols::http::client::HttpSession;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorType, OrErr};
use pingora_http::RequestHeader;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::model::backend::Probe;

use super::health::Findings;
use super::profile::unused;
use super::target::Target;
use super::{balance, clock};

/// What all probes share.
pub(super) struct Prober {
    pub(super) connector: OnceLock<Connector>,
    /// How many may be under way at once.
    pub(super) at_once: Semaphore,
}

/// Asks one endpoint again and again, and never ends by itself.
pub(super) async fn watch(target: Arc<Target>, prober: Arc<Prober>) {
    let Some(probe) = &target.name.health.probe else { return };
    let interval = probe.interval.max(SHORTEST);
    let mut findings = Findings::default();
    let mut turn = target.id;
    sleep(share(interval.min(FIRST_WITHIN), turn)).await;
    loop {
        if let Some(up) = prober.ask(&target, probe).await {
            let news = findings.note(up, probe).filter(|&up| target.condition.judged(up));
            let (host, port) = (&target.name.host, target.name.port);
            match news {
                Some(true) => info!(%host, port, "endpoint answers probes again"),
                Some(false) => warn!(%host, port, "endpoint closed after failed probes"),
                None => {}
            }
        }
        turn = turn.wrapping_add(1);
        // Nine tenths to eleven tenths of the interval, so that probes of many endpoints spread out.
        sleep(interval.mul_f64(0.9) + share(interval.mul_f64(0.2), turn)).await;
    }
}

impl Prober {
    /// Asks once; says nothing for an endpoint that has no address to ask at.
    async fn ask(&self, target: &Target, probe: &Probe) -> Option<bool> {
        let _turn = self.at_once.acquire().await.ok()?;
        let mut peer = target.next(clock::now(), None)?.peer();
        peer.group_key = unused(peer.group_key);
        peer.options.max_h2_streams = 1;
        let answer = timeout(probe.timeout, self.answer(&peer, &target.authority(), probe)).await;
        Some(matches!(answer, Ok(Ok(true))))
    }

    async fn answer(&self, peer: &HttpPeer, authority: &str, probe: &Probe) -> Result<bool, Box<Error>> {
        let mut session: HttpSession<()> = self.connector().new_http_session(peer).await?;
        let head = head(&session, peer, authority, probe)?;
        session.write_request_header(Box::new(head)).await?;
        session.finish_request_body().await?;
        loop {
            session.read_response_header().await?;
            let status = session.response_header().map(|head| head.status);
            if let Some(status) = status.filter(|status| !status.is_informational()) {
                return Ok(status.is_success() || status.is_redirection());
            }
        }
    }
}

fn head(
    session: &HttpSession<()>,
    peer: &HttpPeer,
    authority: &str,
    probe: &Probe,
) -> Result<RequestHeader, Box<Error>> {
    let mut head = RequestHeader::build("GET", probe.path.as_bytes(), Some(3))?;
    head.insert_header(header::USER_AGENT, "tollgate-probe")?;
    if matches!(session, HttpSession::H2(_)) {
        let scheme = if peer.is_tls() { "https" } else { "http" };
        let uri = Uri::builder()
            .scheme(scheme)
            .authority(authority)
            .path_and_query(&*probe.path)
            .build();
        head.set_uri(uri.or_err(ErrorType::InternalError, "making a probe")?);
        head.set_version(Version::HTTP_2);
    } else {
        head.insert_header(header::HOST, authority)?;
        head.insert_header(header::CONNECTION, "close")?;
    }
    Ok(head)
}

/// Returns some part of a period, a different one each turn.
fn share(period: Duration, turn: u64) -> Duration {
    let part = u32::try_from(balance::mix(turn) >> 32).unwrap_or_default();
    period.mul_f64(f64::from(part) / f64::from(u32::MAX))
}

const SHORTEST: Duration = Duration::from_millis(50);
const FIRST_WITHIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_a_period_differ_and_stay_within_it() {
        let period = Duration::from_secs(10);
        let shares: Vec<_> = (0..100).map(|turn| share(period, turn)).collect();
        assert!(shares.iter().all(|&share| share <= period));
        assert!(shares.iter().any(|&share| share < period / 4) && shares.iter().any(|&share| share > period / 2));
    }
}
