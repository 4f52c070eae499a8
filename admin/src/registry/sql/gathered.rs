//! Tables read whole: the engine gathers a page of rows into one value.
//!
//! A row that comes by itself costs far more than what is in it: the driver hands it from thread to thread and copies
//! each of its values several times. So a page comes as one JSON text, which is taken apart while the engine writes the
//! next. The engines name the functions for it differently; that is all in which these statements differ.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Error, Result, Row as _};

use super::row::{Columns, Misread, misread};
use crate::registry::token::Digest;

/// A statement that gathers. It returns `page` and `last`: an array of rows, and after which number the next page
/// begins, if there is one.
pub(in crate::registry) struct Gathered<T> {
    pub(super) columns: &'static [&'static str],
    pub(super) postgres: &'static str,
    pub(super) sqlite: &'static str,
    pub(super) read: fn(&Row<'_>) -> Result<T>,
}

/// Writes the statement for some columns, those after `hex` of bytes, and says what a row is read by. The rest of the
/// statement is `last` and whence it reads.
macro_rules! gathered {
    ([$first:literal $(, $column:literal)* $(; hex $($bytes:literal),*)?], $rest:expr, $read:path) => {
        $crate::registry::sql::gathered::Gathered {
            columns: &[$first $(, $column)* $($(, $bytes)*)?],
            postgres: concat!(
                "SELECT json_agg(json_build_array(", $first $(, ", ", $column)*
                $($(, ", encode(", $bytes, ", 'hex')")*)?, "))::text AS page, ", $rest
            ),
            sqlite: concat!(
                "SELECT json_group_array(json_array(", $first $(, ", ", $column)*
                $($(, ", hex(", $bytes, ")")*)?, ")) AS page, ", $rest
            ),
            read: |row| $read(row),
        }
    };
}

/// Writes whence a page is read: the rows whose `$key` is one of the next `$2` numbers of a table after `$1`.
macro_rules! numbered {
    ($from:literal, $key:literal of $numbers:literal) => {
        concat!(
            "(SELECT max(id) FROM (SELECT id FROM ",
            $numbers,
            " WHERE id > $1 ORDER BY id LIMIT $2) AS next) AS last ",
            "FROM ",
            $from,
            " WHERE ",
            $key,
            " > $1 AND ",
            $key,
            " <= ",
            "(SELECT max(id) FROM (SELECT id FROM ",
            $numbers,
            " WHERE id > $1 ORDER BY id LIMIT $2) AS next)"
        )
    };
}

pub(super) use {gathered, numbered};

impl<T> Gathered<T> {
    /// Shows every row, in no order: those after a number, so many numbers at a time.
    pub(in crate::registry) async fn each(
        &self,
        db: &mut AnyConnection,
        (after, most): (i64, i64),
        mut show: impl FnMut(T),
    ) -> Result<()> {
        let mut page = self.page(db, (after, most)).await?;
        while let Some(last) = page.try_get::<Option<i64>, _>("last")? {
            // The engine has its own thread or its own process: it begins on the next page before this one is shown.
            let (next, shown) = tokio::join!(self.page(db, (last, most)), async { self.show(&page, &mut show) });
            shown?;
            page = next?;
        }
        self.show(&page, &mut show)
    }

    async fn page(&self, db: &mut AnyConnection, (after, most): (i64, i64)) -> Result<AnyRow> {
        let statement = match db.backend_name() {
            "PostgreSQL" => self.postgres,
            _ => self.sqlite,
        };
        sqlx::query(statement).bind(after).bind(most).fetch_one(db).await
    }

    fn show(&self, page: &AnyRow, show: &mut impl FnMut(T)) -> Result<()> {
        let Some(text) = page.try_get::<Option<&str>, _>("page")? else {
            return Ok(());
        };
        let rows: Vec<Vec<Cell<'_>>> = serde_json::from_str(text).map_err(|error| Error::Decode(Box::new(error)))?;
        let columns = self.columns;
        for cells in rows {
            show((self.read)(&Row { columns, cells })?);
        }
        Ok(())
    }
}

/// A row of a page.
pub(super) struct Row<'p> {
    columns: &'static [&'static str],
    cells: Vec<Cell<'p>>,
}

/// A value of a row.
enum Cell<'p> {
    Nothing,
    Number(i64),
    Text(Cow<'p, str>),
}

impl<'p> Row<'p> {
    fn cell(&self, column: &'static str) -> Result<&Cell<'p>> {
        let place = self.columns.iter().position(|known| *known == column);
        let cell = place.and_then(|place| self.cells.get(place));
        cell.ok_or_else(|| Error::ColumnNotFound(column.to_owned()))
    }
}

impl Columns for Row<'_> {
    fn maybe_number(&self, column: &'static str) -> Result<Option<i64>> {
        match self.cell(column)? {
            Cell::Nothing => Ok(None),
            Cell::Number(number) => Ok(Some(*number)),
            Cell::Text(_) => Err(misread(column, Misread)),
        }
    }

    fn maybe_str(&self, column: &'static str) -> Result<Option<&str>> {
        match self.cell(column)? {
            Cell::Nothing => Ok(None),
            Cell::Number(_) => Err(misread(column, Misread)),
            Cell::Text(text) => Ok(Some(text)),
        }
    }

    fn maybe_digest(&self, column: &'static str) -> Result<Option<Digest>> {
        match self.maybe_str(column)? {
            // SQLite writes no text where there are no bytes.
            None | Some("") => Ok(None),
            Some(text) => {
                let mut digest = Digest([0; 32]);
                hex::decode_to_slice(text, &mut digest.0).map_err(|error| misread(column, error))?;
                Ok(Some(digest))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Cell<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing, a whole number or a text")
    }

    fn visit_unit<E: de::Error>(self) -> std::result::Result<Self::Value, E> {
        Ok(Cell::Nothing)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> std::result::Result<Self::Value, E> {
        Ok(Cell::Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> std::result::Result<Self::Value, E> {
        i64::try_from(number).map(Cell::Number).map_err(E::custom)
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> std::result::Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::registry::application::Application;
    use crate::registry::sql::store::Store;
    use crate::registry::sql::{application, client};

    /// Makes applications of these numbers; the last one has a key pair.
    async fn filled(data: &Path, numbers: &[i64]) -> Store {
        let store = Store::open("sqlite", data).await.unwrap();
        let mut db = store.begin().await.unwrap();
        sqlx::query("INSERT INTO users (id, tenant, name, password, created) VALUES (1, 'a.example', 'joe', '', 1)")
            .execute(&mut *db)
            .await
            .unwrap();
        for &number in numbers {
            sqlx::query(
                "INSERT INTO applications (id, uuid, name, owner_id, tier, token_type, created) \
                 VALUES ($1, $2, $2, 1, 'Gold', 'JWT', 1)",
            )
            .bind(number)
            .bind(named(number))
            .execute(&mut *db)
            .await
            .unwrap();
        }
        sqlx::query(
            "INSERT INTO clients (consumer_key, application_id, key_type, secret, grants, redirect_uris, is_public, \
             created) SELECT 'key', max(id), 'SANDBOX', $1, 'password', '', 0, 1 FROM applications",
        )
        .bind([0xab_u8; 32].as_slice())
        .execute(&mut *db)
        .await
        .unwrap();
        db.commit().await.unwrap();
        store
    }

    fn named(number: i64) -> String {
        format!("a \"{number}\" \\ \u{1} ü")
    }

    #[tokio::test]
    async fn every_row_is_shown_once_however_its_table_falls_into_pages() {
        let numbers = [1, 2, 3, 7, 8, 20, i64::MAX];
        let data = tempfile::tempdir().unwrap();
        let store = filled(data.path(), &numbers).await;
        let mut db = store.read().acquire().await.unwrap();
        for most in 1..=8 {
            let mut shown = Vec::new();
            let show = |application: Application| shown.push((application.id.0, application.name));
            application::EVERY.each(&mut db, (0, most), show).await.unwrap();
            let each = numbers.iter().map(|&number| (number, named(number)));
            assert!(shown.iter().cloned().eq(each), "{most}: {shown:?}");

            // Pages before the one with the only key pair are empty.
            let mut clients = Vec::new();
            client::EVERY
                .each(&mut db, (0, most), |client| clients.push(client))
                .await
                .unwrap();
            let [client] = clients.as_slice() else {
                panic!("{most}: {} key pairs", clients.len());
            };
            assert_eq!((client.application.0, client.secret), (i64::MAX, Digest([0xab; 32])));
            assert_eq!(client.terms.proof.certificate, None);
        }
        drop(db);
        store.close().await;
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_an_error() {
        let data = tempfile::tempdir().unwrap();
        let store = filled(data.path(), &[1]).await;
        for damage in ["secret = X'ab'", "key_type = 'MOON'", "is_public = 'yes'"] {
            let mut db = store.begin().await.unwrap();
            let statement = sqlx::AssertSqlSafe(format!("UPDATE clients SET {damage}"));
            sqlx::query(statement).execute(&mut *db).await.unwrap();
            let read = client::EVERY.each(&mut db, (0, 10), drop).await;
            assert!(matches!(read, Err(Error::ColumnDecode { .. })), "{damage}: {read:?}");
        }
        store.close().await;
    }
}
