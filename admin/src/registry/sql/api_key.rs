//! API keys.

use std::sync::Arc;

use super::gathered::{Gathered, gathered, numbered};
use super::row::{Columns, joined, parsed, seconds};
use super::{AnyConnection, Result};
use crate::model::instant::UnixTime;
use crate::registry::api_key::{ApiKey, ApiKeyId, NewApiKey, Restrictions};
use crate::registry::application::{Application, ApplicationId};
use crate::registry::key_pair::KeyType;
use crate::registry::token::Digest;

/// An API key without its application.
pub(in crate::registry) struct ApiKeyRow {
    pub(in crate::registry) id: ApiKeyId,
    pub(in crate::registry) digest: Digest,
    pub(in crate::registry) application: ApplicationId,
    pub(in crate::registry) key_type: KeyType,
    pub(in crate::registry) restrictions: Restrictions,
    pub(in crate::registry) expires: Option<UnixTime>,
}

impl ApiKeyRow {
    /// Puts it together with its application.
    pub(in crate::registry) fn of(self, application: Arc<Application>) -> ApiKey {
        ApiKey {
            id: self.id,
            application,
            key_type: self.key_type,
            restrictions: self.restrictions,
            expires: self.expires,
        }
    }
}

pub(in crate::registry) async fn insert(
    db: &mut AnyConnection,
    digest: &Digest,
    key: &NewApiKey,
    now: UnixTime,
) -> Result<ApiKeyId> {
    let id = sqlx::query_scalar(
        "INSERT INTO api_keys (digest, application_id, key_type, networks, referers, expires, created) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
    )
    .bind(digest.0.as_slice())
    .bind(key.application.0)
    .bind(key.key_type.word())
    .bind(joined(&key.restrictions.networks, " "))
    .bind(joined(&key.restrictions.referers, "\n"))
    .bind(key.expires.map(seconds))
    .bind(seconds(now))
    .fetch_one(db)
    .await?;
    Ok(ApiKeyId(id))
}

/// Returns the digest of what it was, if there was one.
pub(in crate::registry) async fn delete(db: &mut AnyConnection, id: ApiKeyId) -> Result<Option<Digest>> {
    let delete = sqlx::query("DELETE FROM api_keys WHERE id = $1 RETURNING digest").bind(id.0);
    let row = delete.fetch_optional(db).await?;
    row.map(|row| row.digest("digest")).transpose()
}

pub(in crate::registry) async fn find(db: &mut AnyConnection, digest: &Digest) -> Result<Option<ApiKeyRow>> {
    let row = sqlx::query(
        "SELECT id, digest, application_id, key_type, networks, referers, expires FROM api_keys WHERE digest = $1",
    )
    .bind(digest.0.as_slice())
    .fetch_optional(db)
    .await?;
    row.map(|row| read(&row)).transpose()
}

/// Every API key.
pub(in crate::registry) const EVERY: Gathered<ApiKeyRow> = gathered!(
    ["id", "application_id", "key_type", "networks", "referers", "expires"; hex "digest"],
    numbered!("api_keys", "id" of "api_keys"),
    read
);

fn read(columns: &impl Columns) -> Result<ApiKeyRow> {
    Ok(ApiKeyRow {
        id: ApiKeyId(columns.number("id")?),
        digest: columns.digest("digest")?,
        application: ApplicationId(columns.number("application_id")?),
        key_type: columns.word("key_type", KeyType::of)?,
        restrictions: Restrictions {
            networks: columns.words("networks", ' ', parsed)?,
            referers: columns.words("referers", '\n', |referer| Some(referer.to_owned()))?,
        },
        expires: columns.maybe_time("expires")?,
    })
}
