//! Whether what is kept may be used for a request (RFC 9111, 4.2 and 5.2.1).

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};

use super::directives::{Demand, Directives};

/// An entry, as far as its use depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// When it was made.
    pub made: SystemTime,
    /// Until when it is fresh.
    pub fresh_until: SystemTime,
    /// Its fields. Most are used while they are fresh, and what they say is not read then.
    pub headers: &'a HeaderMap,
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Use {
    /// It is used, stale or not, since the request takes it so.
    AsItIs,
    /// The origin is asked, whatever it says itself.
    Ask,
    /// It is used where it is fresh, as it says itself.
    Usual,
}

/// Decides whether an entry may be used.
pub fn judge(entry: Entry<'_>, demand: &Demand, now: SystemTime) -> Use {
    let is_beyond =
        |time: Duration, bound: Option<u32>| bound.is_some_and(|bound| time > Duration::from_secs(bound.into()));
    let age = now.duration_since(entry.made).unwrap_or_default();
    let left = entry.fresh_until.duration_since(now).unwrap_or_default();
    let stale = now.duration_since(entry.fresh_until).unwrap_or_default();
    let wants_more = demand
        .min_fresh
        .is_some_and(|wanted| left < Duration::from_secs(wanted.into()));
    if demand.no_cache || is_beyond(age, demand.max_age) || wants_more {
        return Use::Ask;
    }
    let is_stale = entry.fresh_until < now;
    if is_stale && demand.max_stale.is_some() && !is_beyond(stale, demand.max_stale) {
        let directives = Directives::of_response(entry.headers);
        let must_ask = directives.must_revalidate || directives.no_cache;
        return if must_ask { Use::Usual } else { Use::AsItIs };
    }
    Use::Usual
}

/// Tells whether what is kept has not changed since a time that a request names, where it does not say itself when it
/// last did: since it was made, then (RFC 9111, 4.3.2).
pub fn is_unmodified(request: &HeaderMap, response: &HeaderMap) -> bool {
    let date = |headers: &HeaderMap, name| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    let is_silent = !response.contains_key(LAST_MODIFIED) && !request.contains_key(IF_NONE_MATCH);
    let times = || Some((date(request, IF_MODIFIED_SINCE)?, date(response, DATE)?));
    is_silent && times().is_some_and(|(since, made)| made <= since)
}

#[cfg(test)]
mod tests {
    use http::header::CACHE_CONTROL;
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn what_says_no_time_has_not_changed_since_it_was_made() {
        let [early, late] = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"];
        let fields = |fields: &[(HeaderName, &'static str)]| -> HeaderMap {
            let fields = fields.iter().cloned();
            fields
                .map(|(name, value)| (name, HeaderValue::from_static(value)))
                .collect()
        };
        let (since, made) = (|at| fields(&[(IF_MODIFIED_SINCE, at)]), |at| fields(&[(DATE, at)]));
        assert!(is_unmodified(&since(late), &made(late)) && is_unmodified(&since(late), &made(early)));
        assert!(!is_unmodified(&since(early), &made(late)) && !is_unmodified(&fields(&[]), &made(late)));
        assert!(!is_unmodified(&since("soon"), &made(early)));
        assert!(!is_unmodified(
            &since(late),
            &fields(&[(DATE, early), (LAST_MODIFIED, late)])
        ));
        let tagged = fields(&[(IF_MODIFIED_SINCE, late), (IF_NONE_MATCH, "\"1\"")]);
        assert!(!is_unmodified(&tagged, &made(early)), "the tag decides");
    }

    fn judged(seconds_old: u64, demand: Demand) -> Use {
        judged_of(seconds_old, demand, "max-age=100")
    }

    fn judged_of(seconds_old: u64, demand: Demand, control: &'static str) -> Use {
        let headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(control))]);
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let entry = Entry {
            made,
            fresh_until: made + Duration::from_secs(100),
            headers: &headers,
        };
        judge(entry, &demand, made + Duration::from_secs(seconds_old))
    }

    #[test]
    fn a_request_may_ask_for_younger_and_take_older() {
        let demand = Demand::default();
        assert_eq!(judged(50, demand), Use::Usual);
        let younger = Demand {
            max_age: Some(40),
            ..demand
        };
        assert_eq!((judged(40, younger), judged(41, younger)), (Use::Usual, Use::Ask));
        let fresher = Demand {
            min_fresh: Some(60),
            ..demand
        };
        assert_eq!((judged(40, fresher), judged(41, fresher)), (Use::Usual, Use::Ask));
        let older = Demand {
            max_stale: Some(10),
            ..demand
        };
        assert_eq!((judged(110, older), judged(111, older)), (Use::AsItIs, Use::Usual));
        for strict in ["must-revalidate", "no-cache", "s-maxage=100"] {
            assert_eq!(judged_of(110, older, strict), Use::Usual, "{strict}");
        }
        let new = Demand {
            no_cache: true,
            max_stale: Some(10),
            ..demand
        };
        assert_eq!(judged(110, new), Use::Ask);
    }
}
