//! `/admin/v1/subscriptions`: which application may call which version, with which tier.
//!
//! A subscription is seen in the tenant of its application and in that of its API. Administrators of the API's tenant
//! say whether it lets calls through; those of either may change its tier, and end it: those of the application only
//! while it lets calls through, or a block would end with it.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use super::applications::{managed, roles};
use super::audit::{Deed, state};
use super::body::Sent;
use super::etag::Condition;
use super::openapi::told;
use super::principal::{Permission, Principal};
use super::query::{At, List, Page, path};
use super::reply::{Gone, Made, One};
use super::subscribed::{Document, Passing, keeps};
use super::{Answer, Means};
use crate::http::problem::Problem;
use crate::model::name::{TenantName, TierName};
use crate::registry::choice::{self, Chooser, Unchosen};
use crate::registry::subscription::{NewSubscription, Subscribed, SubscriptionId, SubscriptionState};
use crate::registry::user::UserName;
use crate::registry::view::Right;

/// A subscription in the path.
#[derive(Debug, Deserialize, JsonSchema)]
struct Numbered {
    /// Its number.
    id: i64,
}

/// Narrows subscriptions; `q` is text within the name of the application, `tenant` that of either side.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Narrowed {
    /// Those of the application with this uuid.
    application: Option<String>,
    /// Those to this API.
    api: Option<String>,
    /// Those to this version.
    version: Option<String>,
    /// Those with this tier.
    tier: Option<String>,
    /// Those in this state.
    state: Option<Passing>,
}

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    let all = get_with(list, told("subscriptions", "listSubscriptions", "Lists subscriptions")).post_with(
        make,
        told(
            "subscriptions",
            "makeSubscription",
            "Subscribes an application to a version",
        ),
    );
    let one = get_with(
        show,
        told("subscriptions", "getSubscription", "Tells what a subscription is like"),
    )
    .put_with(
        put,
        told(
            "subscriptions",
            "putSubscription",
            "Blocks or unblocks a subscription, or changes its tier",
        ),
    )
    .delete_with(
        delete,
        told("subscriptions", "deleteSubscription", "Ends a subscription"),
    );
    ApiRouter::new()
        .api_route("/admin/v1/subscriptions", all)
        .api_route("/admin/v1/subscriptions/{id}", one)
}

async fn list(State(means): State<Arc<Means>>, who: Principal, asked: List<Narrowed>) -> Answer<Page<Document>> {
    let within = who.narrow(asked.tenant.as_ref())?;
    let is = |wanted: &Option<String>, known: &str| wanted.as_ref().is_none_or(|wanted| wanted == known);
    let Narrowed {
        application,
        api,
        version,
        tier,
        state,
    } = &asked.filter;
    let is_wanted = |right: &Right| {
        within.as_ref().is_none_or(|tenant| touches(right, tenant))
            && asked.is_wanted(&right.application.name)
            && is(application, &right.application.uuid)
            && is(api, right.to.api.as_str())
            && is(version, right.to.version.as_str())
            && is(tier, right.subscription.tier.as_str())
            && state.is_none_or(|state| state == right.subscription.state.into())
    };
    let found = means.registry().view().subscriptions_that(is_wanted);
    Ok(asked.page(found.iter().map(Document::of)))
}

async fn show(State(means): State<Arc<Means>>, who: Principal, At(of): At<Numbered>) -> Answer<One<Document>> {
    Ok(One::of(&Document::of(&find(&means, &who, of.id)?)))
}

async fn make(State(means): State<Arc<Means>>, who: Principal, Sent(sent): Sent<Document>) -> Answer<Made<Document>> {
    let _turn = means.turn().await;
    let application = managed(&means, &who, &sent.application).map_err(|problem| problem.of_sent("/application"))?;
    if sent.id.is_some() {
        return Err(Problem::flawed("/id", "the number is given, not asked for"));
    }
    let to = aimed(&means, &sent, application.tenant())?;
    let state = sent.state.stated()?;
    if state != SubscriptionState::Unblocked {
        passes(&who, &to.tenant)?;
    }
    let new = NewSubscription {
        application: application.id,
        tier: chosen(&means, &application.owner, &to, sent.tier.as_deref())?,
        to,
        state,
    };
    let id = means.registry().subscribe(new, means.authority.now()).await?;
    let made = Document::of(&find(&means, &who, id.0)?);
    note(&means, &who, (application.tenant(), "make"), (None, Some(&made))).await;
    Ok(Made::made(path(&["subscriptions", &id.0.to_string()], None), &made))
}

async fn put(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Numbered>,
    meant: Condition,
    Sent(sent): Sent<Document>,
) -> Answer<One<Document>> {
    let _turn = means.turn().await;
    let right = find(&means, &who, of.id)?;
    let before = Document::of(&right);
    ends(&who, &right)?;
    meant.check_of(Some(&before))?;
    keeps(&sent, &before)?;
    let wanted = sent.tier.as_ref().filter(|tier| before.tier.as_ref() != Some(*tier));
    let tier = match wanted {
        Some(wanted) => Some(chosen(&means, &right.application.owner, &right.to, Some(wanted))?),
        None => None,
    };
    let state = if sent.state == before.state {
        None
    } else {
        Some(sent.state.stated()?)
    };
    if let Some(state) = state {
        passes(&who, &right.to.tenant)?;
        means
            .registry()
            .set_subscription_state(right.subscription.id, state)
            .await?;
    }
    if let Some(tier) = &tier {
        means
            .registry()
            .set_subscription_tier(right.subscription.id, tier)
            .await?;
    }
    let after = Document::of(&find(&means, &who, of.id)?);
    note(&means, &who, (&right.to.tenant, "put"), (Some(&before), Some(&after))).await;
    Ok(One::of(&after))
}

async fn delete(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Numbered>,
    meant: Condition,
) -> Answer<Gone> {
    let _turn = means.turn().await;
    let right = find(&means, &who, of.id)?;
    let before = Document::of(&right);
    ends(&who, &right)?;
    meant.check_of(Some(&before))?;
    if is_held_back(right.subscription.state) && passes(&who, &right.to.tenant).is_err() {
        return Err(Problem::conflict(format!(
            "calls of this subscription do not all pass, as {} decided; administrators of that tenant end it, or unblock it",
            right.to.tenant
        )));
    }
    means.registry().unsubscribe(right.subscription.id).await?;
    note(&means, &who, (&right.to.tenant, "delete"), (Some(&before), None)).await;
    Ok(Gone::done())
}

/// Checks that the caller manages either side.
fn ends(who: &Principal, right: &Right) -> Answer<()> {
    let by_api = who.may(Permission::Tenant, &right.to.tenant);
    if by_api.is_ok() || who.may(Permission::Tenant, right.application.tenant()).is_ok() {
        return Ok(());
    }
    Err(Problem::forbidden(
        "this takes the role admin in the tenant of the application or of the API",
    ))
}

/// Checks that the caller manages the side of the API, whose tenant is named.
fn passes(who: &Principal, tenant: &TenantName) -> Answer<()> {
    let allowed = who.may(Permission::Tenant, tenant);
    allowed.map_err(|_| Problem::forbidden("whether calls pass is for administrators of the API's tenant to say"))
}

/// Tells whether the side of the API keeps calls from passing.
fn is_held_back(state: SubscriptionState) -> bool {
    match state {
        SubscriptionState::Blocked
        | SubscriptionState::OnHold
        | SubscriptionState::ProductionBlocked
        | SubscriptionState::Rejected => true,
        SubscriptionState::TierUpdatePending | SubscriptionState::Unblocked => false,
    }
}

/// Finds the version that is named.
fn aimed(means: &Means, sent: &Document, own: &TenantName) -> Answer<Subscribed> {
    let tenant = sent.tenant.as_deref().unwrap_or(own.as_str());
    let catalog = means.control.catalog();
    let mut apis = catalog.apis().iter();
    let api = apis.find(|api| api.tenant.as_str() == tenant && api.name.as_str() == sent.api);
    let api = api.ok_or_else(|| Problem::flawed("/api", format!("there is no API `{}` in {tenant}", sent.api)))?;
    let mut versions = api.versions.iter();
    let version = versions.find(|version| version.version.as_str() == sent.version);
    let unknown = || Problem::flawed("/version", format!("{} has no version `{}`", sent.api, sent.version));
    Ok(Subscribed {
        tenant: api.tenant.clone(),
        api: api.name.clone(),
        version: version.ok_or_else(unknown)?.version.clone(),
    })
}

/// Chooses the tier that is wanted, or the first that may be had.
fn chosen(means: &Means, owner: &UserName, to: &Subscribed, wanted: Option<&str>) -> Answer<TierName> {
    let gone = || Problem::flawed("/version", format!("the catalog has no {to} any more"));
    let chosen = choose(means, owner, to, wanted).ok_or_else(gone)?;
    chosen.map_err(|reason| Problem::flawed("/tier", reason.to_string()))
}

/// As [`chosen`], and why there is none; nothing where the catalog has no such version.
pub(super) fn choose(
    means: &Means,
    owner: &UserName,
    to: &Subscribed,
    wanted: Option<&str>,
) -> Option<Result<TierName, Unchosen>> {
    let catalog = means.control.catalog();
    let mut apis = catalog.apis().iter();
    let api = apis.find(|api| api.tenant == to.tenant && api.name == to.api)?;
    let version = api.versions.iter().find(|version| version.version == to.version)?;
    let roles = roles(means, owner);
    let chooser = Chooser {
        tenant: &owner.tenant,
        roles: &roles,
    };
    Some(choice::subscription_tier(&catalog, (api, version), chooser, wanted))
}

/// Finds a subscription that the caller sees.
fn find(means: &Means, who: &Principal, id: i64) -> Answer<Right> {
    let id = SubscriptionId(id);
    let mut found = means
        .registry()
        .view()
        .subscriptions_that(|right| right.subscription.id == id);
    let found = found
        .pop()
        .filter(|right| who.covers.as_ref().is_none_or(|own| touches(right, own)));
    found.ok_or_else(|| Problem::missing("there is no such subscription"))
}

/// Tells whether either side belongs to a tenant.
fn touches(right: &Right, tenant: &TenantName) -> bool {
    right.to.tenant == *tenant || right.application.tenant() == tenant
}

/// Keeps in the audit what was done to a subscription.
pub(super) async fn note(
    means: &Means,
    who: &Principal,
    (tenant, action): (&TenantName, &'static str),
    (before, after): (Option<&Document>, Option<&Document>),
) {
    let named = |one: &Document| {
        let application = one.application_name.as_deref().unwrap_or_default();
        format!("subscription of {application} to {} {}", one.api, one.version)
    };
    let deed = Deed {
        action,
        object: before.or(after).map(named).unwrap_or_default(),
        before: before.and_then(state),
        after: after.and_then(state),
        revision: None,
    };
    means.note(who, tenant, deed).await;
}
