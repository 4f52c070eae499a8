//! Rows read as nouns: times, digests, names and words.

use std::str::FromStr;

use sqlx::any::AnyRow;
use sqlx::{Result, Row as _};

use crate::model::instant::UnixTime;
use crate::model::name::{ApiName, NameError, TenantName, TierName, VersionName};
use crate::registry::token::Digest;

/// A row, asked for columns as what they mean.
pub(super) struct Columns<'r>(pub(super) &'r AnyRow);

impl Columns<'_> {
    pub(super) fn text(&self, column: &'static str) -> Result<String> {
        self.0.try_get(column)
    }

    pub(super) fn maybe_text(&self, column: &'static str) -> Result<Option<String>> {
        self.0.try_get(column)
    }

    pub(super) fn number(&self, column: &'static str) -> Result<i64> {
        self.0.try_get(column)
    }

    pub(super) fn flag(&self, column: &'static str) -> Result<bool> {
        Ok(self.number(column)? != 0)
    }

    pub(super) fn time(&self, column: &'static str) -> Result<UnixTime> {
        Ok(time(self.number(column)?))
    }

    pub(super) fn maybe_time(&self, column: &'static str) -> Result<Option<UnixTime>> {
        Ok(self.0.try_get::<Option<i64>, _>(column)?.map(time))
    }

    pub(super) fn digest(&self, column: &'static str) -> Result<Digest> {
        digest(column, self.0.try_get(column)?)
    }

    pub(super) fn maybe_digest(&self, column: &'static str) -> Result<Option<Digest>> {
        let bytes: Option<Vec<u8>> = self.0.try_get(column)?;
        bytes.map(|bytes| digest(column, bytes)).transpose()
    }

    pub(super) fn tenant(&self, column: &'static str) -> Result<TenantName> {
        self.name(column, TenantName::parse)
    }

    pub(super) fn tier(&self, column: &'static str) -> Result<TierName> {
        self.name(column, TierName::parse)
    }

    pub(super) fn api(&self, column: &'static str) -> Result<ApiName> {
        self.name(column, ApiName::parse)
    }

    pub(super) fn version(&self, column: &'static str) -> Result<VersionName> {
        self.name(column, VersionName::parse)
    }

    /// Reads one of a noun's own words.
    pub(super) fn word<T>(&self, column: &'static str, known: fn(&str) -> Option<T>) -> Result<T> {
        known(self.0.try_get(column)?).ok_or_else(|| misread(column, Misread))
    }

    /// Reads words between which `separator` stands.
    pub(super) fn words<T>(
        &self,
        column: &'static str,
        separator: char,
        known: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>> {
        let text: &str = self.0.try_get(column)?;
        let words = text.split(separator).filter(|word| !word.is_empty());
        let read = words.map(|word| known(word).ok_or_else(|| misread(column, Misread)));
        read.collect()
    }

    fn name<T>(&self, column: &'static str, parse: fn(&str) -> Result<T, NameError>) -> Result<T> {
        parse(self.0.try_get(column)?).map_err(|error| misread(column, error))
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

fn misread(column: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(source),
    }
}

/// A column holds what this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("it holds what this version of the gateway does not know")]
struct Misread;
