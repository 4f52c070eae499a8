//! Subscriptions.

use super::gathered::{Gathered, gathered, numbered};
use super::row::{Columns, seconds};
use super::{AnyConnection, Result};
use crate::model::instant::UnixTime;
use crate::model::name::TierName;
use crate::registry::application::ApplicationId;
use crate::registry::subscription::{NewSubscription, Subscribed, Subscription, SubscriptionId, SubscriptionState};

/// A subscription with what it is to.
pub(in crate::registry) type Bond = (Subscribed, Subscription);

pub(in crate::registry) async fn insert(
    db: &mut AnyConnection,
    subscription: &NewSubscription,
    now: UnixTime,
) -> Result<SubscriptionId> {
    let id = sqlx::query_scalar(
        "INSERT INTO subscriptions (application_id, tenant, api, version, tier, state, created) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
    )
    .bind(subscription.application.0)
    .bind(subscription.to.tenant.as_str())
    .bind(subscription.to.api.as_str())
    .bind(subscription.to.version.as_str())
    .bind(subscription.tier.as_str())
    .bind(subscription.state.word())
    .bind(seconds(now))
    .fetch_one(db)
    .await?;
    Ok(SubscriptionId(id))
}

/// Returns whose it is, if there is one.
pub(in crate::registry) async fn set_state(
    db: &mut AnyConnection,
    id: SubscriptionId,
    state: SubscriptionState,
) -> Result<Option<ApplicationId>> {
    let update = sqlx::query_scalar("UPDATE subscriptions SET state = $2 WHERE id = $1 RETURNING application_id")
        .bind(id.0)
        .bind(state.word());
    Ok(update.fetch_optional(db).await?.map(ApplicationId))
}

/// Returns whose it is, if there is one.
pub(in crate::registry) async fn set_tier(
    db: &mut AnyConnection,
    id: SubscriptionId,
    tier: &TierName,
) -> Result<Option<ApplicationId>> {
    let update = sqlx::query_scalar("UPDATE subscriptions SET tier = $2 WHERE id = $1 RETURNING application_id")
        .bind(id.0)
        .bind(tier.as_str());
    Ok(update.fetch_optional(db).await?.map(ApplicationId))
}

/// Returns whose it was, if there was one.
pub(in crate::registry) async fn delete(db: &mut AnyConnection, id: SubscriptionId) -> Result<Option<ApplicationId>> {
    let delete = sqlx::query_scalar("DELETE FROM subscriptions WHERE id = $1 RETURNING application_id");
    Ok(delete.bind(id.0).fetch_optional(db).await?.map(ApplicationId))
}

pub(in crate::registry) async fn of(db: &mut AnyConnection, application: ApplicationId) -> Result<Vec<Bond>> {
    let rows = sqlx::query(
        "SELECT id, application_id, tenant, api, version, tier, state FROM subscriptions WHERE application_id = $1",
    )
    .bind(application.0)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok(read(row)?.1)).collect()
}

/// Every subscription.
pub(in crate::registry) const EVERY: Gathered<(ApplicationId, Bond)> = gathered!(
    ["id", "application_id", "tenant", "api", "version", "tier", "state"],
    numbered!("subscriptions", "id" of "subscriptions"),
    read
);

fn read(columns: &impl Columns) -> Result<(ApplicationId, Bond)> {
    let to = Subscribed {
        tenant: columns.tenant("tenant")?,
        api: columns.api("api")?,
        version: columns.version("version")?,
    };
    let subscription = Subscription {
        id: SubscriptionId(columns.number("id")?),
        state: columns.word("state", SubscriptionState::of)?,
        tier: columns.tier("tier")?,
        version: to.version.clone(),
    };
    Ok((ApplicationId(columns.number("application_id")?), (to, subscription)))
}
