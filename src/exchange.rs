//! One request and its response, while we hold them: what Pingora calls the context.
//!
//! How far it got has one answer, in [`Verdict`]. Sizes and the written status are kept by Pingora's session.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::{NoContext, Timestamp, Uuid};

use crate::cache::cached::Cached;
use crate::credential::Flaw;
use crate::credential::caller::Caller;
use crate::denial::Denial;
use crate::forwarding::Origin;
use crate::head::{Scheme, ShownCertificate};
use crate::model::place::Place;
use crate::quota_fields::Fields;
use crate::served::Served;
use crate::snapshot::{CachePolicy, Route, Version, VersionId};
use crate::stages::{Ground, Permit, Refusal, Spent, Standings};
use crate::telemetry::InFlight;
use crate::telemetry::meter::Meter;
use crate::tunnel::Ended;
use crate::upstream::{Attempts, Backend};

/// One request and its response.
#[derive(Debug)]
pub struct Exchange {
    /// What callers, backends and logs know it by.
    pub id: HeaderValue,
    /// When its header had been read.
    pub arrived: Instant,
    /// The same by the clock on the wall.
    pub at: SystemTime,
    /// What serves it from its first to its last moment, whatever is published meanwhile.
    pub served: Arc<Served>,
    /// Where it came from.
    pub origin: Origin,
    /// The certificate that a trusted proxy vouches for.
    pub vouched: Option<Box<ShownCertificate>>,
    /// How far it got.
    pub verdict: Verdict,
    /// What it has taken of its quotas.
    pub spent: Spent,
    /// What the backend is told of the caller, where it asked for that.
    pub assertion: Option<HeaderValue>,
    /// Which endpoints were tried.
    pub attempts: Attempts,
    /// Bytes of the request body seen so far.
    pub body: u64,
    /// When the first endpoint was chosen.
    pub called: Option<Instant>,
    /// When an endpoint's answer began.
    pub answered: Option<Instant>,
    /// What went through the tunnel, where there was one.
    pub tunnelled: Option<Ended>,
    /// Counts it as under way.
    pub in_flight: Option<InFlight>,
    /// What a failure after the permit was answered with.
    pub failure: Option<Denial>,
    /// What the cache does with it, where anything is kept of its resource.
    pub cached: Option<Box<Cached>>,
}

/// How far an exchange got.
#[derive(Debug)]
pub enum Verdict {
    /// Not decided.
    Pending,
    /// Answered by the gateway itself for this version, as `OPTIONS` is.
    Answered(VersionId),
    /// Answered by the gateway itself, for no version: it was for the gateway.
    Own,
    /// Refused.
    Refused(Refusal),
    /// Permitted.
    Permitted(Permit),
}

impl Exchange {
    /// Begins with what is served now.
    pub fn begin(served: Arc<Served>) -> Self {
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self {
            id: HeaderValue::from_static(""),
            arrived: Instant::now(),
            at: SystemTime::now(),
            served,
            origin: Origin {
                peer: nowhere,
                client: nowhere,
                scheme: Scheme::Http,
                is_trusted: false,
            },
            vouched: None,
            verdict: Verdict::Pending,
            spent: Spent::default(),
            assertion: None,
            attempts: Attempts::default(),
            body: 0,
            called: None,
            answered: None,
            tunnelled: None,
            in_flight: None,
            failure: None,
            cached: None,
        }
    }

    /// Takes the caller's `X-Request-Id` where it is harmless, or makes one.
    pub fn identify(&mut self, headers: &HeaderMap) {
        self.id = request_id(headers, self.at);
    }

    /// Returns the request id as text.
    pub fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    /// Returns the permit, where there is one.
    pub fn permit(&self) -> Option<&Permit> {
        match &self.verdict {
            Verdict::Permitted(permit) => Some(permit),
            Verdict::Pending | Verdict::Own | Verdict::Answered(_) | Verdict::Refused(_) => None,
        }
    }

    /// Returns the version that was called, where the request got so far.
    pub fn version(&self) -> Option<&Version> {
        self.version_id().map(|id| self.served.snapshot.version(id))
    }

    /// Returns the resource that was asked for, where the request got so far.
    pub fn route(&self) -> Option<&Route> {
        let route = match &self.verdict {
            Verdict::Answered(_) | Verdict::Own | Verdict::Pending => None,
            Verdict::Permitted(permit) => Some(permit.route()),
            Verdict::Refused(refusal) => refusal.route,
        };
        route.map(|id| self.served.snapshot.route(id))
    }

    /// Returns what is kept of the resource's responses, where the request was permitted.
    pub fn cache_policy(&self) -> Option<&CachePolicy> {
        let permit = self.permit()?;
        self.served.snapshot.route(permit.route()).cache.as_deref()
    }

    /// Returns where the permitted version's traffic goes.
    pub fn backend(&self) -> Option<&Arc<Backend>> {
        let permit = self.permit()?;
        self.served.backend(permit.version(), permit.environment())
    }

    /// Returns what counts the requests of the version that was called.
    pub fn meter(&self) -> Option<&Meter> {
        self.served.meter(self.version_id()?)
    }

    fn version_id(&self) -> Option<VersionId> {
        match &self.verdict {
            Verdict::Answered(version) => Some(*version),
            Verdict::Own | Verdict::Pending => None,
            Verdict::Permitted(permit) => Some(permit.version()),
            Verdict::Refused(refusal) => refusal.version,
        }
    }

    /// Returns how the quotas stand that it is held against, in their order; none where it is held against none.
    pub fn standings(&self) -> &Standings {
        let refused = match &self.verdict {
            Verdict::Refused(refusal) => refusal.standings(),
            Verdict::Answered(_) | Verdict::Own | Verdict::Pending | Verdict::Permitted(_) => None,
        };
        refused.unwrap_or(&self.spent.standings)
    }

    /// Returns the fields that tell the caller how its quotas stand.
    pub fn quota_fields(&self) -> Fields {
        let served = &self.served;
        let known = (served.snapshot.tiers(), &served.policies);
        let standings = self.standings();
        served.quota_fields.of((standings.policies(), &standings.found), known)
    }

    /// Returns where the rule that counts or denies was stated by which it was refused.
    pub fn rule(&self) -> Option<&Place> {
        let tiers = self.served.snapshot.tiers();
        match &self.verdict {
            Verdict::Refused(refusal) => match refusal.ground.as_ref()? {
                Ground::Denied(id) => Some(&tiers.deny_rule(*id).place),
                Ground::Throttled(throttled) => Some(&tiers.tier(tiers.policy(throttled.policy).tier).place),
            },
            Verdict::Answered(_) | Verdict::Own | Verdict::Pending | Verdict::Permitted(_) => None,
        }
    }

    /// Returns what was wrong with the credential of a caller who was refused for it.
    pub fn flaw(&self) -> Option<Flaw> {
        match &self.verdict {
            Verdict::Refused(refusal) => refusal.flaw,
            Verdict::Answered(_) | Verdict::Own | Verdict::Pending | Verdict::Permitted(_) => None,
        }
    }

    /// Returns who calls, where that is known, permitted or not.
    pub fn caller(&self) -> Option<&Arc<Caller>> {
        match &self.verdict {
            Verdict::Permitted(permit) => permit.caller(),
            Verdict::Refused(refusal) => refusal.caller.as_ref(),
            Verdict::Answered(_) | Verdict::Own | Verdict::Pending => None,
        }
    }

    /// Returns what the caller was refused with, before or after the permit.
    pub fn denial(&self) -> Option<Denial> {
        match &self.verdict {
            Verdict::Refused(refusal) => Some(refusal.denial),
            Verdict::Pending | Verdict::Own | Verdict::Answered(_) | Verdict::Permitted(_) => self.failure,
        }
    }
}

/// The field that carries the request id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Returns the caller's request id where it is harmless, or makes one.
pub fn request_id(headers: &HeaderMap, at: SystemTime) -> HeaderValue {
    let stated = headers.get(REQUEST_ID).filter(|value| is_harmless(value.as_bytes()));
    stated.cloned().unwrap_or_else(|| made_id(at))
}

/// Tells whether a stated id can go into logs and bodies as it is.
fn is_harmless(id: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte);
    (1..=128).contains(&id.len()) && id.iter().all(allowed)
}

/// Makes an id that sorts by time, to the millisecond; the rest of it is random.
fn made_id(at: SystemTime) -> HeaderValue {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let at = Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos());
    let mut buffer = Uuid::encode_buffer();
    let text: &str = Uuid::new_v7(at).hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}
