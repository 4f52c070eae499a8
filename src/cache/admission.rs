//! Whether a response is kept, and for how long (RFC 9111, 3 and 4.2; W 11). Values in, values out.

use std::time::{Duration, SystemTime};

use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE, TRAILER};
use http::{HeaderMap, StatusCode};

use super::directives::Directives;
use super::freshness::{self, Times};
use super::variance;
use crate::model::caching::{CacheMode, SetCookie};
use crate::snapshot::CachePolicy;

/// A response, and the request that brought it.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// What the catalog says of it.
    pub policy: &'a CachePolicy,
    /// The fields of the request.
    pub request: &'a HeaderMap,
    /// Whether the request's `Authorization` was for the gateway, and so went no further.
    pub is_consumed: bool,
    /// The status of the response.
    pub status: StatusCode,
    /// The fields of the response.
    pub headers: &'a HeaderMap,
    /// When it was asked for, and when it came.
    pub times: Times,
}

/// How a response is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Keeping {
    /// Until when it is fresh.
    pub fresh_until: SystemTime,
    /// When it was made, as far as ages count.
    pub made: SystemTime,
    /// How long it may be used while it is asked for again, in seconds.
    pub stale_while_revalidate: u32,
    /// How long it may be used where the origin fails, in seconds.
    pub stale_if_error: u32,
}

/// Why a response is not kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The request has credentials that the endpoint saw, and the response is not said to be for everybody.
    Authorization,
    /// The request has cookies that the endpoint saw, and the response is not said to be for everybody.
    Cookie,
    /// It is said not to be kept.
    NoStore,
    /// It says neither how long it is fresh nor anything by which that could be guessed.
    NoTime,
    /// It is for one caller.
    Private,
    /// It sets cookies.
    SetCookie,
    /// It is stale at once, and there is nothing to ask by whether it is still good.
    Stale,
    /// Its status is not one of those that are kept.
    Status,
    /// It has fields after its body.
    Trailer,
    /// It differs by what no key can hold.
    Vary,
}

impl Reason {
    /// Returns its name, as `Cache-Status`, logs and `explain` have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::Cookie => "cookie",
            Self::NoStore => "no-store",
            Self::NoTime => "no-time",
            Self::Private => "private",
            Self::SetCookie => "set-cookie",
            Self::Stale => "stale",
            Self::Status => "status",
            Self::Trailer => "trailer",
            Self::Vary => "vary",
        }
    }
}

/// Decides whether a response is kept.
///
/// # Errors
///
/// Returns why it is not.
pub fn admit(offer: &Offer<'_>) -> Result<Keeping, Reason> {
    let is_fixed = offer.policy.caching.mode == CacheMode::Fixed;
    let mut directives = Directives::of_response(offer.headers);
    if is_fixed {
        // Here no field says how long, so that none takes back what another one forbids.
        let plain = Directives::of_cache_control(offer.headers);
        directives.private |= plain.private;
        directives.no_store |= plain.no_store;
    }
    check_status(offer, &directives)?;
    check_owner(offer, &directives)?;
    let lifetime = lifetime(offer, &directives).ok_or(Reason::NoTime)?;
    let age = if is_fixed {
        Duration::ZERO
    } else {
        freshness::age(offer.headers, offer.times)
    };
    let must_ask = directives.must_revalidate || directives.no_cache;
    let allowed = |seconds| if must_ask { 0 } else { seconds };
    let made = offer.times.answered.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
    let keeping = Keeping {
        // A whole second counts as fresh, so what has no time was fresh until the one before.
        fresh_until: made + lifetime.saturating_sub(Duration::from_nanos(1)) - zero_second(lifetime),
        made,
        stale_while_revalidate: allowed(directives.stale_while_revalidate),
        stale_if_error: allowed(directives.stale_if_error),
    };
    let is_usable = keeping.fresh_until > offer.times.answered
        || variance::has_validator(offer.headers)
        || keeping.stale_while_revalidate > 0
        || keeping.stale_if_error > 0;
    if is_usable { Ok(keeping) } else { Err(Reason::Stale) }
}

fn zero_second(lifetime: Duration) -> Duration {
    if lifetime.is_zero() {
        Duration::from_secs(1)
    } else {
        Duration::ZERO
    }
}

fn check_status(offer: &Offer<'_>, directives: &Directives) -> Result<(), Reason> {
    let caching = &offer.policy.caching;
    let status = offer.status.as_u16();
    let is_final = offer.status.as_u16() >= 200 && !matches!(status, 206 | 304);
    let is_kept = match caching.mode {
        _ if !caching.statuses.is_empty() => caching.statuses.contains(&status),
        CacheMode::Fixed => FIXED.contains(&status),
        CacheMode::Http => true,
        CacheMode::Off => false,
    };
    // Whoever does not know a status may not keep it; whoever does may, whatever `no-store` says (RFC 9111, 5.2.2.3).
    let is_understood = freshness::is_guessable(offer.status);
    match directives {
        _ if !is_final || !is_kept => Err(Reason::Status),
        Directives {
            must_understand: true, ..
        } if !is_understood => Err(Reason::Status),
        Directives {
            no_store: true,
            must_understand,
            ..
        } if !(*must_understand && is_understood) => Err(Reason::NoStore),
        _ => Ok(()),
    }
}

/// Refuses what belongs to somebody without saying so in a way that a key holds.
fn check_owner(offer: &Offer<'_>, directives: &Directives) -> Result<(), Reason> {
    let headers = offer.headers;
    if directives.private {
        return Err(Reason::Private);
    }
    if headers.contains_key(SET_COOKIE) && offer.policy.caching.set_cookie == SetCookie::Refuse {
        return Err(Reason::SetCookie);
    }
    if !variance::can_vary(headers) {
        return Err(Reason::Vary);
    }
    if headers.contains_key(TRAILER) {
        return Err(Reason::Trailer);
    }
    // What the catalog shares, and what the origin calls public, is for everybody (RFC 9111, 3.5).
    if directives.public || offer.policy.caching.is_shared {
        return Ok(());
    }
    let for_all = directives.is_for_shared || directives.must_revalidate;
    if offer.request.contains_key(AUTHORIZATION) && !offer.is_consumed && !for_all {
        return Err(Reason::Authorization);
    }
    let has_cookies = offer.request.contains_key(COOKIE);
    let tells_cookies_apart = variance::varies_by(headers, &COOKIE) || offer.policy.caching.headers.contains(&COOKIE);
    if has_cookies && !tells_cookies_apart {
        return Err(Reason::Cookie);
    }
    Ok(())
}

/// Decides how long a response is fresh from when it was made.
fn lifetime(offer: &Offer<'_>, directives: &Directives) -> Option<Duration> {
    let (headers, timeout) = (offer.headers, offer.policy.timeout());
    if offer.policy.caching.mode == CacheMode::Fixed {
        return timeout;
    }
    if directives.no_cache {
        return Some(Duration::ZERO);
    }
    let is_guessable = freshness::is_guessable(offer.status) || directives.public;
    let unstated = || {
        let guess = || freshness::guessed(headers, offer.times);
        timeout.or_else(guess).filter(|_| is_guessable)
    };
    freshness::stated(directives, headers, offer.times)
        .or_else(unstated)
        .or_else(|| {
            // Nothing is known of how long it is good, but it can be asked for.
            let can_ask = is_guessable && variance::has_validator(headers);
            can_ask.then_some(Duration::ZERO)
        })
}

/// Statuses that a timeout is for, where the catalog names none.
const FIXED: [u16; 4] = [200, 203, 301, 308];
