//! Wall-clock times as logs and the status page write them, always in UTC.

use std::io::Write;
use std::time::SystemTime;

use time::{Month, OffsetDateTime};

/// Writes a time as RFC 3339 writes it, with milliseconds: `2026-08-01T12:34:56.789Z`.
pub(super) fn write_rfc3339(out: &mut impl Write, at: SystemTime) {
    let at = OffsetDateTime::from(at);
    digits::<4>(out, at.year().unsigned_abs());
    text(out, "-");
    digits::<2>(out, u32::from(u8::from(at.month())));
    text(out, "-");
    digits::<2>(out, u32::from(at.day()));
    text(out, "T");
    time_of_day(out, at);
    text(out, ".");
    digits::<3>(out, u32::from(at.millisecond()));
    text(out, "Z");
}

/// Writes a time as the combined log format writes it: `01/Aug/2026:12:34:56 +0000`.
pub(super) fn write_common(out: &mut impl Write, at: SystemTime) {
    let at = OffsetDateTime::from(at);
    digits::<2>(out, u32::from(at.day()));
    text(out, "/");
    text(out, abbreviation(at.month()));
    text(out, "/");
    digits::<4>(out, at.year().unsigned_abs());
    text(out, ":");
    time_of_day(out, at);
    text(out, " +0000");
}

/// Returns a time as RFC 3339 writes it, with milliseconds.
pub(super) fn rfc3339(at: SystemTime) -> String {
    let mut bytes = Vec::with_capacity(RFC3339_LENGTH);
    write_rfc3339(&mut bytes, at);
    String::from_utf8(bytes).unwrap_or_default()
}

/// The length of a time as RFC 3339 writes it.
pub(super) const RFC3339_LENGTH: usize = 24;

fn time_of_day(out: &mut impl Write, at: OffsetDateTime) {
    digits::<2>(out, u32::from(at.hour()));
    text(out, ":");
    digits::<2>(out, u32::from(at.minute()));
    text(out, ":");
    digits::<2>(out, u32::from(at.second()));
}

fn digits<const N: usize>(out: &mut impl Write, mut number: u32) {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    // What is written to is memory with room enough.
    let _ = out.write_all(&digits);
}

fn text(out: &mut impl Write, text: &str) {
    let _ = out.write_all(text.as_bytes());
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
        assert_eq!(rfc3339(at), "2026-08-01T12:34:56.007Z");
        let mut line = Vec::new();
        write_common(&mut line, at);
        assert_eq!(line, b"01/Aug/2026:12:34:56 +0000");
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH).len(), RFC3339_LENGTH);
    }
}
