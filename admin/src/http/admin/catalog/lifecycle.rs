//! `/admin/v1/apis/{api}/versions/{version}/lifecycle`: the moves from state to state (W 2), with their check items
//! (W 1.6): older versions are deprecated, and their subscribers carried over, in the same breath.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::said::find;
use super::versions::Named as OfVersion;
use super::writing::{Wanted, Written, write};
use crate::control::edit::{Edit, OnlyIf};
use crate::control::etag;
use crate::control::object::{ApiId, Object};
use crate::http::admin::body::Sent;
use crate::http::admin::openapi::told;
use crate::http::admin::principal::{Permission, Principal};
use crate::http::admin::query::{Asked, At, OfTenant};
use crate::http::admin::reply::One;
use crate::http::admin::subscribed::Document as Subscription;
use crate::http::admin::{Answer, Means, subscriptions};
use crate::http::problem::Problem;
use crate::model::document;
use crate::model::lifecycle::{LifecycleEvent, LifecycleState};
use crate::model::name::VersionName;
use crate::registry::RegistryError;
use crate::registry::application::ApplicationId;
use crate::registry::choice::Unchosen;
use crate::registry::subscription::{NewSubscription, Subscribed, SubscriptionId};
use crate::registry::view::Right;

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    let methods = get_with(
        show,
        told(
            "apis",
            "getLifecycle",
            "Tells the state of a version and the moves from it",
        ),
    )
    .post_with(go, told("apis", "moveLifecycle", "Moves a version to another state"));
    ApiRouter::new().api_route("/admin/v1/apis/{api}/versions/{version}/lifecycle", methods)
}

/// Where a version stands in its life.
#[derive(Debug, JsonSchema, Serialize)]
struct Standing {
    /// The state.
    state: LifecycleState,
    /// The moves that it may make.
    events: Vec<Way>,
    /// The versions that publishing with `deprecate_older` would deprecate.
    older: Vec<String>,
    /// How many subscriptions there are to it.
    subscriptions: usize,
}

/// A move.
#[derive(Debug, JsonSchema, Serialize)]
struct Way {
    /// Its name.
    event: LifecycleEvent,
    /// Where it leads.
    to: LifecycleState,
}

/// A move that is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asking {
    /// Its name.
    event: LifecycleEvent,
    /// Whether the published versions that stand before this one in the API are deprecated, when it is published.
    #[serde(default)]
    deprecate_older: bool,
    /// Whether the subscribers of the version before it have to subscribe anew, when it is published; else they are carried
    /// over.
    #[serde(default)]
    require_resubscription: bool,
}

/// What a move led to.
#[derive(Debug, JsonSchema, Serialize)]
struct Moved {
    /// The state.
    state: LifecycleState,
    /// The versions that were deprecated with it.
    deprecated: Vec<String>,
    /// How many subscriptions were carried over.
    carried_over: usize,
    /// How many were not: the version takes no subscribers of their tenant, their owners may use none of its tiers, or
    /// the registry did not answer. The log says which.
    not_carried_over: usize,
}

/// A version whose life is looked at, and the published ones that stand before it.
struct Life {
    object: Object,
    api: ApiId,
    version: VersionName,
    state: LifecycleState,
    older: Vec<VersionName>,
}

impl Life {
    fn of(
        means: &Means,
        who: &Principal,
        of: &OfVersion,
        asked: Option<&crate::model::name::TenantName>,
    ) -> Answer<Self> {
        let missing = || Problem::missing(format!("there is no version `{}` of API `{}`", of.version, of.api));
        let (api, version) = of.ids(who.tenant(asked)?).ok_or_else(missing)?;
        let catalog = means.control.catalog();
        let known = catalog
            .apis()
            .iter()
            .find(|known| known.name == api.name && known.tenant == api.tenant);
        let versions = known.map(|known| known.versions.as_slice()).unwrap_or_default();
        let at = versions
            .iter()
            .position(|known| known.version == version)
            .ok_or_else(missing)?;
        let (before, from) = versions.split_at_checked(at).unwrap_or_default();
        let found = from.first().ok_or_else(missing)?;
        let is_published = |known: &&crate::model::api::ApiVersion| known.state == LifecycleState::Published;
        Ok(Self {
            object: Object::Version(api.clone(), version.clone()),
            state: found.state,
            older: before
                .iter()
                .filter(is_published)
                .map(|known| known.version.clone())
                .collect(),
            api,
            version,
        })
    }
}

async fn show(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<OfVersion>,
    Asked(asked): Asked<OfTenant>,
) -> Answer<One<Standing>> {
    let life = Life::of(&means, &who, &of, asked.tenant()?.as_ref())?;
    let ways = LifecycleEvent::from_state(life.state).map(|(event, to)| Way { event, to });
    let told = Standing {
        state: life.state,
        events: ways.collect(),
        older: life.older.iter().map(ToString::to_string).collect(),
        subscriptions: means
            .registry()
            .view()
            .subscriptions_to(&life.subscribed(&life.version))
            .len(),
    };
    Ok(One::of(&told).at(means.control.stated().revision().0))
}

async fn go(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(of): At<OfVersion>,
    Asked(asked): Asked<Written>,
    Sent(wanted): Sent<Asking>,
) -> Answer<One<Moved>> {
    let life = Life::of(&means, &who, &of, asked.tenant()?.as_ref())?;
    who.may(Permission::Publish, life.object.tenant())?;
    let mut ways = LifecycleEvent::from_state(life.state);
    let Some((_, to)) = ways.find(|(event, _)| *event == wanted.event) else {
        return Err(Problem::conflict(format!(
            "{} cannot do that from the state `{}`",
            life.object,
            word(life.state)
        )));
    };
    let publishes = to == LifecycleState::Published && life.state != LifecycleState::Published;
    let mut edits = vec![restated(&means, &who, &life.object, (life.state, to))?];
    let mut deprecated = Vec::new();
    for older in life.older.iter().filter(|_| publishes && wanted.deprecate_older) {
        let object = Object::Version(life.api.clone(), older.clone());
        edits.push(restated(
            &means,
            &who,
            &object,
            (LifecycleState::Published, LifecycleState::Deprecated),
        )?);
        deprecated.push(older.to_string());
    }
    let changed = write(&means, &who, edits, asked.is_dry_run()).await?;
    let carries = publishes && !wanted.require_resubscription && !asked.is_dry_run();
    // The version is live already: what cannot be carried over is told, and takes nothing back.
    let (carried_over, not_carried_over) = if carries {
        life.carry_over(&means, &who).await
    } else {
        (0, 0)
    };
    let told = Moved {
        state: to,
        deprecated,
        carried_over,
        not_carried_over,
    };
    Ok(One::of(&told).at(changed.applied.revision.0))
}

/// Says that a version is in another state, as long as it says what it says now, which is the state that was judged.
fn restated(
    means: &Means,
    who: &Principal,
    object: &Object,
    (from, state): (LifecycleState, LifecycleState),
) -> Answer<Edit> {
    let (said, _) = find::<document::Version>(means, who, object)?;
    if !is_in(&said.0, from) {
        return Err(Problem::conflict(format!(
            "{object} is not stated to be `{}` any more; look at it, and state its state in plain words",
            word(from)
        )));
    }
    let mark = etag::digest(&said.0);
    let mut to = said.0;
    if let Some(table) = to.as_object_mut() {
        table.insert("state".to_owned(), word(state).into());
    }
    Ok(Edit {
        object: object.clone(),
        to: Some(to),
        only_if: OnlyIf::Is(vec![mark]),
        within: None,
    })
}

/// Tells whether what is said of a version puts it in a state.
fn is_in(said: &Value, state: LifecycleState) -> bool {
    let stated = said.get("state").and_then(Value::as_str).map(str::to_owned);
    stated.unwrap_or_else(|| word(LifecycleState::default())) == word(state)
}

fn word(state: LifecycleState) -> String {
    let word = serde_json::to_value(state).ok();
    word.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Life {
    fn subscribed(&self, version: &VersionName) -> Subscribed {
        Subscribed {
            tenant: self.api.tenant.clone(),
            api: self.api.name.clone(),
            version: version.clone(),
        }
    }

    /// Subscribes those who use the version before this one; returns how many could be, and how many could not.
    async fn carry_over(&self, means: &Means, who: &Principal) -> (usize, usize) {
        let Some(before) = self.older.last() else { return (0, 0) };
        let to = Arc::new(self.subscribed(&self.version));
        let (mut carried, mut not_carried) = (0, 0);
        for (application, subscription) in means.registry().view().subscriptions_to(&self.subscribed(before)) {
            match carry(means, who, &to, (application, subscription.id)).await {
                Ok(is_new) => carried += usize::from(is_new),
                Err(reason) => {
                    not_carried += 1;
                    let error = &*reason as &dyn std::error::Error;
                    tracing::error!(application = application.0, version = %to, error, "a subscription is not carried over");
                }
            }
        }
        (carried, not_carried)
    }
}

/// Subscribes an application as it is to another version, with its tier where its owner may use it there, or the first
/// that may be had. Tells whether it is new: where there is one, none is needed, or the old one ended, nothing is done.
async fn carry(
    means: &Means,
    who: &Principal,
    to: &Arc<Subscribed>,
    (application, old): (ApplicationId, SubscriptionId),
) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let _turn = means.turn().await;
    let view = means.registry().view();
    let mut rights = view.subscriptions_of(application).into_iter();
    let old = rights.find(|(_, subscription)| subscription.id == old);
    let (Some((_, mut subscription)), Some(application)) = (old, view.application(application)) else {
        return Ok(false);
    };
    let choose = |wanted| subscriptions::choose(means, &application.owner, to, wanted).ok_or("the version is gone");
    let tier = match choose(Some(subscription.tier.as_str()))? {
        Err(Unchosen::Unknown { .. }) => choose(None)?,
        chosen @ (Ok(_) | Err(Unchosen::Closed(_) | Unchosen::Free)) => chosen,
    };
    subscription.tier = match tier {
        Err(Unchosen::Free) => return Ok(false),
        tier @ (Ok(_) | Err(Unchosen::Closed(_) | Unchosen::Unknown { .. })) => tier?,
    };
    let new = NewSubscription {
        application: application.id,
        to: (**to).clone(),
        tier: subscription.tier.clone(),
        state: subscription.state,
    };
    subscription.id = match means.registry().subscribe(new, means.authority.now()).await {
        Err(RegistryError::Conflict(_)) => return Ok(false),
        subscribed => subscribed?,
    };
    subscription.version = to.version.clone();
    let right = Right {
        application: Arc::clone(&application),
        to: Arc::clone(to),
        subscription,
    };
    let made = Subscription::of(&right);
    subscriptions::note(means, who, (application.tenant(), "carry_over"), (None, Some(&made))).await;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_version_is_in_the_state_that_it_states() {
        assert!(is_in(&json!({ "state": "published" }), LifecycleState::Published));
        assert!(is_in(&json!({}), LifecycleState::Created));
        assert!(!is_in(&json!({}), LifecycleState::Published));
        for other in ["deprecated", "${STATE:-published}"] {
            assert!(!is_in(&json!({ "state": other }), LifecycleState::Published));
        }
    }
}
