//! Wall-clock times as logs and the status page write them, always in UTC.

use std::io::Write;
use std::time::SystemTime;

use time::{Month, OffsetDateTime};

/// Returns a time as RFC 3339 writes it, with milliseconds: `2026-08-01T12:34:56.789Z`.
pub(super) fn rfc3339(at: SystemTime) -> [u8; 24] {
    let at = OffsetDateTime::from(at);
    let [y1, y2, y3, y4] = digits(at.year().unsigned_abs());
    let [o1, o2] = digits(u32::from(u8::from(at.month())));
    let [d1, d2] = digits(u32::from(at.day()));
    let [h1, h2] = digits(u32::from(at.hour()));
    let [m1, m2] = digits(u32::from(at.minute()));
    let [s1, s2] = digits(u32::from(at.second()));
    let [f1, f2, f3] = digits(u32::from(at.millisecond()));
    [
        y1, y2, y3, y4, b'-', o1, o2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2, b'.', f1, f2, f3, b'Z',
    ]
}

/// Writes a time as the combined log format writes it: `01/Aug/2026:12:34:56 +0000`.
pub(super) fn write_common(out: &mut impl Write, at: SystemTime) {
    let at = OffsetDateTime::from(at);
    let (year, month, day) = (at.year(), abbreviation(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    // What is written to is memory with room enough.
    let _ = write!(
        out,
        "{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000"
    );
}

fn digits<const N: usize>(mut number: u32) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    digits
}

fn abbreviation(month: Month) -> &'static str {
    match month {
        Month::January => "Jan",
        Month::February => "Feb",
        Month::March => "Mar",
        Month::April => "Apr",
        Month::May => "May",
        Month::June => "Jun",
        Month::July => "Jul",
        Month::August => "Aug",
        Month::September => "Sep",
        Month::October => "Oct",
        Month::November => "Nov",
        Month::December => "Dec",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_written_to_the_millisecond_in_utc() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_785_587_696_007);
        assert_eq!(&rfc3339(at), b"2026-08-01T12:34:56.007Z");
        let mut line = Vec::new();
        write_common(&mut line, at);
        assert_eq!(line, b"01/Aug/2026:12:34:56 +0000");
    }
}
