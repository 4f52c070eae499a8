//! Figures of the catalog as quotas that are counted, and as the fields that tell callers of them.

use std::fmt::Write as _;

use super::tiers::Level;
use crate::denial::Reach;
use crate::model::tier::{CalendarSpan as Span, Limit, Window};
use crate::quota::{self, Calendar, CalendarSpan, Unit};

/// Makes figures a limit that is counted by.
///
/// # Errors
///
/// Returns what is wrong with them, which the catalog should have refused.
pub(super) fn counted(limit: &Limit) -> Result<quota::Limit, String> {
    let windowed = |unit, quota, window: &Window| match window {
        Window::Sliding(per) => quota::Limit::sliding(unit, quota, *per).map_err(|error| error.to_string()),
        Window::Calendar(span, zone) => {
            let calendar = Calendar::new(calendar(*span), zone).map_err(|error| error.to_string())?;
            Ok(quota::Limit::calendar(unit, quota, calendar))
        }
    };
    match limit {
        Limit::Burst { capacity, rate, per } => {
            quota::Limit::burst(*rate, *per, *capacity).map_err(|error| error.to_string())
        }
        Limit::Bytes(quota, window) => windowed(Unit::Bytes, *quota, window),
        Limit::Concurrent(quota) => Ok(quota::Limit::concurrent(*quota)),
        Limit::Requests(quota, window) => windowed(Unit::Requests, *quota, window),
    }
}

fn calendar(span: Span) -> CalendarSpan {
    match span {
        Span::Minute => CalendarSpan::Minute,
        Span::Hour => CalendarSpan::Hour,
        Span::Day => CalendarSpan::Day,
        Span::Week => CalendarSpan::Week,
        Span::Month => CalendarSpan::Month,
    }
}

/// Returns the place of a limit among those of a tier: the first that is reached is told, and windows come before bursts
/// (W 3.1).
pub(super) fn rank(limit: &Limit) -> u8 {
    match limit {
        Limit::Requests(..) => 0,
        Limit::Bytes(..) => 1,
        Limit::Burst { .. } => 2,
        Limit::Concurrent(_) => 3,
    }
}

/// Returns what is said where a limit is reached (W 3.4). Of a resource tier it is the resource's; where it is the whole
/// version's, whoever holds a request against it knows better.
pub(super) fn reach(level: Level, limit: &Limit) -> Reach {
    let is_burst = matches!(limit, Limit::Burst { .. });
    match level {
        Level::Application if is_burst => Reach::ApplicationBurst,
        Level::Application => Reach::Application,
        Level::Backend => Reach::Backend,
        Level::Resource => Reach::Resource,
        Level::Rule => Reach::Custom,
        Level::Anonymous | Level::Subscription if is_burst => Reach::SubscriptionBurst,
        Level::Anonymous | Level::Subscription => Reach::Subscription,
    }
}

/// Quotes the parts of a name, as a string of a structured field (RFC 9651, 3.3.3), which is ASCII.
pub(super) fn quoted(parts: &[&str]) -> String {
    let mut text = String::from("\"");
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            text.push(':');
        }
        for byte in part.bytes() {
            if matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'%') {
                text.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text.push('"');
    text
}

/// Writes a policy as `RateLimit-Policy` has it (draft-ietf-httpapi-ratelimit-headers-10, 3).
pub(super) fn stated(name: &str, limit: &Limit) -> String {
    let (quota, unit, window) = match limit {
        Limit::Burst { capacity, rate, per } => {
            let refill = per.as_secs_f64() * *capacity as f64 / *rate as f64;
            (*capacity, "", Some(refill.ceil().max(1.0) as u64))
        }
        Limit::Bytes(quota, window) => (*quota, ";qu=\"content-bytes\"", seconds(window)),
        Limit::Concurrent(quota) => (*quota, ";qu=\"concurrent-requests\"", None),
        Limit::Requests(quota, window) => (*quota, "", seconds(window)),
    };
    let window = window
        .map(|window| format!(";w={}", window.min(LARGEST)))
        .unwrap_or_default();
    format!("{name};q={}{unit}{window}", quota.min(LARGEST))
}

/// Returns how long a window lasts, in seconds, where it is always the same; a day is one of 24 hours here.
fn seconds(window: &Window) -> Option<u64> {
    Some(match window {
        Window::Sliding(per) => per.as_secs_f64().ceil() as u64,
        Window::Calendar(Span::Minute, _) => 60,
        Window::Calendar(Span::Hour, _) => 3_600,
        Window::Calendar(Span::Day, _) => 86_400,
        Window::Calendar(Span::Week, _) => 604_800,
        Window::Calendar(Span::Month, _) => return None,
    })
}

/// The largest integer of a structured field (RFC 9651, 3.3.1).
pub const LARGEST: u64 = 999_999_999_999_999;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_policy_is_stated_with_its_figures() {
        let minute = Window::Sliding(Duration::from_secs(60));
        let month = Window::Calendar(Span::Month, "UTC".to_owned());
        let burst = Limit::Burst {
            capacity: 100,
            rate: 3,
            per: Duration::from_secs(1),
        };
        for (limit, expected) in [
            (Limit::Requests(5000, minute.clone()), "\"a\";q=5000;w=60"),
            (
                Limit::Requests(1, Window::Sliding(Duration::from_millis(100))),
                "\"a\";q=1;w=1",
            ),
            (Limit::Requests(u64::MAX, month), "\"a\";q=999999999999999"),
            (Limit::Bytes(1024, minute), "\"a\";q=1024;qu=\"content-bytes\";w=60"),
            (Limit::Concurrent(20), "\"a\";q=20;qu=\"concurrent-requests\""),
            (burst, "\"a\";q=100;w=34"),
        ] {
            assert_eq!(stated("\"a\"", &limit), expected);
        }
    }

    #[test]
    fn a_name_is_quoted_whatever_it_holds() {
        assert_eq!(quoted(&["subscription", "Gold"]), "\"subscription:Gold\"");
        assert_eq!(quoted(&["a\"b\\c%d", "größe"]), "\"a%22b%5Cc%25d:gr%C3%B6%C3%9Fe\"");
    }
}
