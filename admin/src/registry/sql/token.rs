//! Opaque access tokens, and what the columns of everything granted mean.

use super::row::{Columns, seconds};
use super::{AnyConnection, Result};
use crate::model::instant::UnixTime;
use crate::registry::token::{Digest, Granted, NewToken, TokenRecord};
use crate::registry::user::UserName;

pub(in crate::registry) async fn insert(db: &mut AnyConnection, token: &NewToken, user: Option<i64>) -> Result<()> {
    let granted = &token.record.granted;
    sqlx::query(
        "INSERT INTO tokens (digest, consumer_key, user_id, scopes, family, certificate, issued, expires) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(token.digest.0.as_slice())
    .bind(granted.consumer_key.as_str())
    .bind(user)
    .bind(granted.scopes.join(" "))
    .bind(granted.family.as_deref())
    .bind(certificate(granted))
    .bind(seconds(token.record.issued))
    .bind(seconds(token.record.expires))
    .execute(db)
    .await
    .map(drop)
}

pub(in crate::registry) async fn find(
    db: impl sqlx::Executor<'_, Database = sqlx::Any>,
    digest: &Digest,
) -> Result<Option<TokenRecord>> {
    let row = sqlx::query(
        "SELECT digest, consumer_key, tenant, name, scopes, family, certificate, issued, expires \
         FROM tokens LEFT JOIN users ON users.id = user_id WHERE digest = $1",
    )
    .bind(digest.0.as_slice())
    .fetch_optional(db)
    .await?;
    row.map(|row| read(&Columns(&row))).transpose()
}

/// Reads the tokens that were issued last.
pub(in crate::registry) async fn latest(
    db: &mut AnyConnection,
    now: UnixTime,
    most: i64,
) -> Result<Vec<(Digest, TokenRecord)>> {
    let rows = sqlx::query(
        "SELECT digest, consumer_key, tenant, name, scopes, family, certificate, issued, expires \
         FROM tokens LEFT JOIN users ON users.id = user_id WHERE expires > $1 ORDER BY expires DESC LIMIT $2",
    )
    .bind(seconds(now))
    .bind(most)
    .fetch_all(db)
    .await?;
    let pairs = rows.iter().map(|row| {
        let columns = Columns(row);
        Ok((columns.digest("digest")?, read(&columns)?))
    });
    pairs.collect()
}

pub(in crate::registry) async fn delete(db: &mut AnyConnection, digest: &Digest) -> Result<()> {
    let delete = sqlx::query("DELETE FROM tokens WHERE digest = $1");
    delete.bind(digest.0.as_slice()).execute(db).await.map(drop)
}

pub(in crate::registry) async fn delete_family(db: &mut AnyConnection, family: &str) -> Result<()> {
    let delete = sqlx::query("DELETE FROM tokens WHERE family = $1");
    delete.bind(family).execute(db).await.map(drop)
}

/// Deletes some that ended; returns how many.
pub(in crate::registry) async fn sweep(db: &mut AnyConnection, now: UnixTime, most: i64) -> Result<u64> {
    let delete =
        sqlx::query("DELETE FROM tokens WHERE digest IN (SELECT digest FROM tokens WHERE expires <= $1 LIMIT $2)");
    let swept = delete.bind(seconds(now)).bind(most).execute(db).await?;
    Ok(swept.rows_affected())
}

fn read(columns: &Columns<'_>) -> Result<TokenRecord> {
    Ok(TokenRecord {
        granted: granted(columns)?,
        issued: columns.time("issued")?,
        expires: columns.time("expires")?,
    })
}

/// Reads what a token or a code stands for.
pub(super) fn granted(columns: &Columns<'_>) -> Result<Granted> {
    let user = match columns.maybe_text("name")? {
        Some(name) => Some(UserName {
            tenant: columns.tenant("tenant")?,
            name,
        }),
        None => None,
    };
    Ok(Granted {
        consumer_key: columns.text("consumer_key")?,
        user,
        scopes: columns.words("scopes", ' ', |scope| Some(scope.to_owned()))?,
        family: columns.maybe_text("family")?,
        certificate: columns.maybe_digest("certificate")?,
    })
}

/// Returns the certificate that something is bound to.
pub(super) fn certificate(granted: &Granted) -> Option<&[u8]> {
    granted.certificate.as_ref().map(|digest| digest.0.as_slice())
}
