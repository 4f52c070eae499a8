//! `/admin/v1/users`: who may sign in, and with which roles.
//!
//! Administrators of a tenant make its users, those of the root tenant every tenant's. So nobody gives a role that
//! reaches further than their own. The last administrator of everything stays one.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, put_with};
use aide::openapi::StatusCode as Code;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::audit::{Deed, state};
use super::body::Sent;
use super::etag::Condition;
use super::openapi::{self, told};
use super::principal::{Permission, Principal};
use super::query::{Asked, At, List, OfTenant, Page, path};
use super::reply::{Gone, Made, One, Put};
use super::{Answer, Means};
use crate::http::problem::Problem;
use crate::model::name::TenantName;
use crate::oauth::operator;
use crate::oauth::peer::Peer;
use crate::oauth::sign_in::sign_in;
use crate::registry::user::{NewUser, User, UserName};

/// A user.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "User")]
struct Document {
    /// The name, without the tenant.
    #[schemars(length(min = 1, max = 160))]
    name: String,
    /// The tenant; where it is left out, that of `?tenant=`.
    #[serde(default)]
    tenant: Option<String>,
    /// The roles: words that scopes ask for. `admin`, `publisher` and `viewer` let in here.
    #[serde(default)]
    roles: Vec<String>,
    /// The password of a user to be made. It is never shown.
    #[serde(default, skip_serializing)]
    #[schemars(length(min = 8, max = 256), extend("writeOnly" = true))]
    password: Option<String>,
}

impl Document {
    fn of(user: &User) -> Self {
        Self {
            name: user.name.name.clone(),
            tenant: Some(user.name.tenant.to_string()),
            roles: user.roles.clone(),
            password: None,
        }
    }
}

/// A password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The new one.
    #[schemars(length(min = 8, max = 256))]
    password: String,
    /// The one of now; wanted of those who change their own.
    #[serde(default)]
    current: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Named {
    /// The name, without the tenant.
    name: String,
}

/// Narrows users.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ByRole {
    /// Those with this role.
    role: Option<String>,
}

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    let all = get_with(list, told("users", "listUsers", "Lists users"))
        .post_with(make, told("users", "makeUser", "Makes a user"));
    let one = get_with(show, told("users", "getUser", "Tells a user's roles"))
        .put_with(
            put,
            told(
                "users",
                "putUser",
                "Makes a user, or gives it these roles and no others",
            ),
        )
        .delete_with(delete, told("users", "deleteUser", "Deletes a user with its tokens"));
    let password = put_with(set_password, |operation| {
        let mut operation = told("users", "putPassword", "Gives a user another password")(operation);
        // Who shows their own password may show wrong ones.
        openapi::add_problem(operation.inner_mut(), Code::Code(429));
        operation
    });
    ApiRouter::new()
        .api_route("/admin/v1/users", all)
        .api_route("/admin/v1/users/{name}", one)
        .api_route("/admin/v1/users/{name}/password", password)
}

async fn list(State(means): State<Arc<Means>>, who: Principal, asked: List<ByRole>) -> Answer<Page<Document>> {
    let tenant = who.narrow(asked.tenant.as_ref())?;
    let role = asked.filter.role.as_ref();
    let is_wanted =
        |user: &Arc<User>| asked.is_wanted(&user.name.name) && role.is_none_or(|role| user.roles.contains(role));
    let users = means.registry().view().users(tenant.as_ref());
    Ok(asked.page(
        users
            .iter()
            .filter(|user| is_wanted(user))
            .map(|user| Document::of(user)),
    ))
}

async fn show(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Named>,
    Asked(within): Asked<OfTenant>,
) -> Answer<One<Document>> {
    let name = named(of.name, who.tenant(within.tenant()?.as_ref())?);
    Ok(One::of(&Document::of(&*find(&means, &name)?)))
}

async fn make(
    State(means): State<Arc<Means>>,
    who: Principal,
    Asked(within): Asked<OfTenant>,
    Sent(sent): Sent<Document>,
) -> Answer<Made<Document>> {
    let stated = within.stated(sent.tenant.as_deref())?;
    let name = named(sent.name.clone(), who.tenant(stated.as_ref())?);
    who.may(Permission::Tenant, &name.tenant)?;
    let _turn = means.turn().await;
    let made = add(&means, &name, sent).await?;
    note(&means, &who, (&name, "make"), (None, Some(&made))).await;
    Ok(Made::made(place(&name), &made))
}

async fn put(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Named>,
    Asked(within): Asked<OfTenant>,
    (meant, Sent(sent)): (Condition, Sent<Document>),
) -> Answer<Put<Document>> {
    let stated = within.stated(sent.tenant.as_deref())?;
    let name = named(of.name, who.tenant(stated.as_ref())?);
    who.may(Permission::Tenant, &name.tenant)?;
    if sent.name != name.name {
        return Err(Problem::flawed(
            "/name",
            "a user keeps its name; it is that of the path",
        ));
    }
    let _turn = means.turn().await;
    let before = means.registry().view().user(&name);
    meant.check_of(before.as_deref().map(Document::of).as_ref())?;
    let Some(before) = before else {
        let made = add(&means, &name, sent).await?;
        note(&means, &who, (&name, "put"), (None, Some(&made))).await;
        return Ok(Put::put(place(&name), &made));
    };
    if sent.password.is_some() {
        return Err(Problem::flawed(
            "/password",
            "the password of a user who is there is put to `.../password`",
        ));
    }
    if !sent.roles.iter().any(|role| role == operator::ROLE) {
        keep_one(&means, &before)?;
    }
    means.registry().set_roles(&name, sent.roles).await?;
    let after = Document::of(&*find(&means, &name)?);
    note(
        &means,
        &who,
        (&name, "put"),
        (Some(&Document::of(&before)), Some(&after)),
    )
    .await;
    Ok(Put::replaced(&after))
}

async fn delete(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Named>,
    Asked(within): Asked<OfTenant>,
    meant: Condition,
) -> Answer<Gone> {
    let name = named(of.name, who.tenant(within.tenant()?.as_ref())?);
    who.may(Permission::Tenant, &name.tenant)?;
    let _turn = means.turn().await;
    let before = find(&means, &name)?;
    meant.check_of(Some(&Document::of(&before)))?;
    keep_one(&means, &before)?;
    let view = means.registry().view();
    let owned = view.applications(Some(&name.tenant));
    let mut owned = owned.iter().filter(|application| application.owner == name);
    if let Some(first) = owned.next() {
        let others = owned.count();
        let more = if others == 0 {
            String::new()
        } else {
            format!(" and {others} more")
        };
        return Err(Problem::conflict(format!(
            "user `{name}` owns the application `{}`{more}; delete them first",
            first.name
        )));
    }
    means.registry().delete_user(&name).await?;
    note(&means, &who, (&name, "delete"), (Some(&Document::of(&before)), None)).await;
    Ok(Gone::done())
}

async fn set_password(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<Named>,
    Asked(within): Asked<OfTenant>,
    Sent(sent): Sent<NewPassword>,
) -> Answer<Gone> {
    let name = named(of.name, who.tenant(within.tenant()?.as_ref())?);
    if name == who.user && !who.looks_only {
        own(&means, &who, sent.current.as_deref()).await?;
    } else {
        who.may(Permission::Tenant, &name.tenant)?;
    }
    find(&means, &name)?;
    means
        .registry()
        .set_password(&name, &sent.password, means.authority.now())
        .await?;
    note(&means, &who, (&name, "set_password"), (None, None)).await;
    Ok(Gone::done())
}

/// Checks that somebody who changes their own password knows it: a browser that was left open does not.
async fn own(means: &Means, who: &Principal, current: Option<&str>) -> Answer<()> {
    let current = current.ok_or_else(|| Problem::flawed("/current", "who changes their own password shows it"))?;
    let peer = Peer {
        address: who.address,
        is_tls: false,
        certificate: None,
    };
    let user = who.user.to_string();
    match sign_in(&means.authority, &user, current, &who.user.tenant, &peer).await {
        Ok(_) => Ok(()),
        Err(error) if error.retry_after.is_none() && error.code == crate::oauth::error::ErrorCode::InvalidGrant => {
            Err(Problem::flawed("/current", "this is not the password"))
        }
        Err(error) => Err(error.into()),
    }
}

async fn add(means: &Means, name: &UserName, sent: Document) -> Answer<Document> {
    let wanted = || Problem::flawed("/password", "a user to be made has a password");
    if !means.authority.is_served(&name.tenant) {
        return Err(Problem::missing(format!(
            "there is no tenant `{}` that is served",
            name.tenant
        )));
    }
    let new = NewUser {
        name: name.clone(),
        password: sent.password.ok_or_else(wanted)?,
        roles: sent.roles,
    };
    means.registry().add_user(new, means.authority.now()).await?;
    Ok(Document::of(&*find(means, name)?))
}

async fn note(
    means: &Means,
    who: &Principal,
    (name, action): (&UserName, &'static str),
    (before, after): (Option<&Document>, Option<&Document>),
) {
    let deed = Deed {
        action,
        object: format!("user {}", name.name),
        before: before.and_then(state),
        after: after.and_then(state),
        revision: None,
    };
    means.note(who, &name.tenant, deed).await;
}

/// Refuses to take the last administrator of everything away.
fn keep_one(means: &Means, user: &User) -> Answer<()> {
    if !operator::is_operator(user) {
        return Ok(());
    }
    let all = means.registry().view().users(Some(&TenantName::root()));
    if all.iter().filter(|other| operator::is_operator(other)).count() > 1 {
        return Ok(());
    }
    Err(Problem::conflict(format!(
        "`{}` is the last administrator of everything; make another one first",
        user.name
    )))
}

fn find(means: &Means, name: &UserName) -> Answer<Arc<User>> {
    let found = means.registry().view().user(name);
    found.ok_or_else(|| Problem::missing(format!("there is no user `{name}`")))
}

fn named(name: String, tenant: TenantName) -> UserName {
    UserName { tenant, name }
}

fn place(name: &UserName) -> String {
    path(&["users", &name.name], Some(&name.tenant))
}
