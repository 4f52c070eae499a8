//! Users and their roles.

use super::gathered::{Gathered, gathered, numbered};
use super::row::{Columns, seconds};
use super::{AnyConnection, Result};
use crate::model::instant::UnixTime;
use crate::model::name::TenantName;
use crate::registry::user::{User, UserName};

pub(in crate::registry) async fn insert(
    db: &mut AnyConnection,
    name: &UserName,
    password: &str,
    created: UnixTime,
) -> Result<i64> {
    sqlx::query_scalar(
        "INSERT INTO users (tenant, name, password, created, password_set) VALUES ($1, $2, $3, $4, $4) RETURNING id",
    )
    .bind(name.tenant.as_str())
    .bind(name.name.as_str())
    .bind(password)
    .bind(seconds(created))
    .fetch_one(db)
    .await
}

/// Tells whether there are any.
pub(in crate::registry) async fn are_there(db: impl sqlx::Executor<'_, Database = sqlx::Any>) -> Result<bool> {
    let any = sqlx::query("SELECT id FROM users LIMIT 1");
    Ok(any.fetch_optional(db).await?.is_some())
}

pub(in crate::registry) async fn number(db: &mut AnyConnection, name: &UserName) -> Result<Option<i64>> {
    sqlx::query_scalar("SELECT id FROM users WHERE tenant = $1 AND name = $2")
        .bind(name.tenant.as_str())
        .bind(name.name.as_str())
        .fetch_optional(db)
        .await
}

pub(in crate::registry) async fn password(
    db: impl sqlx::Executor<'_, Database = sqlx::Any>,
    name: &UserName,
) -> Result<Option<String>> {
    sqlx::query_scalar("SELECT password FROM users WHERE tenant = $1 AND name = $2")
        .bind(name.tenant.as_str())
        .bind(name.name.as_str())
        .fetch_optional(db)
        .await
}

/// Sets a password, later than the one before, be it in the same second.
pub(in crate::registry) async fn set_password(
    db: &mut AnyConnection,
    id: i64,
    password: &str,
    now: UnixTime,
) -> Result<()> {
    sqlx::query(
        "UPDATE users SET password = $2, \
         password_set = CASE WHEN password_set < $3 THEN $3 ELSE password_set + 1 END WHERE id = $1",
    )
    .bind(id)
    .bind(password)
    .bind(seconds(now))
    .execute(db)
    .await
    .map(drop)
}

pub(in crate::registry) async fn set_roles(db: &mut AnyConnection, id: i64, roles: &[String]) -> Result<()> {
    sqlx::query("DELETE FROM user_roles WHERE user_id = $1")
        .bind(id)
        .execute(&mut *db)
        .await?;
    for role in roles {
        sqlx::query("INSERT INTO user_roles (user_id, role) VALUES ($1, $2)")
            .bind(id)
            .bind(role.as_str())
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

pub(in crate::registry) async fn owns_applications(db: &mut AnyConnection, id: i64) -> Result<bool> {
    let owned = sqlx::query("SELECT id FROM applications WHERE owner_id = $1 LIMIT 1");
    Ok(owned.bind(id).fetch_optional(db).await?.is_some())
}

pub(in crate::registry) async fn delete(db: &mut AnyConnection, id: i64) -> Result<()> {
    let delete = sqlx::query("DELETE FROM users WHERE id = $1");
    delete.bind(id).execute(db).await.map(drop)
}

/// Remembers that there was a user of that name.
pub(in crate::registry) async fn depart(db: &mut AnyConnection, name: &UserName) -> Result<()> {
    sqlx::query("INSERT INTO departed (tenant, name, seen) VALUES ($1, $2, NULL) ON CONFLICT DO NOTHING")
        .bind(name.tenant.as_str())
        .bind(name.name.as_str())
        .execute(db)
        .await
        .map(drop)
}

/// Forgets that there was a user of that name; tells whether there was.
pub(in crate::registry) async fn forget_departed(db: &mut AnyConnection, name: &UserName) -> Result<bool> {
    let gone = sqlx::query("DELETE FROM departed WHERE tenant = $1 AND name = $2")
        .bind(name.tenant.as_str())
        .bind(name.name.as_str())
        .execute(db)
        .await?;
    Ok(gone.rows_affected() > 0)
}

/// Dates the departed, and forgets those that were dated a minute ago.
pub(in crate::registry) async fn sweep_departed(db: &mut AnyConnection, now: UnixTime) -> Result<()> {
    sqlx::query("DELETE FROM departed WHERE seen < $1")
        .bind(seconds(now).saturating_sub(60))
        .execute(&mut *db)
        .await?;
    let date = sqlx::query("UPDATE departed SET seen = $1 WHERE seen IS NULL");
    date.bind(seconds(now)).execute(db).await.map(drop)
}

/// Takes a role from everybody in a tenant; returns from whom.
pub(in crate::registry) async fn delete_role(
    db: &mut AnyConnection,
    tenant: &TenantName,
    role: &str,
) -> Result<Vec<String>> {
    let names = sqlx::query_scalar(
        "SELECT users.name FROM users JOIN user_roles ON user_roles.user_id = users.id \
         WHERE users.tenant = $1 AND user_roles.role = $2",
    )
    .bind(tenant.as_str())
    .bind(role)
    .fetch_all(&mut *db)
    .await?;
    sqlx::query("DELETE FROM user_roles WHERE role = $2 AND user_id IN (SELECT id FROM users WHERE tenant = $1)")
        .bind(tenant.as_str())
        .bind(role)
        .execute(db)
        .await?;
    Ok(names)
}

pub(in crate::registry) async fn find(db: &mut AnyConnection, name: &UserName) -> Result<Option<User>> {
    let row = sqlx::query("SELECT id, created, password_set FROM users WHERE tenant = $1 AND name = $2")
        .bind(name.tenant.as_str())
        .bind(name.name.as_str())
        .fetch_optional(&mut *db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let roles = sqlx::query_scalar("SELECT role FROM user_roles WHERE user_id = $1");
    let mut roles: Vec<String> = roles.bind(row.number("id")?).fetch_all(db).await?;
    roles.sort_unstable();
    Ok(Some(User {
        name: name.clone(),
        roles,
        created: row.time("created")?,
        password_set: row.time("password_set")?,
    }))
}

/// Every user, with a line for each role.
pub(in crate::registry) const EVERY: Gathered<User> = gathered!(
    ["id", "tenant", "name", "created", "password_set", "roles"],
    numbered!(
        "(SELECT id, tenant, name, created, password_set, \
         (SELECT string_agg(role, '\n') FROM user_roles WHERE user_id = users.id) AS roles FROM users) AS known",
        "id" of "users"
    ),
    read
);

/// Reads one of every user.
fn read(columns: &impl Columns) -> Result<User> {
    let mut roles: Vec<_> = columns
        .maybe_str("roles")?
        .map(|roles| roles.split('\n').map(str::to_owned).collect())
        .unwrap_or_default();
    roles.sort_unstable();
    Ok(User {
        name: UserName {
            tenant: columns.tenant("tenant")?,
            name: columns.text("name")?,
        },
        roles,
        created: columns.time("created")?,
        password_set: columns.time("password_set")?,
    })
}
