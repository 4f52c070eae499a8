//! Applications.

use super::gathered::{Gathered, gathered, numbered};
use super::row::{Columns, seconds};
use super::{AnyConnection, Result};
use crate::model::instant::UnixTime;
use crate::model::name::TierName;
use crate::registry::application::{Application, ApplicationId, NewApplication, TokenType};
use crate::registry::user::UserName;

pub(in crate::registry) async fn insert(
    db: &mut AnyConnection,
    application: &NewApplication,
    owner: i64,
    now: UnixTime,
) -> Result<ApplicationId> {
    let id = sqlx::query_scalar(
        "INSERT INTO applications (uuid, name, owner_id, tier, token_type, created) \
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
    )
    .bind(uuid::Uuid::new_v4().to_string())
    .bind(application.name.as_str())
    .bind(owner)
    .bind(application.tier.as_str())
    .bind(application.token_type.word())
    .bind(seconds(now))
    .fetch_one(db)
    .await?;
    Ok(ApplicationId(id))
}

pub(in crate::registry) async fn exists(db: &mut AnyConnection, id: ApplicationId) -> Result<bool> {
    let row = sqlx::query("SELECT id FROM applications WHERE id = $1").bind(id.0);
    Ok(row.fetch_optional(db).await?.is_some())
}

/// Tells whether there was one to change.
pub(in crate::registry) async fn update(
    db: &mut AnyConnection,
    id: ApplicationId,
    tier: &TierName,
    token_type: TokenType,
) -> Result<bool> {
    let update = sqlx::query("UPDATE applications SET tier = $2, token_type = $3 WHERE id = $1")
        .bind(id.0)
        .bind(tier.as_str())
        .bind(token_type.word());
    Ok(update.execute(db).await?.rows_affected() > 0)
}

/// Deletes it with all that hangs on it; tells whether there was one.
pub(in crate::registry) async fn delete(db: &mut AnyConnection, id: ApplicationId) -> Result<bool> {
    let delete = sqlx::query("DELETE FROM applications WHERE id = $1").bind(id.0);
    Ok(delete.execute(db).await?.rows_affected() > 0)
}

pub(in crate::registry) async fn find(db: &mut AnyConnection, id: ApplicationId) -> Result<Option<Application>> {
    let row = sqlx::query(
        "SELECT applications.id, uuid, applications.name, tier, token_type, tenant, users.name AS owner \
         FROM applications JOIN users ON users.id = owner_id WHERE applications.id = $1",
    )
    .bind(id.0)
    .fetch_optional(db)
    .await?;
    row.map(|row| read(&row)).transpose()
}

/// Every application.
pub(in crate::registry) const EVERY: Gathered<Application> = gathered!(
    ["id", "uuid", "name", "tier", "token_type", "tenant", "owner"],
    numbered!(
        "(SELECT applications.id, uuid, applications.name, tier, token_type, tenant, users.name AS owner \
         FROM applications JOIN users ON users.id = owner_id) AS owned",
        "id" of "applications"
    ),
    read
);

fn read(columns: &impl Columns) -> Result<Application> {
    Ok(Application {
        id: ApplicationId(columns.number("id")?),
        uuid: columns.text("uuid")?,
        name: columns.text("name")?,
        owner: UserName {
            tenant: columns.tenant("tenant")?,
            name: columns.text("owner")?,
        },
        tier: columns.tier("tier")?,
        token_type: columns.word("token_type", TokenType::of)?,
    })
}
