//! `/admin/v1/revisions`: the catalogs that were served; what differs between two; and going back to one.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bulk::{Outcome, Replacing};
use super::writing::apply;
use crate::control::change::{Change, Whole};
use crate::control::diff::{self, Difference};
use crate::control::history::{Entry, Texts};
use crate::control::publish::Revision;
use crate::control::secrets::hide_secrets;
use crate::http::admin::moment::Moment;
use crate::http::admin::openapi::told;
use crate::http::admin::principal::Principal;
use crate::http::admin::query::{Asked, At, List, Page};
use crate::http::admin::reply::One;
use crate::http::admin::{Answer, Means};
use crate::http::problem::Problem;

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    ApiRouter::new()
        .api_route(
            "/admin/v1/revisions",
            get_with(
                list,
                told(
                    "revisions",
                    "listRevisions",
                    "Lists the catalogs that were served, the latest first",
                ),
            ),
        )
        .api_route(
            "/admin/v1/revisions/{revision}",
            get_with(
                show,
                told(
                    "revisions",
                    "getRevision",
                    "Tells who made a catalog, when, and what changed",
                ),
            ),
        )
        .api_route(
            "/admin/v1/revisions/{revision}/diff",
            get_with(
                differ,
                told("revisions", "diffRevisions", "Tells what differs between two catalogs"),
            ),
        )
        .api_route(
            "/admin/v1/revisions/{revision}/restore",
            post_with(
                restore,
                told(
                    "revisions",
                    "restoreRevision",
                    "Makes the catalog what it was, as a new revision",
                ),
            ),
        )
}

/// A catalog that was served.
#[derive(Debug, JsonSchema, Serialize)]
struct Kept {
    /// Its number.
    revision: u64,
    /// When it went live.
    at: Moment,
    /// Who made it; `files` where they were edited. Empty for those who see one tenant.
    actor: String,
    /// What was done. Empty for those who see one tenant: it names things of others.
    note: String,
    /// Whether it is served now.
    is_live: bool,
}

/// What differs between two catalogs.
#[derive(Debug, JsonSchema, Serialize)]
struct Differing {
    /// The catalog that is looked at.
    revision: u64,
    /// The one that it is compared with.
    against: u64,
    /// What differs, thing by thing and field by field; of the tenants that the caller sees.
    differences: Vec<Differed>,
    /// What differs in the files, as `diff -u` writes it; null for those who do not administer everything.
    text: Option<String>,
}

/// A field of a thing that differs.
#[derive(Debug, JsonSchema, Serialize)]
struct Differed {
    /// The thing, in words.
    object: String,
    /// The tenant that it belongs to.
    tenant: String,
    /// The field; empty where the thing is new or gone.
    field: String,
    /// What it said; null for nothing.
    before: Value,
    /// What it says; null for nothing.
    after: Value,
}

/// A catalog in a path.
#[derive(Debug, Deserialize, JsonSchema)]
struct Numbered {
    /// The number of the revision.
    revision: u64,
}

/// What a catalog is compared with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Against {
    /// The number of another revision; the one before it where it is left out.
    against: Option<u64>,
}

fn kept(who: &Principal, entry: &Entry, live: Revision) -> Kept {
    let (actor, note) = match who.covers {
        None => (entry.actor.clone(), entry.note.clone()),
        Some(_) => Default::default(),
    };
    Kept {
        revision: entry.revision.0,
        at: Moment(entry.at),
        actor,
        note,
        is_live: entry.revision == live,
    }
}

fn of(means: &Means, number: u64) -> Answer<Entry> {
    let mut all = means.control.revisions().into_iter();
    all.find(|entry| entry.revision.0 == number).ok_or_else(|| gone(number))
}

fn gone(number: u64) -> Problem {
    Problem::missing(format!("revision {number} is not kept"))
}

/// Does what blocks with the means.
async fn blocking<T: Send + 'static>(
    means: &Arc<Means>,
    work: impl FnOnce(&Means) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    let means = Arc::clone(means);
    let done = tokio::task::spawn_blocking(move || work(&means)).await;
    done.unwrap_or_else(|_| Err(Problem::broken("reading the history broke; see the log")))
}

fn texts(means: &Means, number: u64) -> Answer<Texts> {
    match means.control.texts(Revision(number)) {
        Ok(texts) => texts.ok_or_else(|| gone(number)),
        Err(reason) => {
            tracing::error!(%reason, "the history cannot be read");
            Err(Problem::unavailable("the history cannot be read; see the log"))
        }
    }
}

async fn list(State(means): State<Arc<Means>>, who: Principal, asked: List) -> Answer<Page<Kept>> {
    let live = means.control.status().revision;
    let all = means.control.revisions();
    // What is not told is not searched, either.
    let is_wanted = |kept: &Kept| asked.is_wanted(&kept.actor) || asked.is_wanted(&kept.note);
    Ok(asked.page(all.iter().map(|entry| kept(&who, entry, live)).filter(is_wanted)))
}

async fn show(State(means): State<Arc<Means>>, who: Principal, At(asked): At<Numbered>) -> Answer<One<Kept>> {
    let entry = of(&means, asked.revision)?;
    Ok(One::of(&kept(&who, &entry, means.control.status().revision)))
}

async fn differ(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(asked): At<Numbered>,
    Asked(compared): Asked<Against>,
) -> Answer<One<Differing>> {
    let entry = of(&means, asked.revision)?;
    let before = |number: u64| {
        means
            .control
            .revisions()
            .iter()
            .map(|kept| kept.revision.0)
            .find(|kept| *kept < number)
    };
    let against = compared
        .against
        .or_else(|| before(asked.revision))
        .unwrap_or(asked.revision);
    // Whoever goes away keeps the place until the work is done.
    let place = Arc::clone(&means.comparisons).acquire_owned().await;
    let place = place.map_err(|_| Problem::unavailable("no catalogs are compared any more"))?;
    let compared = blocking(&means, move |means| {
        let _place = place;
        compare(means, &who, (against, entry.revision.0))
    });
    Ok(One::of(&compared.await?))
}

/// Compares two catalogs. It blocks.
fn compare(means: &Means, who: &Principal, (against, revision): (u64, u64)) -> Answer<Differing> {
    let (then, now) = (texts(means, against)?, texts(means, revision)?);
    let found = diff::by_object(&then, &now).into_iter();
    let mine = found.filter(|found| who.covers.as_ref().is_none_or(|own| own.as_str() == found.tenant));
    Ok(Differing {
        revision,
        against,
        differences: mine.map(differed).collect(),
        text: who.may_everything().is_ok().then(|| diff::by_line(&then, &now)),
    })
}

/// Tells what differs, without secrets.
fn differed(found: Difference) -> Differed {
    let (mut before, mut after) = (keyed(&found.field, found.before), keyed(&found.field, found.after));
    hide_secrets(&mut before);
    hide_secrets(&mut after);
    Differed {
        object: found.object,
        tenant: found.tenant,
        before: bare(&found.field, before),
        after: bare(&found.field, after),
        field: found.field,
    }
}

/// Puts a field under its key, by which secrets are known.
fn keyed(field: &str, value: Value) -> Value {
    if field.is_empty() {
        value
    } else {
        Value::Object([(field.to_owned(), value)].into_iter().collect())
    }
}

fn bare(field: &str, mut value: Value) -> Value {
    match value.get_mut(field) {
        Some(inner) if !field.is_empty() => inner.take(),
        Some(_) | None => value,
    }
}

async fn restore(
    State(means): State<Arc<Means>>,
    who: Principal,
    At(asked): At<Numbered>,
    Asked(trying): Asked<Replacing>,
) -> Answer<One<Outcome>> {
    who.may_everything()?;
    let texts = blocking(&means, move |means| texts(means, asked.revision)).await?;
    let change = Change::Become(Whole {
        dir: means.ports.changes.directory(),
        texts,
        instead_of: None,
        forces: trying.force,
    });
    let note = format!("go back to revision {}", asked.revision);
    let changed = apply(&means, &who, (change, note), trying.dry_run).await?;
    let revision = changed.applied.revision.0;
    Ok(One::of(&Outcome::of(changed)).at(revision))
}
