//! `/admin/v1/cache/purge`: forgets what is kept of responses, at once. Who publishes in a tenant purges what is its own.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::post_with;
use axum::extract::State;
use tokio::task::spawn_blocking;

use super::audit::{Deed, state};
use super::body::Loose;
use super::openapi::told;
use super::ports::{Named, Refused};
use super::principal::{Permission, Principal};
use super::query::tenant;
use super::reply::Gone;
use super::{Answer, Means};
use crate::http::problem::Problem;
use crate::model::name::TenantName;

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    ApiRouter::new().api_route(
        "/admin/v1/cache/purge",
        post_with(purge, told("cache", "purgeCache", "Forgets what is kept of responses")),
    )
}

async fn purge(State(means): State<Arc<Means>>, who: Principal, sent: Loose<Named>) -> Answer<Gone> {
    who.may(Permission::Publish, &who.user.tenant)?;
    let named = sent
        .read()
        .map_err(|reason| Problem::refused(format!("the body names nothing {reason}"), Vec::new()))?;
    let named = allowed(&means, &who, named)?;
    // What there is on a disk is waited for.
    let purge = Arc::clone(&means.ports.purge);
    let (what, operator) = (named.clone(), who.user.to_string());
    match spawn_blocking(move || purge.purge(&what, &operator)).await {
        Ok(Ok(())) => {
            note(&means, &who, &named).await;
            Ok(Gone::done())
        }
        Ok(Err(Refused::Senseless(reason))) => Err(Problem::refused(reason, Vec::new())),
        Ok(Err(Refused::Failed(reason))) => Err(Problem::unavailable(reason)),
        Err(_) => Err(Problem::broken("the purge broke; see the log")),
    }
}

async fn note(means: &Means, who: &Principal, named: &Named) {
    let deed = Deed {
        action: "purge",
        object: "cache".to_owned(),
        after: state(named),
        ..Deed::default()
    };
    let of = tenant(named.tenant.as_deref()).ok().flatten();
    means
        .note(who, &of.unwrap_or_else(|| who.user.tenant.clone()), deed)
        .await;
}

/// Checks that the caller may forget what is named; a part of a tenant is one of the caller's own where none is named.
fn allowed(means: &Means, who: &Principal, mut named: Named) -> Answer<Named> {
    if named.everything {
        who.may_everything()?;
    }
    if let Some(url) = &named.url
        && who.permission != Permission::Everything
    {
        let of = means
            .ports
            .purge
            .tenant_of(url)
            .and_then(|of| TenantName::parse(&of).ok());
        let unserved = || Problem::refused(format!("no API answers at `{url}`"), Vec::new());
        let of = of.filter(|of| who.sees(of)).ok_or_else(unserved)?;
        who.may(Permission::Publish, &of)?;
    }
    if named.tenant.is_none() && (named.api.is_some() || named.tag.is_some()) {
        named.tenant = Some(who.user.tenant.to_string());
    }
    if let Some(of) = tenant(named.tenant.as_deref())? {
        who.may(Permission::Publish, &of)?;
    }
    Ok(named)
}
