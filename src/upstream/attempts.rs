//! One request's way to an endpoint: what was tried, how long is left, whether to try again.
//!
//! It lives in the request's state, and with it the call that is under way. There is at most one retry, and only where
//! the endpoint cannot have acted on the request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pingora_core::protocols::Stream;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorType, RetryType};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::backend::{Backend, Call, Endpoint, is_stream};
use super::clock;
use super::failure::{Failure, LATE, NoEndpoint, classify};
use super::held::{Held, Outcome, Place, Waits};
use super::profile::unused;

/// One request's way to an endpoint.
#[derive(Debug, Default)]
pub struct Attempts {
    tries: u8,
    deadline: Option<Instant>,
    /// Whether the request declares a body that goes on for as long as it likes.
    streams: bool,
    held: Option<Held>,
    again: Option<Again>,
}

/// Where the retry goes.
#[derive(Clone, Copy, Debug)]
struct Again {
    slot: usize,
    place: Place,
    /// Over a connection that nobody has used, because a used one has just died.
    unused: bool,
}

impl Attempts {
    /// Chooses an endpoint; called again for a retry.
    ///
    /// # Errors
    ///
    /// No endpoint is fit to be tried.
    pub fn choose(&mut self, backend: &Arc<Backend>, call: Call<'_>) -> Result<(), NoEndpoint> {
        let again = self.again.take();
        // The try before is over; its endpoint must not count it against itself.
        self.held = None;
        let moment = Instant::now();
        let now = clock::at(moment);
        let (slot, on_trial, avoid) = match again {
            Some(Again {
                slot,
                place: Place::Same(address),
                ..
            }) => (slot, false, Some(address)),
            Some(Again {
                slot,
                place: Place::Other,
                ..
            }) => with(backend, backend.choose(now, &call, Some(slot)))?,
            None => with(backend, backend.choose(now, &call, None))?,
        };
        let target = &backend.slots.get(slot).ok_or_else(|| backend.unfit())?.target;
        let Some(address) = target.next(now, avoid) else {
            if on_trial {
                target.condition.give_back(now);
            }
            return Err(backend.unfit());
        };
        target.begin();
        self.tries = self.tries.saturating_add(1);
        self.streams = is_stream(call.headers);
        let streams = self.streams || call.asks_for_stream();
        self.held = Some(Held {
            backend: Arc::clone(backend),
            slot,
            address,
            waits: self.waits(backend, moment, streams),
            unused: again.is_some_and(|again| again.unused),
            on_trial,
            outcome: Outcome::Open,
        });
        Ok(())
    }

    /// Returns how to connect to the endpoint that was chosen.
    pub fn peer(&self) -> Option<Box<HttpPeer>> {
        let held = self.held.as_ref()?;
        let mut peer = held.address.peer();
        peer.options.connection_timeout = Some(held.waits.connect);
        peer.options.total_connection_timeout = Some(held.waits.connect);
        peer.options.read_timeout = Some(held.waits.silence);
        peer.options.write_timeout = Some(held.waits.silence);
        if held.unused {
            peer.group_key = unused(peer.group_key);
            peer.options.idle_timeout = Some(Duration::ZERO);
        }
        Some(peer)
    }

    /// Takes a connection of HTTP/1 to the endpoint that was chosen, if one waits that may be used.
    pub fn take_idle(&self) -> Option<Stream> {
        let held = self.held.as_ref().filter(|held| !held.unused)?;
        held.address.idle.take(clock::now())
    }

    /// Puts the connection away for the next request.
    pub fn keep_idle(&self, stream: Stream) {
        if let Some(held) = &self.held {
            held.address.idle.keep(clock::now(), stream);
        }
    }

    /// Returns how long the endpoint that was chosen may stand still.
    pub fn silence(&self) -> Option<Duration> {
        self.held.as_ref().map(|held| held.waits.silence)
    }

    fn waits(&mut self, backend: &Backend, now: Instant, streams: bool) -> Waits {
        let timeouts = backend.timeouts();
        let deadline = *self.deadline.get_or_insert_with(|| now + timeouts.total);
        // Zero would mean "at once" to some and "never" to others.
        let left = deadline.saturating_duration_since(now).max(Duration::from_millis(1));
        Waits {
            connect: timeouts.connect.min(left),
            silence: if streams {
                timeouts.read
            } else {
                timeouts.read.min(left)
            },
        }
    }

    /// Notes that no connection came about, and marks the error for a retry where there is somewhere else to go.
    /// Nothing was sent, so any method may be tried again.
    pub fn connect_failed(&mut self, mut error: Box<Error>) -> Box<Error> {
        self.again = None;
        if let (Some(failure), Some(held)) = (classify(&error), &mut self.held) {
            let now = clock::now();
            // A used HTTP/2 connection may turn out dead only when a stream is opened on it.
            let stale = failure == Failure::Broken && self.tries < MOST_TRIES;
            if !stale {
                held.say(now, &error);
            }
            match failure {
                Failure::Broken if stale => {}
                Failure::Broken => held.fail(|target, _| target.failed(now)),
                Failure::NoEndpoint
                | Failure::Unresolved
                | Failure::ConnectFailed
                | Failure::ConnectTimedOut
                | Failure::TimedOut => {
                    held.fail(|target, address| target.unreachable(now, address));
                }
            }
            let elsewhere = held.elsewhere(now);
            let place = elsewhere.or_else(|| stale.then_some(Place::Same(held.address.socket)));
            self.again = place.map(|place| Again {
                slot: held.slot,
                place,
                unused: stale,
            });
        }
        self.decide(&mut error);
        error
    }

    /// Notes that a connection broke after it was used, and marks the error for a retry under Pingora's own rules:
    /// the method is idempotent, the body can be sent again, and the caller has seen nothing yet.
    pub fn broke(&mut self, session: &Session, mut error: Box<Error>, reused: bool) -> Box<Error> {
        self.again = None;
        let stale = reused && error.retry == RetryType::ReusedOnly;
        error.retry.decide_reuse(reused);
        if let (Some(_), Some(held)) = (classify(&error), &mut self.held) {
            let now = clock::now();
            // An idle connection that the endpoint closed in the same moment tells nothing against it, nor does a call
            // that is late while its answer flows: the caller may be the slow one.
            if !stale && error.etype != LATE {
                held.say(now, &error);
                held.fail(|target, _| target.failed(now));
            }
            if error.retry() && is_repeatable(session) {
                let place = held.elsewhere(now).unwrap_or(Place::Same(held.address.socket));
                self.again = Some(Again {
                    slot: held.slot,
                    place,
                    unused: true,
                });
            }
        }
        self.decide(&mut error);
        error
    }

    fn decide(&mut self, error: &mut Error) {
        let late = self.check_deadline().is_err();
        if late || self.tries >= MOST_TRIES {
            self.again = None;
        }
        error.set_retry(self.again.is_some());
    }

    /// Notes the head of the answer. One that declares itself a stream may go on for as long as it likes.
    pub fn answered(&mut self, head: &ResponseHeader) {
        let interim = head.status.is_informational() && head.status != http::StatusCode::SWITCHING_PROTOCOLS;
        let Some(held) = self.held.as_mut().filter(|_| !interim) else {
            return;
        };
        if held.outcome == Outcome::Open {
            held.outcome = Outcome::Answered;
            // The rest are told at the end, when it is known whether the whole answer came.
            if let Some(slot) = held.slot().filter(|_| held.on_trial) {
                slot.target.answered();
            }
        }
        if is_stream(&head.headers) || head.status == http::StatusCode::SWITCHING_PROTOCOLS {
            self.deadline = None;
        }
    }

    /// Fails when the call as a whole has taken too long; for the filters that see each piece of the answer.
    ///
    /// # Errors
    ///
    /// A timeout of the upstream's.
    pub fn check_deadline(&self) -> Result<(), Box<Error>> {
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(Error::explain(LATE, "the call as a whole took too long").into_up());
        }
        Ok(())
    }

    /// Fails when the caller has taken too long over its body; for the filter that sees each piece of it.
    ///
    /// # Errors
    ///
    /// A read timeout of the caller's.
    pub fn check_body(&self) -> Result<(), Box<Error>> {
        if self.streams || self.check_deadline().is_ok() {
            return Ok(());
        }
        Err(Error::explain(ErrorType::ReadTimedout, "the body took too long").into_down())
    }

    /// Returns the endpoint of the present try, or of the last one.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.held.as_ref().and_then(Held::slot).map(|slot| &slot.endpoint)
    }

    /// Returns the address of the present try, or of the last one.
    pub fn address(&self) -> Option<SocketAddr> {
        self.held.as_ref().map(|held| held.address.socket)
    }

    /// Returns how often an endpoint was tried.
    pub fn tries(&self) -> u8 {
        self.tries
    }
}

fn with(backend: &Backend, chosen: Option<(usize, bool)>) -> Result<(usize, bool, Option<SocketAddr>), NoEndpoint> {
    chosen
        .map(|(slot, on_trial)| (slot, on_trial, None))
        .ok_or_else(|| backend.unfit())
}

fn is_repeatable(session: &Session) -> bool {
    session.req_header().method.is_idempotent()
        && !session.as_downstream().retry_buffer_truncated()
        && session.response_written().is_none()
}

const MOST_TRIES: u8 = 2;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use http::HeaderMap;
    use pingora_core::upstreams::peer::Peer;
    use tokio::io::AsyncWriteExt;

    use super::super::health::Standing;
    use super::super::registry::Registry;
    use super::super::registry::tests::{draft, name, spec};
    use super::*;
    use crate::model::backend as model;

    fn backend(spec: model::Backend) -> Arc<Backend> {
        draft(&Registry::default(), &[(name("t", "1"), spec)]).remove(0)
    }

    fn next(attempts: &mut Attempts, backend: &Arc<Backend>) -> Result<Box<HttpPeer>, NoEndpoint> {
        let call = Call {
            client: IpAddr::from([127, 0, 0, 1]),
            headers: &HeaderMap::new(),
        };
        attempts.choose(backend, call)?;
        Ok(attempts.peer().unwrap())
    }

    fn refused() -> Box<Error> {
        Error::new_up(ErrorType::ConnectRefused)
    }

    fn closed() -> Box<Error> {
        let mut error = Error::new_up(ErrorType::ConnectionClosed);
        error.retry = RetryType::ReusedOnly;
        error
    }

    async fn session(request: &str) -> Session {
        let (mut client, server) = tokio::io::duplex(4096);
        client.write_all(request.as_bytes()).await.unwrap();
        let mut session = Session::new_h1(Box::new(server));
        assert!(session.read_request().await.unwrap());
        session
    }

    fn loads(backend: &Backend) -> Vec<usize> {
        backend.slots.iter().map(|slot| slot.target.load()).collect()
    }

    #[test]
    fn a_refused_connection_is_retried_once_on_another_endpoint() {
        let backend = backend(spec(&[
            "http://127.0.0.1:1",
            "http://127.0.0.1:2",
            "http://127.0.0.1:3",
        ]));
        let mut attempts = Attempts::default();
        let first = next(&mut attempts, &backend).unwrap();
        assert!(attempts.connect_failed(refused()).retry());
        let second = next(&mut attempts, &backend).unwrap();
        assert_ne!(first.address(), second.address());
        assert!(!attempts.connect_failed(refused()).retry());
        assert_eq!(attempts.tries(), 2);
        assert_eq!(loads(&backend).iter().sum::<usize>(), 1);
        drop(attempts);
        assert_eq!(loads(&backend), [0, 0, 0]);
    }

    #[test]
    fn the_only_endpoint_is_not_tried_twice() {
        let backend = backend(spec(&["http://127.0.0.1:1"]));
        let mut attempts = Attempts::default();
        next(&mut attempts, &backend).unwrap();
        assert!(!attempts.connect_failed(refused()).retry());
    }

    #[test]
    fn another_address_of_the_same_name_is_another_place_to_try() {
        let backend = backend(spec(&["http://origin.test:80"]));
        let mut attempts = Attempts::default();
        assert_eq!(next(&mut attempts, &backend).unwrap_err(), NoEndpoint::Unresolved);
        backend.slots[0]
            .target
            .learn(&["192.0.2.1:80".parse().unwrap(), "192.0.2.2:80".parse().unwrap()]);
        next(&mut attempts, &backend).unwrap();
        let first = attempts.address().unwrap();
        assert!(attempts.connect_failed(refused()).retry());
        next(&mut attempts, &backend).unwrap();
        assert_ne!(attempts.address().unwrap(), first);
    }

    #[test]
    fn failures_in_a_row_close_the_only_endpoint_and_one_answer_opens_it() {
        let mut spec = spec(&["http://127.0.0.1:1"]);
        spec.health.suspend = Duration::ZERO;
        let backend = backend(spec);
        for _ in 0..2 {
            let mut attempts = Attempts::default();
            next(&mut attempts, &backend).unwrap();
            attempts.connect_failed(refused());
        }
        let target = &backend.slots[0].target;
        assert_eq!(target.standing(clock::now()), Standing::OnTrial);
        let mut attempts = Attempts::default();
        next(&mut attempts, &backend).unwrap();
        attempts.answered(&ResponseHeader::build(503, None).unwrap());
        assert_eq!(target.standing(clock::now()), Standing::Open);
    }

    #[test]
    fn a_suspended_endpoint_is_not_tried_and_an_abandoned_trial_is_given_back() {
        let backend = backend(spec(&["http://127.0.0.1:1"]));
        let target = Arc::clone(&backend.slots[0].target);
        target.failed(clock::now());
        target.failed(clock::now());
        assert_eq!(
            next(&mut Attempts::default(), &backend).unwrap_err(),
            NoEndpoint::SetAside
        );
        target.condition.give_back(clock::now());
        let mut on_trial = Attempts::default();
        next(&mut on_trial, &backend).unwrap();
        assert_eq!(
            next(&mut Attempts::default(), &backend).unwrap_err(),
            NoEndpoint::SetAside
        );
        drop(on_trial);
        assert!(next(&mut Attempts::default(), &backend).is_ok());
    }

    #[tokio::test]
    async fn a_used_connection_that_died_is_replaced_by_an_unused_one_to_the_same_endpoint() {
        let backend = backend(spec(&["http://127.0.0.1:1"]));
        let session = session("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut attempts = Attempts::default();
        let first = next(&mut attempts, &backend).unwrap();
        assert!(attempts.broke(&session, closed(), true).retry());
        let second = next(&mut attempts, &backend).unwrap();
        assert_ne!(first.reuse_hash(), second.reuse_hash());
        assert_eq!(second.idle_timeout(), Some(Duration::ZERO));
        assert!(!attempts.broke(&session, closed(), true).retry());
    }

    #[tokio::test]
    async fn nothing_that_may_have_had_an_effect_is_sent_again() {
        let backend = backend(spec(&["http://127.0.0.1:1", "http://127.0.0.1:2"]));
        let get = session("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let post = session("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
        let cases = [(&get, true, true), (&get, false, false), (&post, true, false)];
        for (session, reused, retried) in cases {
            let mut attempts = Attempts::default();
            next(&mut attempts, &backend).unwrap();
            assert_eq!(attempts.broke(session, closed(), reused).retry(), retried);
        }
        let mut attempts = Attempts::default();
        next(&mut attempts, &backend).unwrap();
        assert!(
            !attempts
                .broke(&get, Error::new_up(ErrorType::ReadTimedout), true)
                .retry()
        );
    }

    #[tokio::test]
    async fn what_the_caller_breaks_is_not_held_against_the_endpoint() {
        let mut spec = spec(&["http://127.0.0.1:1"]);
        spec.health.max_failures = 1;
        let backend = backend(spec);
        let session = session("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut attempts = Attempts::default();
        next(&mut attempts, &backend).unwrap();
        assert!(
            !attempts
                .broke(&session, Error::new_down(ErrorType::ConnectionClosed), false)
                .retry()
        );
        drop(attempts);
        assert!(next(&mut Attempts::default(), &backend).is_ok());
    }

    #[test]
    fn the_whole_call_has_a_deadline_unless_the_answer_is_a_stream() {
        let mut spec = spec(&["http://127.0.0.1:1"]);
        spec.timeouts.total = Duration::ZERO;
        let backend = backend(spec);
        let mut attempts = Attempts::default();
        let peer = next(&mut attempts, &backend).unwrap();
        assert_eq!(peer.options.read_timeout, Some(Duration::from_millis(1)));
        assert_eq!(
            classify(&attempts.check_deadline().unwrap_err()),
            Some(Failure::TimedOut)
        );
        let mut head = ResponseHeader::build(200, None).unwrap();
        head.insert_header("content-type", "text/event-stream").unwrap();
        attempts.answered(&head);
        assert!(attempts.check_deadline().is_ok());
    }

    #[test]
    fn a_caller_who_asks_for_events_is_bounded_by_silence_alone() {
        let mut spec = spec(&["http://127.0.0.1:1"]);
        spec.timeouts.total = Duration::from_secs(1);
        let backend = backend(spec);
        let headers = HeaderMap::from_iter([(http::header::ACCEPT, "text/event-stream".parse().unwrap())]);
        let call = Call {
            client: IpAddr::from([127, 0, 0, 1]),
            headers: &headers,
        };
        let mut attempts = Attempts::default();
        attempts.choose(&backend, call).unwrap();
        let peer = attempts.peer().unwrap();
        assert_eq!(peer.options.read_timeout, Some(Duration::from_secs(5)));
    }

    #[test]
    fn the_least_loaded_endpoint_is_the_one_with_the_fewest_calls_under_way() {
        let mut spec = spec(&["http://127.0.0.1:1", "http://127.0.0.1:2"]);
        spec.balance = model::Balance::LeastConnections;
        let backend = backend(spec);
        let mut held: Vec<Attempts> = (0..6).map(|_| Attempts::default()).collect();
        for attempts in &mut held {
            next(attempts, &backend).unwrap();
        }
        assert_eq!(loads(&backend), [3, 3]);
    }
}
