//! Rows read as nouns: times, digests, names and words.

use std::str::FromStr;

use sqlx::any::AnyRow;
use sqlx::error::UnexpectedNullError;
use sqlx::{Result, Row as _};

use crate::model::instant::UnixTime;
use crate::model::name::{ApiName, NameError, TenantName, TierName, VersionName};
use crate::registry::token::Digest;

/// A row, asked for columns as what they mean.
pub(super) trait Columns {
    fn maybe_number(&self, column: &'static str) -> Result<Option<i64>>;

    fn maybe_str(&self, column: &'static str) -> Result<Option<&str>>;

    fn maybe_digest(&self, column: &'static str) -> Result<Option<Digest>>;

    fn str(&self, column: &'static str) -> Result<&str> {
        there(column, self.maybe_str(column)?)
    }

    fn text(&self, column: &'static str) -> Result<String> {
        self.str(column).map(str::to_owned)
    }

    fn maybe_text(&self, column: &'static str) -> Result<Option<String>> {
        Ok(self.maybe_str(column)?.map(str::to_owned))
    }

    fn number(&self, column: &'static str) -> Result<i64> {
        there(column, self.maybe_number(column)?)
    }

    fn flag(&self, column: &'static str) -> Result<bool> {
        Ok(self.number(column)? != 0)
    }

    fn time(&self, column: &'static str) -> Result<UnixTime> {
        Ok(time(self.number(column)?))
    }

    fn maybe_time(&self, column: &'static str) -> Result<Option<UnixTime>> {
        Ok(self.maybe_number(column)?.map(time))
    }

    fn digest(&self, column: &'static str) -> Result<Digest> {
        there(column, self.maybe_digest(column)?)
    }

    fn tenant(&self, column: &'static str) -> Result<TenantName> {
        name(column, self.str(column)?, TenantName::parse)
    }

    fn tier(&self, column: &'static str) -> Result<TierName> {
        name(column, self.str(column)?, TierName::parse)
    }

    fn api(&self, column: &'static str) -> Result<ApiName> {
        name(column, self.str(column)?, ApiName::parse)
    }

    fn version(&self, column: &'static str) -> Result<VersionName> {
        name(column, self.str(column)?, VersionName::parse)
    }

    /// Reads one of a noun's own words.
    fn word<T>(&self, column: &'static str, known: fn(&str) -> Option<T>) -> Result<T> {
        known(self.str(column)?).ok_or_else(|| misread(column, Misread))
    }

    /// Reads words between which `separator` stands.
    fn words<T>(&self, column: &'static str, separator: char, known: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
        let words = self.str(column)?.split(separator).filter(|word| !word.is_empty());
        let read = words.map(|word| known(word).ok_or_else(|| misread(column, Misread)));
        read.collect()
    }
}

impl Columns for AnyRow {
    fn maybe_number(&self, column: &'static str) -> Result<Option<i64>> {
        self.try_get(column)
    }

    fn maybe_str(&self, column: &'static str) -> Result<Option<&str>> {
        self.try_get(column)
    }

    fn maybe_digest(&self, column: &'static str) -> Result<Option<Digest>> {
        let bytes: Option<Vec<u8>> = self.try_get(column)?;
        bytes.map(|bytes| digest(column, bytes)).transpose()
    }
}

/// Writes a time as the tables have it.
pub(super) fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

/// Writes words with `separator` between them.
pub(super) fn joined<T: ToString>(words: &[T], separator: &str) -> String {
    let words: Vec<_> = words.iter().map(T::to_string).collect();
    words.join(separator)
}

/// Reads a word by its `FromStr`.
pub(super) fn parsed<T: FromStr>(word: &str) -> Option<T> {
    word.parse().ok()
}

fn time(seconds: i64) -> UnixTime {
    UnixTime(u64::try_from(seconds).unwrap_or_default())
}

fn digest(column: &'static str, bytes: Vec<u8>) -> Result<Digest> {
    let bytes = bytes.try_into().map_err(|_| misread(column, Misread))?;
    Ok(Digest(bytes))
}

fn name<T>(column: &'static str, text: &str, parse: fn(&str) -> Result<T, NameError>) -> Result<T> {
    parse(text).map_err(|error| misread(column, error))
}

fn there<T>(column: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| misread(column, UnexpectedNullError))
}

pub(super) fn misread(column: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(source),
    }
}

/// A column holds what this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("it holds what this version of the gateway does not know")]
pub(super) struct Misread;
