//! How long a response is fresh, and how old it is already (RFC 9111, 4.2).

use std::time::{Duration, SystemTime};

use http::header::{AGE, DATE, EXPIRES, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, StatusCode};

use super::directives::Directives;

/// How long a response is fresh from when it was made, and how old it is when it arrives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Freshness {
    /// How long it is fresh.
    pub lifetime: Duration,
    /// How old it is.
    pub age: Duration,
}

/// When a request went out, and when the head of its answer was there.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// When the request went out.
    pub asked: SystemTime,
    /// When the head of its answer was there.
    pub answered: SystemTime,
}

/// Tells how long a response is fresh that says so itself; `None` where it does not.
pub fn stated(directives: &Directives, headers: &HeaderMap, times: Times) -> Option<Duration> {
    if let Some(seconds) = directives.lifetime {
        return Some(Duration::from_secs(seconds.into()));
    }
    if directives.is_explicit || !headers.contains_key(EXPIRES) {
        return None;
    }
    // A date that cannot be read, or one of two, is in the past (RFC 9111, 5.3).
    let expires = date(headers, &EXPIRES).unwrap_or(SystemTime::UNIX_EPOCH);
    let made = date(headers, &DATE).unwrap_or(times.answered);
    Some(expires.duration_since(made).unwrap_or_default())
}

/// Guesses how long a response is fresh: a tenth of the time that it has not changed for (RFC 9111, 4.2.2).
pub fn guessed(headers: &HeaderMap, times: Times) -> Option<Duration> {
    let changed = date(headers, &LAST_MODIFIED)?;
    let made = date(headers, &DATE).unwrap_or(times.answered);
    let unchanged = made.duration_since(changed).ok()?;
    Some((unchanged / 10).min(LONGEST_GUESS))
}

/// Tells how old a response is when it arrives (RFC 9111, 4.2.3).
pub fn age(headers: &HeaderMap, times: Times) -> Duration {
    let made = date(headers, &DATE);
    let apparent = made.and_then(|made| times.answered.duration_since(made).ok());
    // What is not one number says nothing of how fresh it is, so it is not.
    let mut lines = headers.get_all(AGE).iter();
    let only = lines
        .next()
        .map(|line| line.to_str().ok().filter(|_| lines.next().is_none()));
    let stated = only.map_or(0, |line| line.and_then(seconds).unwrap_or(FOREVER));
    let delay = times.answered.duration_since(times.asked).unwrap_or_default();
    let corrected = Duration::from_secs(stated.min(FOREVER)) + delay;
    // A date tells whole seconds, so that a second of difference may be none.
    let apparent = apparent.unwrap_or_default();
    let apparent = if apparent < Duration::from_secs(1) {
        Duration::ZERO
    } else {
        apparent
    };
    apparent.max(corrected)
}

/// Tells whether a status may be kept without being told to (RFC 9110, 15.1).
pub fn is_guessable(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// Reads a number of seconds, which has digits alone.
fn seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number that fits nowhere is as large as any (RFC 9111, 1.2.2).
    is_number.then(|| text.parse().unwrap_or(FOREVER))
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next().filter(|_| lines.next().is_none())?;
    httpdate::parse_http_date(line.to_str().ok()?).ok()
}

/// What nobody has said is fresh for a day at most.
const LONGEST_GUESS: Duration = Duration::from_secs(86_400);

/// What stands for every larger number of seconds (RFC 9111, 1.2.2).
const FOREVER: u64 = 1 << 31;

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn now() -> Times {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        Times {
            asked: at,
            answered: at,
        }
    }

    fn headers(fields: &[(&'static str, String)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn at(seconds: i64) -> String {
        let second = u64::try_from(1_000_000_000 + seconds).unwrap();
        httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(second))
    }

    #[test]
    fn expires_counts_from_the_date() {
        let stated = |fields: &[(&'static str, String)]| {
            let headers = headers(fields);
            stated(&Directives::of_response(&headers), &headers, now()).map(|time| time.as_secs())
        };
        assert_eq!(stated(&[("expires", at(60)), ("date", at(-20))]), Some(80));
        assert_eq!(stated(&[("expires", at(60))]), Some(60));
        assert_eq!(stated(&[("expires", at(-1))]), Some(0));
        assert_eq!(stated(&[("expires", "0".to_owned())]), Some(0));
        assert_eq!(stated(&[("expires", at(60)), ("expires", at(60))]), Some(0));
        assert_eq!(
            stated(&[("expires", at(60)), ("cache-control", "max-age=5".to_owned())]),
            Some(5)
        );
        assert_eq!(stated(&[("date", at(0))]), None);
    }

    #[test]
    fn what_has_not_changed_for_long_is_guessed_to_stay() {
        let guess = |seconds| guessed(&headers(&[("last-modified", at(seconds)), ("date", at(0))]), now());
        assert_eq!(guess(-1000), Some(Duration::from_secs(100)));
        assert_eq!(guess(-900_000_000), Some(LONGEST_GUESS));
        assert_eq!(guess(5), None);
    }

    #[test]
    fn age_is_the_larger_of_what_is_said_and_what_is_seen() {
        let age = |fields: &[(&'static str, String)]| age(&headers(fields), now()).as_secs();
        assert_eq!(age(&[("date", at(-30))]), 30);
        assert_eq!(age(&[("date", at(-30)), ("age", "50".to_owned())]), 50);
        for bad in ["50, 60", "old", "-1", "1.5", "5;a=b", ""] {
            assert_eq!(age(&[("age", bad.to_owned())]), FOREVER, "{bad}");
        }
        assert_eq!(age(&[("age", "1".to_owned()), ("age", "1".to_owned())]), FOREVER);
        let slow = Times {
            asked: now().answered - Duration::from_secs(4),
            ..now()
        };
        assert_eq!(super::age(&headers(&[("age", "1".to_owned())]), slow).as_secs(), 5);
    }

    proptest! {
        #[test]
        fn no_field_breaks_the_arithmetic(value in "[ -~]{0,40}", number in any::<u64>()) {
            let fields = [("expires", value.clone()), ("date", value.clone()), ("last-modified", value), ("age", number.to_string())];
            let headers = headers(&fields);
            let directives = Directives::of_response(&headers);
            let _ = (stated(&directives, &headers, now()), guessed(&headers, now()));
            prop_assert!(age(&headers, now()) <= Duration::from_secs(1 << 32));
        }
    }
}
