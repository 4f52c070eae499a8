//! Writes of the catalog: who may, under which condition, and what is told when it is served or refused.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::control::change::{Author, Change};
use crate::control::edit::{Edit, Edited, OnlyIf};
use crate::control::object::{ApiId, Object};
use crate::control::secrets::hide_secrets;
use crate::control::stated::Stated;
use crate::control::{Changed, ControlError, Effect};
use crate::http::admin::audit::Deed;
use crate::http::admin::principal::{Permission, Principal};
use crate::http::admin::query::{self, path};
use crate::http::admin::{Answer, Means};
use crate::http::problem::Problem;
use crate::model::name::{ApiName, TenantName};

/// Whoever applies changes to the catalog, and tells the log and metrics of them.
pub trait Changes: Send + Sync {
    /// Applies a change. It blocks.
    ///
    /// # Errors
    ///
    /// Returns why it was not applied.
    fn change(&self, change: Change, author: &Author) -> Result<Changed, ControlError>;

    /// Says what would come of a change. It blocks.
    ///
    /// # Errors
    ///
    /// Returns why it would not be applied.
    fn try_out(&self, change: Change) -> Result<Changed, ControlError>;

    /// Returns the catalog directory.
    fn directory(&self) -> PathBuf;
}

/// How something of a tenant is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// The domain of the tenant; the caller's own where it is left out.
    tenant: Option<String>,
    /// Whether nothing is written, and only told what would come of it.
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// How a scope is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenScope {
    /// The domain of the tenant; the caller's own where it is left out.
    tenant: Option<String>,
    /// Whether nothing is written, and only told what would come of it.
    #[serde(default)]
    dry_run: bool,
    /// The API that a new scope belongs to; without one, the tenant's APIs share it.
    api: Option<String>,
}

/// What the query of a write says.
pub(super) trait Wanted {
    /// Returns the tenant that is asked for.
    ///
    /// # Errors
    ///
    /// Returns 404 where it is no such name.
    fn tenant(&self) -> Answer<Option<TenantName>>;

    /// Tells whether nothing is to be written.
    fn is_dry_run(&self) -> bool;

    /// Returns the API whose file a new thing goes to.
    ///
    /// # Errors
    ///
    /// Returns 404 where it is no such name.
    fn within(&self, _tenant: &TenantName) -> Answer<Option<ApiId>> {
        Ok(None)
    }
}

impl Wanted for Written {
    fn tenant(&self) -> Answer<Option<TenantName>> {
        query::tenant(self.tenant.as_deref())
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run
    }
}

impl Wanted for WrittenScope {
    fn tenant(&self) -> Answer<Option<TenantName>> {
        query::tenant(self.tenant.as_deref())
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    fn within(&self, tenant: &TenantName) -> Answer<Option<ApiId>> {
        let api = |api: &String| {
            let name = ApiName::parse(api).map_err(|_| Problem::missing(format!("there is no API `{api}`")))?;
            let tenant = tenant.clone();
            Ok(ApiId { tenant, name })
        };
        self.api.as_ref().map(api).transpose()
    }
}

/// Returns what writing a thing takes in its tenant.
pub(super) fn wanted(object: &Object) -> Permission {
    match object {
        Object::Api(_) | Object::Resource(..) | Object::Scope(..) | Object::Version(..) => Permission::Publish,
        Object::CountingRule(..) | Object::DenyRule(..) | Object::KeyManager(..) | Object::Tier(..) => {
            Permission::Tenant
        }
        Object::Tenant(_) => Permission::Everything,
    }
}

/// Makes edits, all or none, and waits until they are served.
///
/// # Errors
///
/// Returns why they were not made: whoever asked is told where each of them is wrong. 403 and 404 where the caller may not.
pub(super) async fn write(means: &Arc<Means>, who: &Principal, edits: Vec<Edit>, is_dry_run: bool) -> Answer<Changed> {
    let stated = means.control.stated();
    for edit in &edits {
        who.may(wanted(&edit.object), edit.object.tenant())?;
        if who.may_everything().is_err() {
            let known = stated.find(&edit.object).map(|found| found.value);
            let mut known_texts = Vec::new();
            texts(known.as_ref(), &mut known_texts);
            refers_to_nothing_new(edit.to.as_ref(), &known_texts)?;
        }
    }
    let note = edits.iter().map(noted).collect::<Vec<_>>().join(", ");
    let change = Change::Edit(means.ports.changes.directory(), edits);
    apply(means, who, (change, note), is_dry_run).await
}

/// Refuses texts that stand for a variable or a file of the machine, but for those that the thing states already: what they
/// stand for is the operator's, and answers and endpoints would tell it.
fn refers_to_nothing_new(to: Option<&Value>, known: &[String]) -> Answer<()> {
    let mut stated = Vec::new();
    texts(to, &mut stated);
    match stated.iter().find(|text| refers(text) && !known.contains(text)) {
        None => Ok(()),
        Some(_) => Err(Problem::forbidden(
            "variables (`${...}`) and files (`file:...`) of the machine are referred to by those who administer everything; \
             write `$${` for the characters themselves",
        )),
    }
}

/// Gathers every text of a document, keys included.
fn texts(value: Option<&Value>, found: &mut Vec<String>) {
    match value {
        Some(Value::String(text)) => found.push(text.clone()),
        Some(Value::Array(list)) => list.iter().for_each(|value| texts(Some(value), found)),
        Some(Value::Object(table)) => table.iter().for_each(|(key, value)| {
            found.push(key.clone());
            texts(Some(value), found);
        }),
        Some(Value::Bool(_) | Value::Null | Value::Number(_)) | None => {}
    }
}

fn refers(text: &str) -> bool {
    let is_variable = text.replace("$$", "").contains("${");
    is_variable || text.starts_with("file:")
}

/// As [`write()`], for one edit.
///
/// # Errors
///
/// As [`write()`].
pub(super) async fn write_one(
    means: &Arc<Means>,
    who: &Principal,
    edit: Edit,
    is_dry_run: bool,
) -> Answer<(Edited, u64)> {
    let missing = Problem::missing(format!("there is no {}", edit.object));
    let Changed {
        mut edited, applied, ..
    } = write(means, who, vec![edit], is_dry_run).await?;
    edited.pop().map(|edited| (edited, applied.revision.0)).ok_or(missing)
}

/// Applies a change under the caller's name, with a note for the history.
pub(super) async fn apply(
    means: &Arc<Means>,
    who: &Principal,
    (change, note): (Change, String),
    is_dry_run: bool,
) -> Answer<Changed> {
    let port = Arc::clone(&means.ports.changes);
    let (actor, told) = (who.user.to_string(), note.clone());
    let author = Author { actor, note };
    let done = spawn_blocking(move || {
        if is_dry_run {
            port.try_out(change)
        } else {
            port.change(change, &author)
        }
    });
    let changed = done
        .await
        .map_err(|_| Problem::broken("the change broke; see the log"))?;
    let changed = changed.map_err(|error| untold(error, who, &means.control.stated()))?;
    let is_done = !is_dry_run && (changed.written > 0 || changed.applied.effect == Effect::Published);
    let revision = changed.applied.revision.0;
    for edited in changed
        .edited
        .iter()
        .filter(|edited| is_done && edited.before != edited.after)
    {
        means.note(who, edited.object.tenant(), deed(edited, revision)).await;
    }
    if is_done && changed.edited.is_empty() {
        let (action, object) = ("replace", told);
        let revision = Some(revision);
        means
            .note(
                who,
                &TenantName::root(),
                Deed {
                    action,
                    object,
                    revision,
                    ..Deed::default()
                },
            )
            .await;
    }
    Ok(changed)
}

/// Says why a change was not applied; what is wrong in files of other tenants alone is theirs to know.
fn untold(error: ControlError, who: &Principal, stated: &Stated) -> Problem {
    let problem = Problem::from(error);
    let Some(tenant) = &who.covers else {
        return problem;
    };
    let own: HashSet<&str> = stated.files_where(|object| object.tenant() == tenant).collect();
    problem.about(|file| own.contains(file))
}

/// Says what an edit did; no secret is in it.
fn deed(edited: &Edited, revision: u64) -> Deed {
    let shown = |value: &Option<Value>| {
        let mut value = value.clone();
        value.iter_mut().for_each(hide_secrets);
        value
    };
    Deed {
        action: if edited.after.is_some() { "put" } else { "delete" },
        object: edited.object.to_string(),
        before: shown(&edited.before),
        after: shown(&edited.after),
        revision: Some(revision),
    }
}

fn noted(edit: &Edit) -> String {
    let what = match (&edit.to, &edit.only_if) {
        (None, _) => "delete",
        (Some(_), OnlyIf::Absent | OnlyIf::Unknown) => "make",
        (Some(_), OnlyIf::Anything | OnlyIf::Is(_) | OnlyIf::Present) => "put",
    };
    format!("{what} {}", edit.object)
}

/// Writes where a thing is.
pub(super) fn place(object: &Object) -> String {
    let tenant = object.tenant();
    let tenant = (*tenant != TenantName::root()).then_some(tenant);
    match object {
        Object::Api(api) => path(&["apis", api.name.as_str()], tenant),
        Object::CountingRule(_, name) => path(&["counting-rules", name.as_str()], tenant),
        Object::DenyRule(_, id) => path(&["deny-rules", id], tenant),
        Object::KeyManager(_, name) => path(&["key-managers", name.as_str()], tenant),
        Object::Resource(api, version, resource) => {
            let parts = [
                "apis",
                api.name.as_str(),
                "versions",
                version.as_str(),
                "resources",
                resource.as_str(),
            ];
            path(&parts, tenant)
        }
        Object::Scope(_, key) => path(&["scopes", key.as_str()], tenant),
        Object::Tenant(domain) => path(&["tenants", domain.as_str()], None),
        Object::Tier(_, level, name) => path(&["tiers", &level.to_string(), name.as_str()], tenant),
        Object::Version(api, version) => path(&["apis", api.name.as_str(), "versions", version.as_str()], tenant),
    }
}
