//! Whether a response is kept, and for how long (RFC 9111, 3 and 4.2; W 11). Values in, values out.

use std::time::{Duration, SystemTime};

use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE, TRAILER};
use http::{HeaderMap, StatusCode};

use super::directives::Directives;
use super::freshness::{self, Times};
use super::{part, variance};
use crate::model::caching::{CacheMode, Caching, SetCookie};
use crate::model::security::CredentialFields;

/// A response, and the request that brought it.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// What the catalog says of it.
    pub caching: &'a Caching,
    /// The fields that the gateway itself says things of callers in.
    pub ours: &'a CredentialFields,
    /// The fields of the request.
    pub request: &'a HeaderMap,
    /// Whether the request's `Authorization` was for the gateway, and so went no further.
    pub is_consumed: bool,
    /// Whether one range was asked for, to be kept by itself.
    pub is_part: bool,
    /// The status of the response.
    pub status: StatusCode,
    /// The fields of the response.
    pub headers: &'a HeaderMap,
    /// When it was asked for, and when it came.
    pub times: Times,
}

impl Offer<'_> {
    /// Returns the status of the whole: a part is kept as that is.
    fn status_of_whole(&self) -> StatusCode {
        if self.is_part { StatusCode::OK } else { self.status }
    }

    /// Tells whether it may be guessed how long it is good. Of a part it may where its bytes can be told from those of
    /// another state of the same.
    fn is_guessable(&self, directives: &Directives) -> bool {
        let is_known = !self.is_part || part::has_strong_tag(self.headers);
        is_known && (freshness::is_guessable(self.status_of_whole()) || directives.public)
    }

    /// Tells whether it can be asked whether it is still good.
    fn can_ask(&self) -> bool {
        if self.is_part {
            part::has_strong_tag(self.headers)
        } else {
            variance::has_validator(self.headers)
        }
    }
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
    /// It is not the one range that was asked for.
    Range,
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
            Self::Range => "range",
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
    let is_fixed = offer.caching.mode == CacheMode::Fixed;
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
        || offer.can_ask()
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
    let caching = offer.caching;
    if offer.is_part && (offer.status != StatusCode::PARTIAL_CONTENT || !part::is_one(offer.headers)) {
        return Err(Reason::Range);
    }
    let status = offer.status_of_whole().as_u16();
    let is_final = status >= 200 && !matches!(status, 206 | 304);
    let is_kept = match caching.mode {
        _ if !caching.statuses.is_empty() => caching.statuses.contains(&status),
        CacheMode::Fixed => FIXED.contains(&status),
        CacheMode::Http => true,
        CacheMode::Off => false,
    };
    // Whoever does not know a status may not keep it; whoever does may, whatever `no-store` says (RFC 9111, 5.2.2.3).
    let is_understood = freshness::is_guessable(offer.status_of_whole());
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
    if headers.contains_key(SET_COOKIE) && !takes_cookies(offer, directives) {
        return Err(Reason::SetCookie);
    }
    if !variance::can_vary(headers, offer.ours) {
        return Err(Reason::Vary);
    }
    if headers.contains_key(TRAILER) {
        return Err(Reason::Trailer);
    }
    // What the catalog shares, and what the origin calls public, is for everybody (RFC 9111, 3.5).
    if directives.public || offer.caching.is_shared {
        return Ok(());
    }
    let for_all = directives.is_for_shared || directives.must_revalidate;
    if offer.request.contains_key(AUTHORIZATION) && !offer.is_consumed && !for_all {
        return Err(Reason::Authorization);
    }
    let has_cookies = offer.request.contains_key(COOKIE);
    let tells_cookies_apart = variance::varies_by(headers, &COOKIE) || offer.caching.headers.contains(&COOKIE);
    if has_cookies && !tells_cookies_apart {
        return Err(Reason::Cookie);
    }
    Ok(())
}

/// Tells whether a response with cookies is kept. Those who are to get them are told apart no further, so that with them
/// it is only where its origin says in so many words how long (RFC 9111, 7.3).
fn takes_cookies(offer: &Offer<'_>, directives: &Directives) -> bool {
    match offer.caching.set_cookie {
        SetCookie::Drop => true,
        SetCookie::Keep => freshness::stated(directives, offer.headers, offer.times).is_some(),
        SetCookie::Refuse => false,
    }
}

/// Decides how long a response is fresh from when it was made.
fn lifetime(offer: &Offer<'_>, directives: &Directives) -> Option<Duration> {
    let (headers, timeout) = (offer.headers, offer.caching.timeout);
    if offer.caching.mode == CacheMode::Fixed {
        return timeout;
    }
    if directives.no_cache {
        return Some(Duration::ZERO);
    }
    let is_guessable = offer.is_guessable(directives);
    let unstated = || {
        let guess = || freshness::guessed(headers, offer.times);
        timeout.or_else(guess).filter(|_| is_guessable)
    };
    freshness::stated(directives, headers, offer.times)
        .or_else(unstated)
        .or_else(|| {
            // Nothing is known of how long it is good, but it can be asked for.
            let can_ask = is_guessable && offer.can_ask();
            can_ask.then_some(Duration::ZERO)
        })
}

/// Statuses that a timeout is for, where the catalog names none.
const FIXED: [u16; 4] = [200, 203, 301, 308];

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;
    use crate::model::caching::{Obeyed, QueryKey};
    use crate::model::unit::Size;

    fn http() -> Caching {
        Caching {
            mode: CacheMode::Http,
            timeout: None,
            is_shared: false,
            max_body: Size(1),
            max_entries: None,
            methods: Default::default(),
            statuses: Vec::new(),
            query: QueryKey::All,
            headers: Vec::new(),
            unkeyed_headers: Vec::new(),
            by_host: true,
            obeys: Obeyed::Callers,
            set_cookie: SetCookie::Refuse,
            keeps_parts: false,
            keeps_posts: false,
        }
    }

    fn fixed() -> Caching {
        Caching {
            mode: CacheMode::Fixed,
            timeout: Some(Duration::from_secs(300)),
            ..http()
        }
    }

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    /// Returns for how many seconds the answer to a request is fresh.
    fn kept(caching: &Caching, request: &[&str], status: u16, response: &[&str]) -> Result<u64, Reason> {
        kept_of(caching, (request, false), status, response)
    }

    fn kept_of(
        caching: &Caching,
        (request, is_part): (&[&str], bool),
        status: u16,
        response: &[&str],
    ) -> Result<u64, Reason> {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let offer = Offer {
            caching,
            ours: &CredentialFields::default(),
            request: &headers(request),
            is_consumed: false,
            is_part,
            status: StatusCode::from_u16(status).unwrap(),
            headers: &headers(response),
            times: Times {
                asked: at,
                answered: at,
            },
        };
        let keeping = admit(&offer)?;
        let left = keeping.fresh_until.duration_since(at).unwrap_or_default();
        Ok((left + Duration::from_nanos(1)).as_secs())
    }

    #[test]
    fn a_response_says_how_long_it_is_kept() {
        let tagged = "etag: \"1\"";
        for (status, response, expected) in [
            (200, &["cache-control: max-age=60"][..], Ok(60)),
            (200, &["cache-control: max-age=60", "age: 20"], Ok(40)),
            (500, &["cache-control: max-age=60"], Ok(60)),
            (200, &["cache-control: no-cache", tagged], Ok(0)),
            (200, &["cache-control: no-cache"], Err(Reason::Stale)),
            (200, &["cache-control: max-age=0"], Err(Reason::Stale)),
            (200, &[tagged], Ok(0)),
            (200, &[], Err(Reason::NoTime)),
            (302, &[tagged], Err(Reason::NoTime)),
            (206, &["cache-control: max-age=60"], Err(Reason::Status)),
            (304, &["cache-control: max-age=60"], Err(Reason::Status)),
            (
                302,
                &["cache-control: max-age=60, must-understand"],
                Err(Reason::Status),
            ),
            (200, &["cache-control: max-age=60, must-understand, no-store"], Ok(60)),
            (200, &["cache-control: max-age=60, no-store"], Err(Reason::NoStore)),
            (200, &["cache-control: max-age=60, private"], Err(Reason::Private)),
            (
                200,
                &["cache-control: max-age=60", "set-cookie: a=b"],
                Err(Reason::SetCookie),
            ),
            (200, &["cache-control: max-age=60", "vary: *"], Err(Reason::Vary)),
            (
                200,
                &["cache-control: max-age=60", "trailer: x-a"],
                Err(Reason::Trailer),
            ),
            (
                200,
                &["cache-control: private", "cdn-cache-control: max-age=60"],
                Ok(60),
            ),
        ] {
            assert_eq!(kept(&http(), &[], status, response), expected, "{status} {response:?}");
        }
        let caching = Caching {
            timeout: Some(Duration::from_secs(30)),
            ..http()
        };
        assert_eq!(kept(&caching, &[], 200, &[]), Ok(30));
        assert_eq!(kept(&caching, &[], 200, &["cache-control: max-age=60"]), Ok(60));
    }

    #[test]
    fn a_part_is_kept_as_the_whole_is_where_its_bytes_are_known() {
        let (place, fresh) = ("content-range: bytes 0-1/9", "cache-control: max-age=60");
        let changed = "last-modified: Sun, 06 Nov 1994 08:49:37 GMT";
        for (status, response, expected) in [
            (206, &[place, fresh][..], Ok(60)),
            (206, &[place, fresh, "content-range: bytes 2-3/9"], Err(Reason::Range)),
            (206, &["content-range: bytes 0-1/*", fresh], Err(Reason::Range)),
            (206, &[fresh], Err(Reason::Range)),
            (200, &[place, fresh], Err(Reason::Range)),
            (416, &[place, fresh], Err(Reason::Range)),
            (206, &[place, fresh, "set-cookie: a=b"], Err(Reason::SetCookie)),
            (
                206,
                &[place, "cache-control: private, max-age=60"],
                Err(Reason::Private),
            ),
            (206, &[place, "etag: \"1\""], Ok(0)),
            (206, &[place, "etag: W/\"1\""], Err(Reason::NoTime)),
            (206, &[place, changed], Err(Reason::NoTime)),
            (206, &[place, changed, "cache-control: public"], Err(Reason::NoTime)),
            (
                206,
                &[place, "etag: W/\"1\"", "cache-control: no-cache"],
                Err(Reason::Stale),
            ),
        ] {
            let found = kept_of(&http(), (&[], true), status, response);
            assert_eq!(found, expected, "{status} {response:?}");
        }
        let named = |statuses: &[u16]| Caching {
            statuses: statuses.to_vec(),
            ..fixed()
        };
        let found = |caching| kept_of(&caching, (&[], true), 206, &[place]);
        assert_eq!((found(fixed()), found(named(&[200]))), (Ok(300), Ok(300)));
        assert_eq!(found(named(&[404])), Err(Reason::Status));
    }

    #[test]
    fn cookies_are_kept_only_where_the_origin_says_how_long() {
        let caching = Caching {
            set_cookie: SetCookie::Keep,
            timeout: Some(Duration::from_secs(30)),
            ..http()
        };
        let cookie = "set-cookie: a=b";
        for (response, expected) in [
            (&["cache-control: max-age=60", cookie][..], Ok(60)),
            (&["cache-control: s-maxage=60, public", cookie], Ok(60)),
            (&["cache-control: private, max-age=60", cookie], Err(Reason::Private)),
            (&["cache-control: public", cookie], Err(Reason::SetCookie)),
            (
                &["last-modified: Sun, 06 Nov 1994 08:49:37 GMT", cookie],
                Err(Reason::SetCookie),
            ),
            (&[cookie], Err(Reason::SetCookie)),
            (&[], Ok(30)),
        ] {
            assert_eq!(kept(&caching, &[], 200, response), expected, "{response:?}");
        }
        let asked = kept(&caching, &["cookie: a=b"], 200, &["cache-control: max-age=60", cookie]);
        assert_eq!(
            asked,
            Err(Reason::Cookie),
            "what came for one caller's cookies is not for others"
        );
    }

    #[test]
    fn a_fixed_time_is_for_what_may_be_kept() {
        for (status, response, expected) in [
            (200, &["cache-control: max-age=60, no-cache"][..], Ok(300)),
            (200, &["age: 900"], Ok(300)),
            (404, &[], Err(Reason::Status)),
            (500, &["cache-control: max-age=60"], Err(Reason::Status)),
            (200, &["cache-control: no-store"], Err(Reason::NoStore)),
            (
                200,
                &["cache-control: private", "cdn-cache-control: max-age=60"],
                Err(Reason::Private),
            ),
            (
                200,
                &["cache-control: no-store", "surrogate-control: max-age=60"],
                Err(Reason::NoStore),
            ),
            (200, &["set-cookie: a=b"], Err(Reason::SetCookie)),
        ] {
            assert_eq!(kept(&fixed(), &[], status, response), expected, "{status} {response:?}");
        }
        let caching = Caching {
            statuses: vec![404],
            set_cookie: SetCookie::Drop,
            ..fixed()
        };
        assert_eq!(kept(&caching, &[], 404, &["set-cookie: a=b"]), Ok(300));
        assert_eq!(kept(&caching, &[], 200, &[]), Err(Reason::Status));
    }

    #[test]
    fn what_an_endpoint_sees_of_a_caller_is_for_that_caller_unless_it_says_otherwise() {
        let (token, cookie) = ("authorization: Digest a", "cookie: a=b");
        for (request, response, expected) in [
            (token, "cache-control: max-age=60", Err(Reason::Authorization)),
            (token, "cache-control: max-age=60, public", Ok(60)),
            (token, "cache-control: s-maxage=60", Ok(60)),
            (token, "cache-control: max-age=60, must-revalidate", Ok(60)),
            (cookie, "cache-control: max-age=60", Err(Reason::Cookie)),
            (cookie, "cache-control: s-maxage=60", Err(Reason::Cookie)),
            (cookie, "cache-control: max-age=60, public", Ok(60)),
        ] {
            assert_eq!(
                kept(&http(), &[request], 200, &[response]),
                expected,
                "{request} {response}"
            );
        }
        let varied = ["cache-control: max-age=60", "vary: Cookie"];
        assert_eq!(kept(&http(), &[cookie], 200, &varied), Ok(60));
    }

    proptest! {
        #[test]
        fn what_is_private_or_not_to_be_stored_never_is(
            mode in any::<bool>(),
            word in prop_oneof![Just("private"), Just("no-store"), Just("Private=\"x\""), Just("NO-STORE")],
            before in "(max-age=[0-9]{1,4}, |public, |s-maxage=9, |x=\"y\", ){0,3}",
            after in "(, max-age=[0-9]{1,4}|, public|, immutable){0,3}",
            status in prop_oneof![Just(200_u16), Just(404), Just(500)],
        ) {
            let caching = if mode { fixed() } else { http() };
            let line = format!("cache-control: {before}{word}{after}");
            prop_assert!(kept(&caching, &[], status, &[&line]).is_err(), "{}", line);
        }
    }
}
