//! Many things at once: several edits as one change, and the whole catalog.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::single::Single;
use super::writing::{apply, place, write};
use crate::control::change::{Change, Whole};
use crate::control::edit::Edited;
use crate::control::publish::Revision;
use crate::control::stated::below;
use crate::http::admin::body::Sent;
use crate::http::admin::etag::Condition;
use crate::http::admin::openapi::told;
use crate::http::admin::principal::Principal;
use crate::http::admin::query::Asked;
use crate::http::admin::reply::One;
use crate::http::admin::{Answer, Means};
use crate::http::problem::Problem;

pub(super) fn routes() -> ApiRouter<Arc<Means>> {
    let whole = get_with(
        export,
        told("catalog", "exportCatalog", "Tells the files of the catalog"),
    )
    .put_with(
        replace,
        told("catalog", "replaceCatalog", "Replaces all files of the catalog"),
    );
    let many = post_with(
        change,
        told(
            "catalog",
            "changeMany",
            "Makes several edits as one change, all or none",
        ),
    );
    ApiRouter::new()
        .api_route("/admin/v1/catalog", whole)
        .api_route("/admin/v1/changes", many)
}

/// Whether something is only tried out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Trying {
    /// Whether nothing is written, and only told what would come of it.
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// How all files are replaced.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Replacing {
    /// Whether nothing is written, and only told what would come of it.
    #[serde(default)]
    pub(super) dry_run: bool,
    /// Whether files that were edited and are not served are replaced, too. They are lost.
    #[serde(default)]
    pub(super) force: bool,
}

/// The files of a catalog.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct Files {
    /// The texts, by their names below the catalog directory, such as `apis/demo.toml`.
    files: BTreeMap<String, String>,
}

/// What a change led to.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct Outcome {
    /// The revision that is served, or would be.
    revision: u64,
    /// How many APIs it holds.
    apis: usize,
    /// What the edits did.
    edited: Vec<Outcomes>,
}

/// What an edit did.
#[derive(Debug, JsonSchema, Serialize)]
struct Outcomes {
    /// The thing, in words.
    object: String,
    /// Where it is.
    location: String,
    /// What it said before; null for nothing.
    before: Value,
    /// What it says now; null for nothing.
    after: Value,
}

impl Outcome {
    pub(super) fn of(changed: crate::control::Changed) -> Self {
        let outcome = |edited: Edited| Outcomes {
            object: edited.object.to_string(),
            location: place(&edited.object),
            before: edited.before.unwrap_or_default(),
            after: edited.after.unwrap_or_default(),
        };
        Self {
            revision: changed.applied.revision.0,
            apis: changed.applied.apis,
            edited: changed.edited.into_iter().map(outcome).collect(),
        }
    }
}

async fn export(State(means): State<Arc<Means>>, who: Principal) -> Answer<One<Files>> {
    who.may_everything()?;
    let (files, revision) = files(&means);
    Ok(One::of(&files).at(revision.0))
}

fn files(means: &Means) -> (Files, Revision) {
    let (stated, dir) = (means.control.stated(), means.ports.changes.directory());
    let files = stated
        .texts()
        .map(|(name, text)| (below(&dir, name).to_owned(), text.to_owned()));
    (Files { files: files.collect() }, stated.revision())
}

async fn replace(
    State(means): State<Arc<Means>>,
    who: Principal,
    Asked(asked): Asked<Replacing>,
    (meant, Sent(sent)): (Condition, Sent<Files>),
) -> Answer<One<Outcome>> {
    who.may_everything()?;
    let (stated, now) = files(&means);
    meant.check_of(Some(&stated))?;
    if let Some(name) = sent.files.keys().find(|name| !is_file_name(name)) {
        let message = format!("`{name}` is no name of a file below the catalog directory, such as `apis/demo.toml`");
        return Err(Problem::flawed("/files", message));
    }
    let change = Change::Become(Whole {
        dir: means.ports.changes.directory(),
        texts: sent.files,
        instead_of: meant.is_given().then_some(now),
        forces: asked.force,
    });
    let changed = apply(
        &means,
        &who,
        (change, "replace the whole catalog".to_owned()),
        asked.dry_run,
    )
    .await?;
    let revision = changed.applied.revision.0;
    Ok(One::of(&Outcome::of(changed)).at(revision))
}

/// Tells whether a file of this name, and no other, would be part of the catalog.
fn is_file_name(name: &str) -> bool {
    let path = Path::new(name);
    let is_plain = |part: Component<'_>| {
        let Component::Normal(part) = part else { return false };
        part.to_str()
            .is_some_and(|part| !part.starts_with('.') && !part.contains(char::is_control))
    };
    // What is written otherwise is read under another name.
    let is_canonical = path.components().collect::<PathBuf>().as_os_str() == name;
    is_canonical && path.components().all(is_plain) && name.ends_with(".toml") && !name.starts_with("tests/")
}

/// Several edits.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Many {
    /// The edits, in their order; each sees what those before it did.
    #[schemars(length(min = 1, max = 1000))]
    changes: Vec<Single>,
}

async fn change(
    State(means): State<Arc<Means>>,
    who: Principal,
    Asked(asked): Asked<Trying>,
    Sent(sent): Sent<Many>,
) -> Answer<One<Outcome>> {
    if sent.changes.is_empty() || sent.changes.len() > MOST {
        return Err(Problem::flawed(
            "/changes",
            format!("between 1 and {MOST} edits are one change"),
        ));
    }
    let edits = sent
        .changes
        .into_iter()
        .map(|single| single.edit(&who))
        .collect::<Answer<Vec<_>>>()?;
    let changed = write(&means, &who, edits, asked.dry_run).await?;
    let revision = changed.applied.revision.0;
    Ok(One::of(&Outcome::of(changed)).at(revision))
}

/// No change has more edits.
const MOST: usize = 1000;
