//! Refresh tokens. One that was used stays until it ends, so that a second use is noticed.

use super::row::{Columns, seconds};
use super::token::{certificate, granted};
use super::{AnyConnection, Result};
use crate::model::instant::UnixTime;
use crate::registry::token::{Digest, RefreshToken};
use crate::registry::user::UserName;

/// A refresh token, and whether it was used.
pub(in crate::registry) struct RefreshRow {
    pub(in crate::registry) token: RefreshToken,
    pub(in crate::registry) used: bool,
}

pub(in crate::registry) async fn insert(
    db: &mut AnyConnection,
    token: &RefreshToken,
    family: &str,
    user: Option<i64>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO refresh_tokens (digest, consumer_key, user_id, scopes, family, certificate, authenticated, expires, \
         used) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)",
    )
    .bind(token.digest.0.as_slice())
    .bind(token.granted.consumer_key.as_str())
    .bind(user)
    .bind(token.granted.scopes.join(" "))
    .bind(family)
    .bind(certificate(&token.granted))
    .bind(token.authenticated.map(seconds))
    .bind(seconds(token.expires))
    .execute(db)
    .await
    .map(drop)
}

/// Uses a token up; tells whether it could be used.
pub(in crate::registry) async fn mark_used(db: &mut AnyConnection, digest: &Digest, now: UnixTime) -> Result<bool> {
    let used = sqlx::query("UPDATE refresh_tokens SET used = 1 WHERE digest = $1 AND used = 0 AND expires > $2")
        .bind(digest.0.as_slice())
        .bind(seconds(now));
    Ok(used.execute(db).await?.rows_affected() == 1)
}

/// Makes the token that follows a used one, of the same family.
pub(in crate::registry) async fn succeed(
    db: &mut AnyConnection,
    used: &Digest,
    next: &Digest,
    expires: UnixTime,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO refresh_tokens (digest, consumer_key, user_id, scopes, family, certificate, authenticated, expires, \
         used) SELECT $2, consumer_key, user_id, scopes, family, certificate, authenticated, $3, 0 \
         FROM refresh_tokens WHERE digest = $1",
    )
    .bind(used.0.as_slice())
    .bind(next.0.as_slice())
    .bind(seconds(expires))
    .execute(db)
    .await
    .map(drop)
}

pub(in crate::registry) async fn find(
    db: impl sqlx::Executor<'_, Database = sqlx::Any>,
    digest: &Digest,
) -> Result<Option<RefreshRow>> {
    let row = sqlx::query(
        "SELECT digest, consumer_key, tenant, name, scopes, family, certificate, authenticated, expires, used \
         FROM refresh_tokens LEFT JOIN users ON users.id = user_id WHERE digest = $1",
    )
    .bind(digest.0.as_slice())
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let columns = &row;
        Ok(RefreshRow {
            token: RefreshToken {
                digest: columns.digest("digest")?,
                granted: granted(columns)?,
                authenticated: columns.maybe_time("authenticated")?,
                expires: columns.time("expires")?,
            },
            used: columns.flag("used")?,
        })
    })
    .transpose()
}

/// Returns the families of a user that have not ended.
pub(in crate::registry) async fn families_of(db: &mut AnyConnection, user: &UserName) -> Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT DISTINCT family FROM refresh_tokens JOIN users ON users.id = user_id WHERE tenant = $1 AND name = $2",
    )
    .bind(user.tenant.as_str())
    .bind(user.name.as_str())
    .fetch_all(db)
    .await
}

/// Returns when the last token of a family ends.
pub(in crate::registry) async fn end_of(db: &mut AnyConnection, family: &str) -> Result<Option<i64>> {
    let end = sqlx::query_scalar("SELECT MAX(expires) FROM refresh_tokens WHERE family = $1");
    end.bind(family).fetch_one(db).await
}

pub(in crate::registry) async fn delete(db: &mut AnyConnection, digest: &Digest) -> Result<()> {
    let delete = sqlx::query("DELETE FROM refresh_tokens WHERE digest = $1");
    delete.bind(digest.0.as_slice()).execute(db).await.map(drop)
}

pub(in crate::registry) async fn delete_family(db: &mut AnyConnection, family: &str) -> Result<()> {
    let delete = sqlx::query("DELETE FROM refresh_tokens WHERE family = $1");
    delete.bind(family).execute(db).await.map(drop)
}

/// Deletes some that ended; returns how many.
pub(in crate::registry) async fn sweep(db: &mut AnyConnection, now: UnixTime, most: i64) -> Result<u64> {
    let delete = sqlx::query(
        "DELETE FROM refresh_tokens WHERE digest IN (SELECT digest FROM refresh_tokens WHERE expires <= $1 LIMIT $2)",
    );
    let swept = delete.bind(seconds(now)).bind(most).execute(db).await?;
    Ok(swept.rows_affected())
}
