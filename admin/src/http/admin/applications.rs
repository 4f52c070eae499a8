//! `/admin/v1/applications`: what subscribes and is given keys.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::audit::{Deed, state};
use super::body::Sent;
use super::etag::Condition;
use super::openapi::told;
use super::principal::{Permission, Principal};
use super::query::{Asked, At, List, OfTenant, Page, path};
use super::reply::{Gone, Made, One};
use super::{Answer, Means};
use crate::http::problem::Problem;
use crate::model::name::{TenantName, TierName};
use crate::registry::application::{Application, NewApplication, TokenType};
use crate::registry::choice::{self, Chooser};
use crate::registry::user::UserName;

/// An application.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Application")]
struct Document {
    /// What the world knows it by; it is given.
    #[serde(default)]
    uuid: Option<String>,
    /// The name; unique among its owner's.
    #[schemars(length(min = 1, max = 160))]
    name: String,
    /// Who owns it, without the tenant.
    owner: String,
    /// The tenant; where it is left out, that of `?tenant=`.
    #[serde(default)]
    tenant: Option<String>,
    /// Its application tier.
    #[serde(default = "unlimited")]
    tier: String,
    /// What its access tokens are.
    #[serde(default)]
    token_type: TokenType,
}

fn unlimited() -> String {
    "Unlimited".to_owned()
}

impl Document {
    fn of(application: &Application) -> Self {
        Self {
            uuid: Some(application.uuid.clone()),
            name: application.name.clone(),
            owner: application.owner.name.clone(),
            tenant: Some(application.tenant().to_string()),
            tier: application.tier.to_string(),
            token_type: application.token_type,
        }
    }
}

/// An application in the path.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Numbered {
    /// Its uuid.
    pub(super) uuid: String,
}

/// Narrows applications.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Narrowed {
    /// Those of this owner, without the tenant.
    owner: Option<String>,
    /// Those with this tier.
    tier: Option<String>,
}

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    let all = get_with(list, told("applications", "listApplications", "Lists applications"))
        .post_with(make, told("applications", "makeApplication", "Makes an application"));
    let one = get_with(
        show,
        told("applications", "getApplication", "Tells what an application is like"),
    )
    .put_with(
        put,
        told(
            "applications",
            "putApplication",
            "Changes an application's tier and tokens",
        ),
    )
    .delete_with(
        delete,
        told(
            "applications",
            "deleteApplication",
            "Deletes an application with keys and subscriptions",
        ),
    );
    ApiRouter::new()
        .api_route("/admin/v1/applications", all)
        .api_route("/admin/v1/applications/{uuid}", one)
}

async fn list(State(means): State<Arc<Means>>, who: Principal, asked: List<Narrowed>) -> Answer<Page<Document>> {
    let tenant = who.narrow(asked.tenant.as_ref())?;
    let Narrowed { owner, tier } = &asked.filter;
    let is_wanted = |one: &Arc<Application>| {
        asked.is_wanted(&one.name)
            && owner.as_ref().is_none_or(|owner| one.owner.name == *owner)
            && tier.as_ref().is_none_or(|tier| one.tier.as_str() == tier)
    };
    let all = means.registry().view().applications(tenant.as_ref());
    Ok(asked.page(all.iter().filter(|one| is_wanted(one)).map(|one| Document::of(one))))
}

async fn show(State(means): State<Arc<Means>>, who: Principal, At(of): At<Numbered>) -> Answer<One<Document>> {
    Ok(One::of(&Document::of(&*find(&means, &who, &of.uuid)?)))
}

async fn make(
    State(means): State<Arc<Means>>,
    who: Principal,
    Asked(within): Asked<OfTenant>,
    Sent(sent): Sent<Document>,
) -> Answer<Made<Document>> {
    let stated = within.stated(sent.tenant.as_deref())?;
    let tenant = who.tenant(stated.as_ref())?;
    who.may(Permission::Tenant, &tenant)?;
    if sent.uuid.is_some() {
        return Err(Problem::flawed("/uuid", "the uuid is given, not asked for"));
    }
    let owner = UserName {
        tenant,
        name: sent.owner,
    };
    let _turn = means.turn().await;
    let unknown = || Problem::flawed("/owner", format!("there is no user `{owner}`"));
    means.registry().view().user(&owner).ok_or_else(unknown)?;
    let new = NewApplication {
        name: sent.name,
        tier: chosen(&means, &owner, &sent.tier)?,
        owner,
        token_type: sent.token_type,
    };
    let tenant = new.owner.tenant.clone();
    let id = means.registry().add_application(new, means.authority.now()).await?;
    let made = means.registry().view().application(id);
    let made = Document::of(&*made.ok_or_else(|| Problem::missing("the application is gone again"))?);
    note(&means, &who, (&tenant, "make"), (None, Some(&made))).await;
    let uuid = made.uuid.clone().unwrap_or_default();
    Ok(Made::made(path(&["applications", &uuid], None), &made))
}

async fn put(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Numbered>,
    meant: Condition,
    Sent(sent): Sent<Document>,
) -> Answer<One<Document>> {
    let _turn = means.turn().await;
    let application = managed(&means, &who, &of.uuid)?;
    let before = Document::of(&application);
    meant.check_of(Some(&before))?;
    for (pointer, stated, known) in [
        ("/uuid", sent.uuid.as_ref(), before.uuid.as_ref()),
        ("/name", Some(&sent.name), Some(&before.name)),
        ("/owner", Some(&sent.owner), Some(&before.owner)),
        ("/tenant", sent.tenant.as_ref(), before.tenant.as_ref()),
    ] {
        if stated.is_some() && stated != known {
            return Err(Problem::flawed(
                pointer,
                "an application keeps its uuid, name, owner and tenant",
            ));
        }
    }
    let tier = if sent.tier == before.tier {
        application.tier.clone()
    } else {
        chosen(&means, &application.owner, &sent.tier)?
    };
    means
        .registry()
        .set_application(application.id, &tier, sent.token_type)
        .await?;
    let after = Document::of(&*find(&means, &who, &of.uuid)?);
    note(
        &means,
        &who,
        (application.tenant(), "put"),
        (Some(&before), Some(&after)),
    )
    .await;
    Ok(One::of(&after))
}

async fn delete(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Numbered>,
    meant: Condition,
) -> Answer<Gone> {
    let _turn = means.turn().await;
    let application = managed(&means, &who, &of.uuid)?;
    let before = Document::of(&application);
    meant.check_of(Some(&before))?;
    means.registry().delete_application(application.id).await?;
    note(&means, &who, (application.tenant(), "delete"), (Some(&before), None)).await;
    Ok(Gone::done())
}

/// Finds an application that the caller sees.
///
/// # Errors
///
/// Returns 404 where there is none.
pub(super) fn find(means: &Means, who: &Principal, uuid: &str) -> Answer<Arc<Application>> {
    let found = means.registry().view().application_of(uuid);
    let found = found.filter(|application| who.sees(application.tenant()));
    found.ok_or_else(|| Problem::missing("no application has this uuid"))
}

/// Finds an application that the caller may change.
///
/// # Errors
///
/// Returns 404 where the caller sees none, and 403 where it sees one.
pub(super) fn managed(means: &Means, who: &Principal, uuid: &str) -> Answer<Arc<Application>> {
    let found = find(means, who, uuid)?;
    who.may(Permission::Tenant, found.tenant())?;
    Ok(found)
}

fn chosen(means: &Means, owner: &UserName, wanted: &str) -> Answer<TierName> {
    let roles = roles(means, owner);
    let chooser = Chooser {
        tenant: &owner.tenant,
        roles: &roles,
    };
    let chosen = choice::application_tier(&means.control.catalog(), chooser, wanted);
    chosen.map_err(|reason| Problem::flawed("/tier", reason.to_string()))
}

/// Returns the roles of an owner, which say what may be chosen.
pub(super) fn roles(means: &Means, owner: &UserName) -> Vec<String> {
    let owner = means.registry().view().user(owner);
    owner.map(|owner| owner.roles.clone()).unwrap_or_default()
}

async fn note(
    means: &Means,
    who: &Principal,
    (tenant, action): (&TenantName, &'static str),
    (before, after): (Option<&Document>, Option<&Document>),
) {
    let name = before.or(after).map(|one| one.name.clone());
    let deed = Deed {
        action,
        object: format!("application {}", name.unwrap_or_default()),
        before: before.and_then(state),
        after: after.and_then(state),
        revision: None,
    };
    means.note(who, tenant, deed).await;
}
