//! Key pairs.

use std::sync::Arc;

use super::gathered::{Gathered, gathered, numbered};
use super::row::{Columns, joined, seconds};
use super::{AnyConnection, Result};
use crate::model::instant::UnixTime;
use crate::registry::application::{Application, ApplicationId};
use crate::registry::key_pair::{Client, ClientProof, GrantType, KeyType, Terms};
use crate::registry::token::Digest;

/// A key pair without its application.
pub(in crate::registry) struct ClientRow {
    pub(in crate::registry) application: ApplicationId,
    pub(in crate::registry) consumer_key: String,
    pub(in crate::registry) secret: Digest,
    pub(in crate::registry) key_type: KeyType,
    pub(in crate::registry) terms: Terms,
}

impl ClientRow {
    /// Puts it together with its application.
    pub(in crate::registry) fn of(self, application: Arc<Application>) -> Client {
        Client {
            consumer_key: self.consumer_key,
            secret: self.secret,
            key_type: self.key_type,
            grants: self.terms.grants,
            redirect_uris: self.terms.redirect_uris,
            proof: self.terms.proof,
            application,
        }
    }
}

pub(in crate::registry) async fn insert(db: &mut AnyConnection, row: &ClientRow, now: UnixTime) -> Result<()> {
    sqlx::query(
        "INSERT INTO clients (consumer_key, application_id, key_type, secret, grants, redirect_uris, jwks, \
         certificate, is_public, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(row.consumer_key.as_str())
    .bind(row.application.0)
    .bind(row.key_type.word())
    .bind(row.secret.0.as_slice())
    .bind(grants(&row.terms))
    .bind(joined(&row.terms.redirect_uris, "\n"))
    .bind(row.terms.proof.jwks.as_deref())
    .bind(certificate(&row.terms))
    .bind(i64::from(row.terms.proof.is_public))
    .bind(seconds(now))
    .execute(db)
    .await
    .map(drop)
}

/// Tells whether there was one to change.
pub(in crate::registry) async fn update(db: &mut AnyConnection, consumer_key: &str, terms: &Terms) -> Result<bool> {
    let update = sqlx::query(
        "UPDATE clients SET grants = $2, redirect_uris = $3, jwks = $4, certificate = $5, is_public = $6 \
         WHERE consumer_key = $1",
    )
    .bind(consumer_key)
    .bind(grants(terms))
    .bind(joined(&terms.redirect_uris, "\n"))
    .bind(terms.proof.jwks.as_deref())
    .bind(certificate(terms))
    .bind(i64::from(terms.proof.is_public));
    Ok(update.execute(db).await?.rows_affected() > 0)
}

/// Tells whether there was one to change.
pub(in crate::registry) async fn set_secret(
    db: &mut AnyConnection,
    consumer_key: &str,
    secret: &Digest,
) -> Result<bool> {
    let update = sqlx::query("UPDATE clients SET secret = $2 WHERE consumer_key = $1")
        .bind(consumer_key)
        .bind(secret.0.as_slice());
    Ok(update.execute(db).await?.rows_affected() > 0)
}

/// Deletes it with its tokens; tells whether there was one.
pub(in crate::registry) async fn delete(db: &mut AnyConnection, consumer_key: &str) -> Result<bool> {
    let delete = sqlx::query("DELETE FROM clients WHERE consumer_key = $1").bind(consumer_key);
    Ok(delete.execute(db).await?.rows_affected() > 0)
}

pub(in crate::registry) async fn find(db: &mut AnyConnection, consumer_key: &str) -> Result<Option<ClientRow>> {
    let row = sqlx::query(
        "SELECT consumer_key, application_id, key_type, secret, grants, redirect_uris, jwks, certificate, is_public \
         FROM clients WHERE consumer_key = $1",
    )
    .bind(consumer_key)
    .fetch_optional(db)
    .await?;
    row.map(|row| read(&row)).transpose()
}

/// Tells whether an application has a key pair of a type.
pub(in crate::registry) async fn has(db: &mut AnyConnection, id: ApplicationId, key_type: KeyType) -> Result<bool> {
    let row = sqlx::query("SELECT consumer_key FROM clients WHERE application_id = $1 AND key_type = $2")
        .bind(id.0)
        .bind(key_type.word());
    Ok(row.fetch_optional(db).await?.is_some())
}

/// Every key pair, in the order of applications.
pub(in crate::registry) const EVERY: Gathered<ClientRow> = gathered!(
    ["consumer_key", "application_id", "key_type", "grants", "redirect_uris", "jwks", "is_public"; hex "secret", "certificate"],
    numbered!("clients", "application_id" of "applications"),
    read
);

fn read(columns: &impl Columns) -> Result<ClientRow> {
    Ok(ClientRow {
        application: ApplicationId(columns.number("application_id")?),
        consumer_key: columns.text("consumer_key")?,
        secret: columns.digest("secret")?,
        key_type: columns.word("key_type", KeyType::of)?,
        terms: Terms {
            grants: columns.words("grants", ' ', GrantType::of)?,
            redirect_uris: columns.words("redirect_uris", '\n', |uri| Some(uri.to_owned()))?,
            proof: ClientProof {
                jwks: columns.maybe_text("jwks")?,
                certificate: columns.maybe_digest("certificate")?,
                is_public: columns.flag("is_public")?,
            },
        },
    })
}

fn grants(terms: &Terms) -> String {
    let words: Vec<_> = terms.grants.iter().map(|grant| grant.word()).collect();
    words.join(" ")
}

fn certificate(terms: &Terms) -> Option<&[u8]> {
    terms.proof.certificate.as_ref().map(|digest| digest.0.as_slice())
}
