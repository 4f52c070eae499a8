//! Opaque access tokens, and what the columns of everything granted mean.

use super::gathered::{Gathered, gathered};
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
    row.map(|row| read(&row)).transpose()
}

/// Shows the tokens that end last, but no more than so many.
pub(in crate::registry) async fn each_latest(
    db: &mut AnyConnection,
    now: UnixTime,
    most: usize,
    show: impl FnMut((Digest, TokenRecord)),
) -> Result<()> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    LATEST.each(db, (seconds(now), most), show).await
}

/// The tokens that end last: all that end after a moment, but no more than so many.
const LATEST: Gathered<(Digest, TokenRecord)> = gathered!(
    ["consumer_key", "tenant", "name", "scopes", "family", "issued", "expires"; hex "digest", "certificate"],
    "CAST(NULL AS BIGINT) AS last FROM \
     (SELECT digest, consumer_key, tenant, name, scopes, family, certificate, issued, expires \
     FROM tokens LEFT JOIN users ON users.id = user_id WHERE expires > $1 ORDER BY expires DESC LIMIT $2) AS latest",
    read_latest
);

/// Reads one of the latest tokens.
fn read_latest(columns: &impl Columns) -> Result<(Digest, TokenRecord)> {
    Ok((columns.digest("digest")?, read(columns)?))
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

fn read(columns: &impl Columns) -> Result<TokenRecord> {
    Ok(TokenRecord {
        granted: granted(columns)?,
        issued: columns.time("issued")?,
        expires: columns.time("expires")?,
    })
}

/// Reads what a token or a code stands for.
pub(super) fn granted(columns: &impl Columns) -> Result<Granted> {
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
