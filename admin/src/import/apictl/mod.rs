//! An apictl project made one API: `api.yaml` says what it is, of release 4 or before it; the rest of the project what
//! that file leaves open (W 18).

mod endpoint;
mod operation;
mod project;
mod version;

use std::collections::HashSet;

use super::archive::Files;
use super::endpoint::several;
use super::naming::{Named, names};
use super::note::Notes;
use super::openapi::operations;
use super::resources::{Operation, Scopes, resources};
use super::tree::{Item, Table, read};
use super::version::blank;
use super::{Imported, Stated, blame};
use crate::model::document::Document;
use crate::model::violation::Violation;
use project::Project;

/// Makes the files of an apictl project an API.
///
/// # Errors
///
/// Returns why they are no such project, or why what it describes is no API that this gateway serves, with the file and
/// the place in it as a JSON pointer.
pub fn apictl(files: &Files, stated: &Stated) -> Result<Imported, Violation> {
    let project = Project::find(files)?;
    let mut notes = Notes::on(&project.file);
    let mut api = envelope(read(&project.file, project.text)?, &mut notes);
    check_kind(&mut api, &project.file)?;
    let (name, label) = identity(&mut api, &mut notes);
    let template = api.take("contextTemplate");
    let context = template.or_else(|| api.take("context"));
    let (name, label, context) = (
        Said::of(name, "name"),
        Said::of(label, "version"),
        Said::of(context, "context"),
    );
    drop(api.take("context"));
    let names = names(&project.file, stated, (&name.named(), &label.named(), &context.named()))?;
    let mut version = blank(names.version.clone());
    version::fill(&mut api, &mut version, &mut notes);
    version.endpoints = Some(endpoint::endpoints(&mut api, stated, (&project.file, &mut notes))?);
    version::limit(&mut api, &mut version, &mut notes);
    let mut scopes = Scopes::default();
    operation::scopes(&mut api, &mut scopes, &mut notes);
    let own = operation::operations(&mut api, &mut notes);
    let is_default = api.flag("isDefaultVersion", &mut notes).unwrap_or(false);
    version::leave(api, &mut notes);
    let all = callable(own, &project, &mut scopes, &mut notes)?;
    version.resources = resources(all, &mut notes);
    if version.resources.is_empty() {
        let message = "there is no operation, here or in the project's definition, so there is nothing to call";
        return Err(blame(&project.file, "", message));
    }
    project.certificates(&mut version, &mut notes);
    project.leave(&mut notes);
    let default_version = several(is_default.then_some(names.version).into_iter().collect());
    let document = Document {
        name: Some(names.name),
        context: Some(names.context),
        tenant: names.tenant,
        default_version,
        scopes: scopes.complete(&version.resources),
        versions: vec![version],
        ..Document::default()
    };
    Ok(Imported {
        document,
        notes: notes.finish(),
    })
}

/// Returns the operations of `api.yaml`, or of the project's definition where that file states none. What the definition
/// has beyond those of `api.yaml` is noted: it is not called there either.
fn callable(
    own: Vec<Operation>,
    project: &Project<'_>,
    scopes: &mut Scopes,
    notes: &mut Notes,
) -> Result<Vec<Operation>, Violation> {
    let Some((file, text)) = project.definition()? else {
        return Ok(own);
    };
    notes.turn_to(&file);
    if !own.is_empty() {
        // What the definition says of its callers counts for nothing, so there is nothing to say of it.
        let found = operations(&file, text, &mut Notes::on(&file))?;
        let known: HashSet<_> = own.iter().map(|o| (o.path.as_str(), o.method)).collect();
        let of_found = |o: &&Operation| !known.contains(&(o.path.as_str(), o.method));
        for operation in found.operations.iter().filter(of_found) {
            notes.add(
                &operation.at,
                "is not among the operations of the API itself, and is left out",
            );
        }
        notes.add("", "what calls and responses look like is neither kept nor checked");
        notes.turn_to(&project.file);
        return Ok(own);
    }
    let found = operations(&file, text, notes)?;
    for scope in found.scopes.complete(&[]) {
        scopes.add(&scope.key, scope.name, scope.roles);
    }
    notes.turn_to(&project.file);
    Ok(found.operations)
}

/// Returns the API inside the envelope of release 4: `type`, `version` and `data`.
fn envelope(mut root: Table, notes: &mut Notes) -> Table {
    if !root.map.get("data").is_some_and(serde_json::Value::is_object) {
        return root;
    }
    let data = root.table("data", notes);
    drop((root.take("type"), root.take("version")));
    notes.rest(root.clone(), &[], &[]);
    data.unwrap_or(root)
}

/// Refuses what is no API that is called over HTTP.
fn check_kind(api: &mut Table, file: &str) -> Result<(), Violation> {
    let Some(item) = api.take("type") else { return Ok(()) };
    let kind = item.text().unwrap_or_default().to_ascii_uppercase();
    match kind.as_str() {
        "HTTP" | "" | "NULL" | "SOAP" | "SSE" => Ok(()),
        _ => {
            let message = "an API of this type is not called over plain HTTP, and cannot be taken over";
            Err(blame(file, &item.at, message).fix("import APIs of the types HTTP, SOAP and SSE"))
        }
    }
}

/// Takes the name and the version, which stand inside `id` before release 4.
fn identity(api: &mut Table, notes: &mut Notes) -> (Option<Item>, Option<Item>) {
    let (mut name, mut version) = (api.take("name"), api.take("version"));
    if api.map.get("id").is_some_and(serde_json::Value::is_object)
        && let Some(mut id) = api.table("id", notes)
    {
        name = name.or_else(|| id.take_any(&["apiName", "name"]));
        version = version.or_else(|| id.take("version"));
        notes.rest(id, &[("providerName", version::PROVIDER)], &[]);
    }
    (name, version)
}

/// A text that a name is made of, and its place.
struct Said {
    text: Option<String>,
    at: String,
}

impl Said {
    fn of(item: Option<Item>, key: &str) -> Self {
        let text = item.as_ref().and_then(Item::text).filter(|text| !text.is_empty());
        let at = item.map_or_else(|| format!("/{key}"), |item| item.at);
        Self { text, at }
    }

    fn named(&self) -> Named<'_> {
        Named {
            text: self.text.as_deref(),
            at: &self.at,
        }
    }
}
