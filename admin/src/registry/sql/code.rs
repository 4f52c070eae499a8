//! Authorization codes. One that was taken stays for a while, so that a second use is noticed.

use super::row::{Columns, seconds};
use super::token::{certificate, granted};
use super::{AnyConnection, Result};
use crate::model::instant::UnixTime;
use crate::registry::token::{AuthorizationCode, Digest};

/// An authorization code, and whether it was taken.
pub(in crate::registry) struct CodeRow {
    pub(in crate::registry) code: AuthorizationCode,
    pub(in crate::registry) taken: bool,
}

pub(in crate::registry) async fn insert(
    db: &mut AnyConnection,
    code: &AuthorizationCode,
    family: &str,
    user: Option<i64>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO codes (digest, consumer_key, user_id, scopes, family, certificate, redirect_uri, challenge, \
         nonce, authenticated, expires, taken) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0)",
    )
    .bind(code.digest.0.as_slice())
    .bind(code.granted.consumer_key.as_str())
    .bind(user)
    .bind(code.granted.scopes.join(" "))
    .bind(family)
    .bind(certificate(&code.granted))
    .bind(code.redirect_uri.as_str())
    .bind(code.challenge.as_str())
    .bind(code.nonce.as_deref())
    .bind(seconds(code.authenticated))
    .bind(seconds(code.expires))
    .execute(db)
    .await
    .map(drop)
}

/// Takes a code; tells whether it could be taken.
pub(in crate::registry) async fn mark_taken(db: &mut AnyConnection, digest: &Digest, now: UnixTime) -> Result<bool> {
    let taken = sqlx::query("UPDATE codes SET taken = 1 WHERE digest = $1 AND taken = 0 AND expires > $2")
        .bind(digest.0.as_slice())
        .bind(seconds(now));
    Ok(taken.execute(db).await?.rows_affected() == 1)
}

pub(in crate::registry) async fn find(db: &mut AnyConnection, digest: &Digest) -> Result<Option<CodeRow>> {
    let row = sqlx::query(
        "SELECT digest, consumer_key, tenant, name, scopes, family, certificate, redirect_uri, challenge, nonce, \
         authenticated, expires, taken FROM codes LEFT JOIN users ON users.id = user_id WHERE digest = $1",
    )
    .bind(digest.0.as_slice())
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let columns = &row;
        Ok(CodeRow {
            code: AuthorizationCode {
                digest: columns.digest("digest")?,
                granted: granted(columns)?,
                redirect_uri: columns.text("redirect_uri")?,
                challenge: columns.text("challenge")?,
                nonce: columns.maybe_text("nonce")?,
                authenticated: columns.time("authenticated")?,
                expires: columns.time("expires")?,
            },
            taken: columns.flag("taken")?,
        })
    })
    .transpose()
}

/// Deletes the codes of a user that nobody has taken.
pub(in crate::registry) async fn delete_of(db: &mut AnyConnection, user: i64) -> Result<()> {
    let delete = sqlx::query("DELETE FROM codes WHERE user_id = $1 AND taken = 0");
    delete.bind(user).execute(db).await.map(drop)
}

/// Deletes some that ended; returns how many.
pub(in crate::registry) async fn sweep(db: &mut AnyConnection, now: UnixTime, most: i64) -> Result<u64> {
    let delete =
        sqlx::query("DELETE FROM codes WHERE digest IN (SELECT digest FROM codes WHERE expires <= $1 LIMIT $2)");
    let swept = delete
        .bind(seconds(now).saturating_sub(REMEMBERED))
        .bind(most)
        .execute(db)
        .await?;
    Ok(swept.rows_affected())
}

/// A second use is noticed for a day.
const REMEMBERED: i64 = 86_400;
