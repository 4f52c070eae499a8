//! Times and sizes, written with their unit.
//!
//! A bare number is refused: seconds and milliseconds, bytes and mebibytes look alike without their unit.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};
use thiserror::Error;

/// A number of bytes, written `"512KiB"` or `"8MiB"`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Size(pub u64);

/// A span of time, written `"30s"` or `"1m 30s"`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Period(pub Duration);

/// Why a text is no time or size.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum UnitError {
    /// It is no time.
    #[error("not {}", Period::WANTED)]
    Period,
    /// It is no size.
    #[error("not {}", Size::WANTED)]
    Size,
}

impl Size {
    const WANTED: &str = "a size with its unit, such as `\"512KiB\"` or `\"8MiB\"`";

    /// Makes a text a size.
    ///
    /// # Errors
    ///
    /// Returns [`UnitError::Size`] where it has no unit, or is no number of bytes that fits 64 bits.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        match text.parse::<ByteSize>() {
            // The parser saturates; nobody means exactly the largest number.
            Ok(ByteSize(bytes)) if has_unit(text) && bytes < u64::MAX => Ok(Self(bytes)),
            _ => Err(UnitError::Size),
        }
    }
}

impl Period {
    const WANTED: &str = "a time with its unit, such as `\"500ms\"`, `\"30s\"` or `\"1m\"`";

    /// Makes a text a span of time.
    ///
    /// # Errors
    ///
    /// Returns [`UnitError::Period`] where it has no unit or is no time.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        match humantime::parse_duration(text) {
            Ok(duration) if has_unit(text) => Ok(Self(duration)),
            _ => Err(UnitError::Period),
        }
    }
}

fn has_unit(text: &str) -> bool {
    text.trim_end().ends_with(char::is_alphabetic)
}

/// Writes the size with the largest unit that leaves no remainder; it reads back as the same size.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, factor): &(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*factor);
        match UNITS.into_iter().find(fits) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

macro_rules! written {
    ($type:ident, $schema:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($type::WANTED)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        $type::parse(text).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

written!(
    Size,
    json_schema!({
        "type": "string",
        "pattern": r"^[0-9]+(\.[0-9]+)? *([KkMmGgTtPpEe][Ii]?)?[Bb]?$",
        "examples": ["512KiB", "8MiB"],
    })
);
written!(
    Period,
    json_schema!({
        "type": "string",
        "pattern": r"^([0-9]+ *[a-zA-Zµ]+ *)+$",
        "examples": ["500ms", "30s", "1m"],
    })
);

const UNITS: [(&str, u64); 4] = [
    ("TiB", bytesize::TIB),
    ("GiB", bytesize::GIB),
    ("MiB", bytesize::MIB),
    ("KiB", bytesize::KIB),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_with_their_unit() {
        for (text, bytes, shown) in [
            ("8MiB", 8 << 20, "8MiB"),
            ("512KiB", 512 << 10, "512KiB"),
            ("1500B", 1500, "1500B"),
            ("1.5 MiB", 1536 << 10, "1536KiB"),
            ("2MB", 2_000_000, "2000000B"),
            ("0B", 0, "0B"),
        ] {
            let size = Size::parse(text).unwrap();
            assert_eq!((size, size.to_string().as_str()), (Size(bytes), shown));
            assert_eq!(Size::parse(shown), Ok(size));
        }
    }

    #[test]
    fn times_are_written_with_their_unit() {
        for (text, millis, shown) in [
            ("30s", 30_000, "30s"),
            ("500ms", 500, "500ms"),
            ("1m 30s", 90_000, "1m 30s"),
        ] {
            let period = Period::parse(text).unwrap();
            assert_eq!(
                (period, period.to_string().as_str()),
                (Period(Duration::from_millis(millis)), shown)
            );
        }
    }

    #[test]
    fn bare_numbers_and_nonsense_are_refused() {
        for bad in ["8", "0", "", "MiB", "-1MiB", "8 apples", "99999999999EiB", "1e3B", "ü"] {
            assert_eq!(Size::parse(bad), Err(UnitError::Size), "{bad}");
        }
        for bad in ["30", "0", "", "s", "-1s", "3 apples", "99999999999999999999s"] {
            assert_eq!(Period::parse(bad), Err(UnitError::Period), "{bad}");
        }
    }
}
