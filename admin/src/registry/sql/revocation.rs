//! Revocations, of single tokens and of families.

use super::row::{Columns, seconds};
use super::{AnyConnection, PAGE, Result};
use crate::model::instant::UnixTime;
use crate::registry::token::Digest;

/// Revokes a token, or keeps its revocation for longer.
pub(in crate::registry) async fn insert(db: &mut AnyConnection, digest: &Digest, expires: UnixTime) -> Result<()> {
    sqlx::query(
        "INSERT INTO revocations (digest, expires) VALUES ($1, $2) ON CONFLICT (digest) DO UPDATE SET expires = \
         CASE WHEN excluded.expires > revocations.expires THEN excluded.expires ELSE revocations.expires END",
    )
    .bind(digest.0.as_slice())
    .bind(seconds(expires))
    .execute(db)
    .await
    .map(drop)
}

/// Revokes a family, or keeps its revocation for longer.
pub(in crate::registry) async fn insert_family(db: &mut AnyConnection, family: &str, expires: i64) -> Result<()> {
    sqlx::query(
        "INSERT INTO revoked_families (family, expires) VALUES ($1, $2) ON CONFLICT (family) DO UPDATE SET expires = \
         CASE WHEN excluded.expires > revoked_families.expires THEN excluded.expires \
         ELSE revoked_families.expires END",
    )
    .bind(family)
    .bind(expires)
    .execute(db)
    .await
    .map(drop)
}

pub(in crate::registry) async fn find(db: &mut AnyConnection, digest: &Digest) -> Result<Option<UnixTime>> {
    let row = sqlx::query("SELECT expires FROM revocations WHERE digest = $1").bind(digest.0.as_slice());
    let row = row.fetch_optional(db).await?;
    row.map(|row| row.time("expires")).transpose()
}

pub(in crate::registry) async fn find_family(db: &mut AnyConnection, family: &str) -> Result<Option<UnixTime>> {
    let row = sqlx::query("SELECT expires FROM revoked_families WHERE family = $1").bind(family);
    let row = row.fetch_optional(db).await?;
    row.map(|row| row.time("expires")).transpose()
}

/// Reads revocations after a digest, in their order.
pub(in crate::registry) async fn page(db: &mut AnyConnection, after: &mut Vec<u8>) -> Result<Vec<(Digest, UnixTime)>> {
    let rows = sqlx::query("SELECT digest, expires FROM revocations WHERE digest > $1 ORDER BY digest LIMIT $2")
        .bind(after.as_slice())
        .bind(PAGE)
        .fetch_all(db)
        .await?;
    let read = rows.iter();
    let read: Vec<_> = read
        .map(|columns| Ok((columns.digest("digest")?, columns.time("expires")?)))
        .collect::<Result<_>>()?;
    if let Some((last, _)) = read.last() {
        *after = last.0.to_vec();
    }
    Ok(read)
}

/// Reads revoked families after one, in their order.
pub(in crate::registry) async fn page_of_families(
    db: &mut AnyConnection,
    after: &mut String,
) -> Result<Vec<(String, UnixTime)>> {
    let rows = sqlx::query("SELECT family, expires FROM revoked_families WHERE family > $1 ORDER BY family LIMIT $2")
        .bind(after.as_str())
        .bind(PAGE)
        .fetch_all(db)
        .await?;
    let read = rows.iter();
    let read: Vec<_> = read
        .map(|columns| Ok((columns.text("family")?, columns.time("expires")?)))
        .collect::<Result<_>>()?;
    if let Some((last, _)) = read.last() {
        after.clone_from(last);
    }
    Ok(read)
}

/// Deletes some that ended; returns how many.
pub(in crate::registry) async fn sweep(db: &mut AnyConnection, now: UnixTime, most: i64) -> Result<u64> {
    let tokens = sqlx::query(
        "DELETE FROM revocations WHERE digest IN (SELECT digest FROM revocations WHERE expires <= $1 LIMIT $2)",
    );
    let tokens = tokens.bind(seconds(now)).bind(most).execute(&mut *db).await?;
    let families = sqlx::query(
        "DELETE FROM revoked_families WHERE family IN \
         (SELECT family FROM revoked_families WHERE expires <= $1 LIMIT $2)",
    );
    let families = families.bind(seconds(now)).bind(most).execute(db).await?;
    Ok(tokens.rows_affected().max(families.rows_affected()))
}
