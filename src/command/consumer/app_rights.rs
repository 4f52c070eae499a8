//! What applications may call: subscriptions, made and ended, blocked and unblocked.
//!
//! Whether a version takes a subscription is decided as the catalog on disk says.

use clap::Args;
use serde::Serialize;

use super::Desk;
use super::failure::Failure;
use super::table::{self, Told};
use crate::credential::now;
use crate::model::api::{Api, ApiVersion};
use crate::model::catalog::Catalog;
use crate::model::name::{TenantName, TierName};
use crate::model::tier::UNLIMITED;
use crate::registry::application::Application;
use crate::registry::choice::{self, Chooser, Unchosen};
use crate::registry::subscription::{NewSubscription, Subscribed, Subscription, SubscriptionState};
use crate::registry::user::UserName;

/// A wish to subscribe.
#[derive(Args, Clone, Debug)]
pub(super) struct Subscribe {
    #[command(flatten)]
    right: Right,
    /// The subscription tier, one that the version offers [default: the first]
    #[arg(long)]
    tier: Option<String>,
}

/// A subscription, as it is named.
#[derive(Args, Clone, Debug)]
pub(super) struct Right {
    /// The application's name or uuid
    #[arg(value_name = "APPLICATION")]
    name: String,
    /// The name of the API
    api: String,
    /// The version
    version: String,
    /// The tenant that owns the API [default: the application's]
    #[arg(long)]
    tenant: Option<String>,
    /// With production keys only, where it is blocked
    #[arg(long)]
    production_only: bool,
}

impl Subscribe {
    pub(super) fn application(&self) -> &str {
        &self.right.name
    }
}

impl Right {
    pub(super) fn application(&self) -> &str {
        &self.name
    }
}

/// A subscription as it is listed.
#[derive(Serialize)]
pub(super) struct Row {
    api: String,
    version: String,
    tenant: String,
    tier: String,
    state: &'static str,
}

pub(super) async fn subscribe(desk: &Desk, application: &Application, wish: &Subscribe) -> Result<Told, Failure> {
    let Subscribe { right, tier } = wish;
    let catalog = desk.catalog()?;
    let tenant = tenant(application, right)?;
    let mut apis = catalog.apis().iter().filter(|api| api.tenant == tenant);
    let api = apis.find(|api| api.name.as_str() == right.api).ok_or_else(|| {
        let known = catalog
            .apis()
            .iter()
            .filter(|api| api.tenant == tenant)
            .map(|api| &api.name);
        Failure::unknown("API", &right.api, known)
    })?;
    let mut versions = api.versions.iter();
    let version = versions
        .find(|version| version.version.as_str() == right.version)
        .ok_or_else(|| {
            let known = api.versions.iter().map(|version| &version.version);
            Failure::unknown(&format!("version of {}", api.name), &right.version, known)
        })?;
    let roles = roles(desk, &application.owner);
    let subscription = NewSubscription {
        application: application.id,
        to: Subscribed {
            tenant,
            api: api.name.clone(),
            version: version.version.clone(),
        },
        tier: chosen((application, &roles), &catalog, (api, version), tier.as_deref())?,
        state: SubscriptionState::Unblocked,
    };
    desk.registry.subscribe(subscription, now()).await?;
    desk.done("make", object(application, right), application.tenant())
        .await?;
    Told::new(
        rows(desk, application),
        format!("{} is subscribed to {} {}", application.name, api.name, version.version),
    )
}

/// Chooses the tier that was asked for, among those that the version offers and the application's owner may use.
fn chosen(
    (application, roles): (&Application, &[String]),
    catalog: &Catalog,
    (api, version): (&Api, &ApiVersion),
    tier: Option<&str>,
) -> Result<TierName, Failure> {
    let label = format!("{} {}", api.name, version.version);
    let chooser = Chooser {
        tenant: application.tenant(),
        roles,
    };
    choice::subscription_tier(catalog, (api, version), chooser, tier).map_err(|reason| match reason {
        Unchosen::Closed(tenant) => Failure::refused(format!("{label} takes no subscribers of {tenant}"))
            .help("`subscribers` of the version says whose it takes"),
        Unchosen::Free => Failure::refused(format!("{label} needs no subscription"))
            .help("its `tiers` are empty: any valid token calls it"),
        Unchosen::Unknown { wanted, .. } if wanted.is_empty() => {
            Failure::refused(format!("{} may use no tier of {label}", application.owner))
                .help("`roles` and `denied_roles` of its tiers say who may")
        }
        Unchosen::Unknown { wanted, usable } => Failure::unknown(&format!("tier of {label}"), &wanted, &usable),
    })
}

/// Reads the application tier that was asked for: one that the catalog states and the owner may use.
pub(super) fn tier(desk: &Desk, owner: &UserName, wanted: &str) -> Result<TierName, Failure> {
    if wanted == UNLIMITED {
        // A catalog that is broken does not matter.
        return TierName::parse(wanted).map_err(|reason| Failure::refused(reason.to_string()));
    }
    let (catalog, roles) = (desk.catalog()?, roles(desk, owner));
    let chooser = Chooser {
        tenant: &owner.tenant,
        roles: &roles,
    };
    choice::application_tier(&catalog, chooser, wanted).map_err(|reason| match reason {
        Unchosen::Unknown { wanted, usable } => {
            Failure::unknown(&format!("application tier for {owner}"), &wanted, &usable)
        }
        Unchosen::Closed(_) | Unchosen::Free => Failure::refused(reason.to_string()),
    })
}

fn roles(desk: &Desk, owner: &UserName) -> Vec<String> {
    desk.view()
        .user(owner)
        .map(|owner| owner.roles.clone())
        .unwrap_or_default()
}

pub(super) async fn block(desk: &Desk, application: &Application, right: &Right) -> Result<Told, Failure> {
    let state = if right.production_only {
        SubscriptionState::ProductionBlocked
    } else {
        SubscriptionState::Blocked
    };
    set(desk, application, right, state).await
}

pub(super) async fn unblock(desk: &Desk, application: &Application, right: &Right) -> Result<Told, Failure> {
    set(desk, application, right, SubscriptionState::Unblocked).await
}

async fn set(desk: &Desk, application: &Application, right: &Right, state: SubscriptionState) -> Result<Told, Failure> {
    let subscription = find(desk, application, right)?;
    desk.registry.set_subscription_state(subscription.id, state).await?;
    desk.done("put", object(application, right), application.tenant())
        .await?;
    let text = format!(
        "{}: {} {} is {}",
        application.name,
        right.api,
        right.version,
        written(state)
    );
    Told::new(rows(desk, application), text)
}

pub(super) async fn unsubscribe(desk: &Desk, application: &Application, right: &Right) -> Result<Told, Failure> {
    let subscription = find(desk, application, right)?;
    desk.registry.unsubscribe(subscription.id).await?;
    desk.done("delete", object(application, right), application.tenant())
        .await?;
    let text = format!(
        "{} is not subscribed to {} {} any more",
        application.name, right.api, right.version
    );
    Told::new(rows(desk, application), text)
}

/// Names a subscription, for the audit.
fn object(application: &Application, right: &Right) -> String {
    format!(
        "subscription of {} to {} {}",
        application.name, right.api, right.version
    )
}

fn find(desk: &Desk, application: &Application, right: &Right) -> Result<Subscription, Failure> {
    let tenant = tenant(application, right)?;
    let to = (tenant.as_str(), right.api.as_str(), right.version.as_str());
    desk.view().subscription(application.id, to).ok_or_else(|| {
        let noun = format!("subscription of {}", application.name);
        let known = rows(desk, application)
            .into_iter()
            .map(|row| format!("{} {}", row.api, row.version));
        Failure::unknown(&noun, &format!("{} {}", right.api, right.version), known)
    })
}

fn tenant(application: &Application, right: &Right) -> Result<TenantName, Failure> {
    match &right.tenant {
        Some(tenant) => TenantName::parse(tenant).map_err(|reason| Failure::refused(reason.to_string())),
        None => Ok(application.tenant().clone()),
    }
}

pub(super) fn list(desk: &Desk, application: &Application) -> Result<Told, Failure> {
    let rows = rows(desk, application);
    let text = table(&rows);
    Told::new(rows, text)
}

/// Lists an application's subscriptions.
pub(super) fn rows(desk: &Desk, application: &Application) -> Vec<Row> {
    let mut rows: Vec<_> = desk
        .view()
        .subscriptions_of(application.id)
        .into_iter()
        .map(|(to, subscription)| Row {
            api: to.api.to_string(),
            version: to.version.to_string(),
            tenant: to.tenant.to_string(),
            tier: subscription.tier.to_string(),
            state: written(subscription.state),
        })
        .collect();
    rows.sort_by(|one, other| (&one.tenant, &one.api, &one.version).cmp(&(&other.tenant, &other.api, &other.version)));
    rows
}

pub(super) fn table(rows: &[Row]) -> String {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            [
                row.api.clone(),
                row.version.clone(),
                row.tenant.clone(),
                row.tier.clone(),
                row.state.to_owned(),
            ]
        })
        .collect();
    table::table(["API", "VERSION", "TENANT", "TIER", "STATE"], &cells)
}

fn written(state: SubscriptionState) -> &'static str {
    match state {
        SubscriptionState::Blocked => "blocked",
        SubscriptionState::OnHold => "on hold",
        SubscriptionState::ProductionBlocked => "blocked for production keys",
        SubscriptionState::Rejected => "rejected",
        SubscriptionState::TierUpdatePending => "unblocked, another tier pending",
        SubscriptionState::Unblocked => "unblocked",
    }
}
