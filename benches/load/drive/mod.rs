//! The load generator: many callers, each with one request under way, on one thread.
//!
//! Two kinds of pass. In a closed one each caller calls again as soon as it is answered: what comes through then is the
//! throughput, and what it costs is told by the process that is called. In a paced one calls are due at fixed moments,
//! whoever is slow, and latency counts from the moment that the call was due: a server that stalls is not asked less
//! for it (coordinated omission).

mod caller;
mod pace;
mod secure;

use std::net::SocketAddr;
use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::Result;
use crate::client::get;
use caller::Caller;
use pace::{Schedule, Timer};

pub(crate) use caller::check;
pub(crate) use secure::Trust;

/// What is called, and what must come of each call.
#[derive(Clone)]
pub(crate) struct Calls {
    pub(crate) transport: Transport,
    pub(crate) requests: Requests,
    pub(crate) status: u16,
    /// The length of the body, where it is always the same.
    pub(crate) body: Option<usize>,
}

/// How calls travel.
#[derive(Clone)]
pub(crate) enum Transport {
    /// With so many streams on each connection.
    Http2 {
        path: String,
        streams: usize,
    },
    Plain,
    /// On a new connection for each call.
    PlainAnew,
    Tls(Trust),
    /// On a new connection for each call, which resumes nothing.
    TlsAnew(Trust),
    /// Binary messages on an upgraded connection, each of which must come back; the upgrade is a GET of this path.
    WebSocket(String),
}

/// What is sent, written beforehand.
#[derive(Clone)]
pub(crate) enum Requests {
    /// These in rotation, over all callers.
    Rotating(Arc<[Bytes]>),
    /// This one, with the sixteen bytes at this place different each time.
    Varied(Bytes, usize),
}

impl Calls {
    /// Calls of a path without a credential; each must be answered with this status.
    pub(crate) fn open(path: &str, status: u16) -> Self {
        Self::rotating(&[get(path, "")], status)
    }

    /// Calls with these requests in rotation; each must be answered with this status.
    pub(crate) fn rotating(requests: &[String], status: u16) -> Self {
        let requests: Vec<_> = requests.iter().map(|request| Bytes::from(request.clone())).collect();
        Self {
            transport: Transport::Plain,
            requests: Requests::Rotating(requests.into()),
            status,
            body: None,
        }
    }

    /// Calls with these tokens in rotation; each must be a 200.
    pub(crate) fn with(path: &str, tokens: &[String]) -> Self {
        let request = |token| get(path, &format!("Authorization: Bearer {token}\r\n"));
        Self::rotating(&tokens.iter().map(request).collect::<Vec<_>>(), 200)
    }

    /// Calls with a token whose signature is spoilt in another way each time; each must be a 401.
    pub(crate) fn spoilt(path: &str, token: &str) -> Self {
        // The signature ends the token; every hexadecimal digit is one of base64url.
        let field = "Authorization: Bearer ";
        let request = get(path, &format!("{field}{token}\r\n"));
        let place = request.find(field).unwrap_or_default() + field.len() + token.len() - 32;
        Self {
            requests: Requests::Varied(Bytes::from(request), place),
            ..Self::rotating(&[], 401)
        }
    }

    /// The same, which must be answered with a body of this length.
    pub(crate) fn of_length(self, body: usize) -> Self {
        let body = Some(body);
        Self { body, ..self }
    }

    /// The same, on another road.
    pub(crate) fn over(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }
}

/// When a pass ends: after so long, or after so many calls of each caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) time: Duration,
    pub(crate) calls: u64,
}

/// What came of a pass.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) answered: u64,
    pub(crate) errors: u64,
    /// What the first error was.
    pub(crate) first: Option<String>,
    pub(crate) took: Duration,
    /// In nanoseconds; of a paced pass.
    pub(crate) latency: Option<Histogram<u64>>,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.answered += other.answered;
        self.errors += other.errors;
        self.first = self.first.take().or(other.first);
        self.took = self.took.max(other.took);
        self.latency = match (self.latency.take(), other.latency) {
            (Some(mut one), Some(another)) => {
                // Both have the same precision and grow as they must.
                let _ = one.add(another);
                Some(one)
            }
            (one, another) => one.or(another),
        };
    }
}

/// Callers that are connected.
pub(crate) struct Callers(Vec<Caller>);

impl Callers {
    /// Connects so many.
    pub(crate) async fn connect(address: SocketAddr, calls: &Calls, count: usize) -> Result<Self> {
        // Of everyone who ever calls, no two make the same call number.
        static FIRST: AtomicUsize = AtomicUsize::new(0);
        let first = FIRST.fetch_add(1 << 32, Ordering::Relaxed);
        let mut callers: Vec<Caller> = Vec::with_capacity(count);
        for index in 0..count {
            let shared = callers.last().and_then(|last| last.share(index));
            callers.push(Caller::connect(address, calls, (first + index, count), shared).await?);
        }
        Ok(Self(callers))
    }

    /// Calls as fast as answers come.
    pub(crate) async fn closed(&mut self, limit: Limit) -> Result<Tally> {
        self.pass(limit, |_| Ok(None)).await
    }

    /// Calls so many times a second, evenly over all callers.
    pub(crate) async fn paced(&mut self, limit: Limit, rate: u64) -> Result<Tally> {
        let (begin, count) = (Instant::now() + Duration::from_millis(1), self.0.len());
        self.pass(limit, |index| {
            let schedule = Schedule::shared(begin, rate, (index, count));
            Ok(Some((schedule, Timer::new()?)))
        })
        .await
    }

    async fn pass(
        &mut self,
        limit: Limit,
        pace: impl Fn(usize) -> std::io::Result<Option<(Schedule, Timer)>>,
    ) -> Result<Tally> {
        let mut tasks = JoinSet::new();
        let begun = Instant::now();
        for (index, mut caller) in self.0.drain(..).enumerate() {
            let pace = pace(index)?;
            tasks.spawn(async move {
                let tally = match pace {
                    None => closed(&mut caller, limit, begun).await,
                    Some((schedule, timer)) => paced(&mut caller, limit, &schedule, &timer).await,
                };
                (caller, tally)
            });
        }
        let mut total = Tally::default();
        while let Some(done) = tasks.join_next().await {
            let (caller, tally) = done?;
            self.0.push(caller);
            total += tally;
        }
        total.took = begun.elapsed();
        Ok(total)
    }
}

async fn closed(caller: &mut Caller, limit: Limit, begun: Instant) -> Tally {
    let mut tally = Tally::default();
    while tally.answered + tally.errors < limit.calls && begun.elapsed() < limit.time {
        count(&mut tally, caller.call().await);
    }
    tally
}

async fn paced(caller: &mut Caller, limit: Limit, schedule: &Schedule, timer: &Timer) -> Tally {
    let mut tally = Tally::default();
    let mut latency = Histogram::new(3).ok();
    for turn in 0..limit.calls.min(schedule.within(limit.time)) {
        let waited = timer.until(schedule.due(turn)).await;
        let called = match waited {
            Ok(()) => caller.call().await,
            Err(e) => Err(e),
        };
        let took = schedule.since_due(turn, Instant::now());
        if called.is_ok()
            && let Some(latency) = &mut latency
        {
            // It grows as it must.
            let _ = latency.record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
        count(&mut tally, called);
    }
    tally.latency = latency;
    tally
}

fn count(tally: &mut Tally, called: std::io::Result<()>) {
    match called {
        Ok(()) => tally.answered += 1,
        Err(e) => {
            tally.errors += 1;
            tally.first.get_or_insert_with(|| e.to_string());
        }
    }
}
