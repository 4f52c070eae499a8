//! The audit.

use std::borrow::Cow;

use futures_util::TryStreamExt as _;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::row::{Columns, Misread, misread, seconds};
use super::{AnyConnection, Result};
use crate::registry::audit::{Kept, Record, Wanted};

/// Keeps a record; returns its number.
pub(in crate::registry) async fn insert(
    db: &mut AnyConnection,
    record: &Record,
    (before, after): (Option<String>, Option<String>),
) -> Result<i64> {
    sqlx::query_scalar(
        "INSERT INTO audit (at, actor, tenant, address, action, object, state_before, state_after, revision, outcome) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
    )
    .bind(seconds(record.at))
    .bind(record.actor.as_str())
    .bind(record.tenant.as_str())
    .bind(record.address.map(|address| address.to_string()))
    .bind(record.action.as_ref())
    .bind(record.object.as_str())
    .bind(before)
    .bind(after)
    .bind(record.revision.and_then(|revision| i64::try_from(revision).ok()))
    .bind(record.outcome.as_ref())
    .fetch_one(db)
    .await
}

/// Forgets the records up to a number.
pub(in crate::registry) async fn forget(db: &mut AnyConnection, number: i64) -> Result<()> {
    let forget = sqlx::query("DELETE FROM audit WHERE id <= $1");
    forget.bind(number).execute(db).await.map(drop)
}

/// Forgets the records of an action but for the last ones.
pub(in crate::registry) async fn forget_of(db: &mut AnyConnection, action: &str, but: i64) -> Result<()> {
    let forget = sqlx::query(
        "DELETE FROM audit WHERE action = $1 \
         AND id <= (SELECT id FROM audit WHERE action = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
    );
    forget.bind(action).bind(but).execute(db).await.map(drop)
}

/// Which records are wanted; an empty text wants all.
macro_rules! wanted {
    () => {
        "WHERE ($1 = '' OR tenant = $1) AND ($2 = '' OR actor = $2) AND ($3 = '' OR action = $3) \
         AND ($4 = '' OR LOWER(object) LIKE $4 ESCAPE '!') AND at >= $5 AND at < $6"
    };
}

/// Binds what is wanted.
macro_rules! bound {
    ($query:expr, $wanted:expr) => {
        $query
            .bind($wanted.tenant.as_ref().map_or("", |tenant| tenant.as_str()))
            .bind($wanted.actor.as_deref().unwrap_or_default())
            .bind($wanted.action.as_deref().unwrap_or_default())
            .bind($wanted.object.as_deref().map(within).unwrap_or_default())
            .bind($wanted.since.map_or(0, seconds))
            .bind($wanted.until.map_or(i64::MAX, seconds))
    };
}

/// Lists records, the latest first; it ends early with the one that makes a page full.
pub(in crate::registry) async fn list(
    db: &mut AnyConnection,
    wanted: &Wanted,
    (limit, offset): (i64, i64),
) -> Result<Vec<Kept>> {
    let list = sqlx::query(concat!(
        "SELECT id, at, actor, tenant, address, action, object, state_before, state_after, revision, outcome FROM audit ",
        wanted!(),
        " ORDER BY id DESC LIMIT $7 OFFSET $8"
    ));
    let mut rows = bound!(list, wanted).bind(limit).bind(offset).fetch(db);
    let (mut found, mut size) = (Vec::new(), 0);
    while size < PAGE_BYTES
        && let Some(row) = rows.try_next().await?
    {
        size += bytes(&row)?;
        found.push(read(&row)?);
    }
    Ok(found)
}

/// Counts the bytes of a record's texts.
fn bytes(columns: &AnyRow) -> Result<usize> {
    let texts = ["actor", "action", "object", "state_before", "state_after", "outcome"];
    let sizes = texts.map(|column| columns.maybe_str(column).map(|text| text.map_or(0, str::len)));
    sizes.into_iter().sum()
}

/// Counts records.
pub(in crate::registry) async fn count(db: &mut AnyConnection, wanted: &Wanted) -> Result<i64> {
    let count = sqlx::query_scalar(concat!("SELECT COUNT(*) FROM audit ", wanted!()));
    bound!(count, wanted).fetch_one(db).await
}

/// Writes a pattern of what has a text within.
fn within(text: &str) -> String {
    let mut pattern = "%".to_owned();
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// A page with so many bytes of texts takes no further record.
const PAGE_BYTES: usize = 4 << 20;

fn read(columns: &AnyRow) -> Result<Kept> {
    let state = |column: &'static str| {
        let text = columns.maybe_str(column)?;
        let read = text.map(|text| serde_json::from_str(text).map_err(|error| misread(column, error)));
        read.transpose()
    };
    let address = columns.maybe_str("address")?;
    let address = address.map(|text| text.parse().map_err(|_| misread("address", Misread)));
    let revision: Option<i64> = columns.try_get("revision")?;
    let record = Record {
        at: columns.time("at")?,
        actor: columns.text("actor")?,
        tenant: columns.tenant("tenant")?,
        address: address.transpose()?,
        action: Cow::Owned(columns.text("action")?),
        object: columns.text("object")?,
        before: state("state_before")?,
        after: state("state_after")?,
        revision: revision.and_then(|revision| u64::try_from(revision).ok()),
        outcome: Cow::Owned(columns.text("outcome")?),
    };
    Ok(Kept {
        id: columns.number("id")?,
        record,
    })
}
