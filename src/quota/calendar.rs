//! Calendar windows: which minute, hour, day, week or month of a time zone a moment is in.
//!
//! The zone's rules come from the tz database inside the program, not from the machine's. A window is computed when
//! the one before has passed, and remembered: asking again costs one load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Error, Timestamp, ToSpan, Zoned};
use thiserror::Error;

/// The windows of a calendar in a time zone.
#[derive(Clone, Debug)]
pub struct Calendar(Arc<Windows>);

#[derive(Debug)]
struct Windows {
    span: CalendarSpan,
    zone: TimeZone,
    /// The window last asked for: the minutes since 1970 at which it begins and ends, in one word so that both are of
    /// the same window.
    known: AtomicU64,
}

/// How long a calendar window lasts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum CalendarSpan {
    /// From one full minute to the next.
    Minute,
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight; 23 or 25 hours where clocks change.
    Day,
    /// From Monday to Monday.
    Week,
    /// From the first of a month to the next.
    Month,
}

/// No time zone has this name.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("unknown time zone `{0}`")]
pub struct UnknownZone(String);

/// One window, in seconds since 1970: from the first to just before the second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Bounds {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Calendar {
    /// The windows of this length in a zone of the tz database, such as `Europe/Zurich` or `UTC`.
    ///
    /// # Errors
    ///
    /// Returns [`UnknownZone`] where the database has no such zone.
    pub fn new(span: CalendarSpan, zone: &str) -> Result<Self, UnknownZone> {
        let zone = TimeZone::get(zone).map_err(|_| UnknownZone(zone.to_owned()))?;
        let known = AtomicU64::new(0);
        Ok(Self(Arc::new(Windows { span, zone, known })))
    }

    /// Returns the window that a second since 1970 is in.
    pub(super) fn window(&self, second: i64) -> Bounds {
        let known = unpack(self.0.known.load(Ordering::Relaxed));
        if known.has(second) {
            return known;
        }
        // Beyond the calendar's years: one window that does not end, so that nothing is handed out twice.
        let found = self.0.compute(second).unwrap_or(Bounds {
            start: second,
            end: i64::MAX,
        });
        if let Some(packed) = pack(found) {
            self.0.known.store(packed, Ordering::Relaxed);
        }
        found
    }
}

impl Windows {
    fn compute(&self, second: i64) -> Result<Bounds, Error> {
        let local = Timestamp::from_second(second)?.to_zoned(self.zone.clone());
        let even = |length: i64| {
            // Whole by the clock on the wall, so that it agrees with offsets of half an hour.
            let offset = i64::from(local.offset().seconds());
            let start = (second + offset).div_euclid(length) * length - offset;
            let end = start + length;
            Ok(Bounds { start, end })
        };
        let date = local.date();
        match self.span {
            CalendarSpan::Minute => even(60),
            CalendarSpan::Hour => even(3_600),
            CalendarSpan::Day => self.between(date, date.tomorrow()?),
            CalendarSpan::Week => {
                let monday = date.checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days())?;
                self.between(monday, monday.checked_add(7.days())?)
            }
            CalendarSpan::Month => self.between(date.first_of_month(), date.last_of_month().tomorrow()?),
        }
    }

    fn between(&self, first: Date, next: Date) -> Result<Bounds, Error> {
        let begins = |date: Date| -> Result<i64, Error> {
            let day: Zoned = date.to_zoned(self.zone.clone())?;
            Ok(day.start_of_day()?.timestamp().as_second())
        };
        Ok(Bounds {
            start: begins(first)?,
            end: begins(next)?,
        })
    }
}

impl Bounds {
    pub(super) fn has(self, second: i64) -> bool {
        (self.start..self.end).contains(&second)
    }
}

/// Packs a window that begins and ends with full minutes, as all do since zones have offsets of whole minutes.
fn pack(bounds: Bounds) -> Option<u64> {
    let minutes = |second: i64| {
        let whole = second.rem_euclid(60) == 0;
        u32::try_from(second.div_euclid(60)).ok().filter(|_| whole)
    };
    Some(u64::from(minutes(bounds.start)?) << 32 | u64::from(minutes(bounds.end)?))
}

fn unpack(packed: u64) -> Bounds {
    let seconds = |minutes: u64| i64::try_from(minutes).unwrap_or_default().saturating_mul(60);
    Bounds {
        start: seconds(packed >> 32),
        end: seconds(packed & u64::from(u32::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(span: CalendarSpan, zone: &str, at: &str) -> (String, String) {
        let at: Timestamp = at.parse().unwrap();
        let calendar = Calendar::new(span, zone).unwrap();
        let found = calendar.window(at.as_second());
        assert_eq!(calendar.window(at.as_second()), found);
        assert!(found.has(at.as_second()));
        assert_ne!(calendar.window(found.end), found);
        let shown = |second| Timestamp::from_second(second).unwrap().to_string();
        (shown(found.start), shown(found.end))
    }

    #[test]
    fn windows_begin_and_end_with_the_local_calendar() {
        use CalendarSpan::{Day, Hour, Minute, Month, Week};
        for (span, zone, at, start, end) in [
            (
                Minute,
                "UTC",
                "2026-03-01T10:00:59Z",
                "2026-03-01T10:00:00Z",
                "2026-03-01T10:01:00Z",
            ),
            (
                Hour,
                "Asia/Kolkata",
                "2026-03-01T10:00:00Z",
                "2026-03-01T09:30:00Z",
                "2026-03-01T10:30:00Z",
            ),
            (
                Day,
                "Europe/Zurich",
                "2026-01-31T23:00:00Z",
                "2026-01-31T23:00:00Z",
                "2026-02-01T23:00:00Z",
            ),
            // The day on which clocks go forward has 23 hours, and the other one 25.
            (
                Day,
                "Europe/Zurich",
                "2026-03-29T12:00:00Z",
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z",
            ),
            (
                Day,
                "Europe/Zurich",
                "2026-10-25T12:00:00Z",
                "2026-10-24T22:00:00Z",
                "2026-10-25T23:00:00Z",
            ),
            // A Sunday in Samoa is still a Saturday in Greenwich.
            (
                Week,
                "Pacific/Apia",
                "2026-03-07T12:00:00Z",
                "2026-03-01T11:00:00Z",
                "2026-03-08T11:00:00Z",
            ),
            (
                Month,
                "America/New_York",
                "2024-02-29T23:59:59Z",
                "2024-02-01T05:00:00Z",
                "2024-03-01T05:00:00Z",
            ),
        ] {
            assert_eq!(
                window(span, zone, at),
                (start.to_owned(), end.to_owned()),
                "{span:?} {zone} {at}"
            );
        }
    }

    #[test]
    fn beyond_the_calendar_a_window_does_not_end() {
        let calendar = Calendar::new(CalendarSpan::Month, "UTC").unwrap();
        assert_eq!(calendar.window(i64::MAX / 2).end, i64::MAX);
        let before = calendar.window(-86_400);
        assert!(before.has(-86_400) && before.end == 0);
    }

    #[test]
    fn a_zone_must_exist() {
        assert_eq!(
            Calendar::new(CalendarSpan::Day, "Mars/Olympus").unwrap_err(),
            UnknownZone("Mars/Olympus".to_owned())
        );
    }
}
