//! An OpenAPI 3 or Swagger 2 document made one API, with the extensions of W 18.3.
//!
//! Where the document and an extension speak of the same, the extension wins: whoever wrote it meant a gateway.

mod operation;
mod scheme;
mod server;

use super::naming::{Named, names};
use super::note::Notes;
use super::resources::{Operation, Scopes, counted, resources};
use super::tree::{Item, Table, read};
use super::version::{blank, kept, own_field, transports};
use super::{Imported, Stated, blame};
use crate::model::auth::AuthType;
use crate::model::document::{Cache, Document, SecurityName, Version};
use crate::model::violation::Violation;
use operation::Paths;
use scheme::{Demand, Proof, Schemes};

/// Makes an OpenAPI document an API. `file` is what the document is called in notes and violations.
///
/// # Errors
///
/// Returns why the document is none, or is no API, with the place as a JSON pointer; a syntax error also has its line
/// and column.
pub fn openapi(file: &str, text: &str, stated: &Stated) -> Result<Imported, Violation> {
    let mut notes = Notes::on(file);
    let mut root = read(file, text)?;
    let is_old = check_kind(file, &mut root)?;
    let mut info = root.table("info", &mut notes).unwrap_or_else(|| Table::empty("/info"));
    let (title, label) = (info.text("title", &mut notes), info.text("version", &mut notes));
    let base = root.text("x-wso2-basePath", &mut notes);
    let names = names(
        file,
        stated,
        (
            &Named {
                text: title.as_deref(),
                at: "/info/title",
            },
            &Named {
                text: label.as_deref(),
                at: "/info/version",
            },
            &Named {
                text: base.as_deref(),
                at: "/x-wso2-basePath",
            },
        ),
    )?;
    notes.rest(info, INFO, &[]);
    let mut version = blank(names.version);
    version.transports = transports(root.texts(&["x-wso2-transports"], &mut notes), &mut notes);
    version.tier = counted(take_tier(&mut root), &mut notes);
    version.cache = cache(&mut root, &mut notes);
    version.endpoints = server::endpoints(&mut root, stated, is_old, &mut notes)
        .map(Some)
        .map_err(|(at, why)| blame(file, at, why).fix("name one with `--endpoint`"))?;
    let Surface {
        operations,
        scopes,
        demand,
    } = surface(root, Some(&mut version), &mut notes);
    check_number(file, &operations)?;
    secure(&mut version, &demand, &operations);
    version.resources = resources(operations, &mut notes);
    if version.resources.is_empty() {
        return Err(blame(
            file,
            "/paths",
            "there is no operation, so there is nothing to call",
        ));
    }
    let document = Document {
        name: Some(names.name),
        context: Some(names.context),
        tenant: names.tenant,
        scopes: scopes.complete(&version.resources),
        versions: vec![version],
        ..Document::default()
    };
    Ok(Imported {
        document,
        notes: notes.finish(),
    })
}

/// What of a document says who may call what.
pub(super) struct Surface {
    pub(super) operations: Vec<Operation>,
    pub(super) scopes: Scopes,
    /// What all operations that are not open demand, taken together.
    demand: Demand,
}

/// Reads the operations of a project's document; everything else about the API is said elsewhere.
pub(super) fn operations(file: &str, text: &str, notes: &mut Notes) -> Result<Surface, Violation> {
    let mut root = read(file, text)?;
    check_kind(file, &mut root)?;
    for key in ELSEWHERE {
        drop(root.take(key));
    }
    let surface = surface(root, None, notes);
    check_number(file, &surface.operations)?;
    Ok(surface)
}

/// Refuses more operations than people could have written.
fn check_number(file: &str, operations: &[Operation]) -> Result<(), Violation> {
    if operations.len() > MOST_OPERATIONS {
        let message = format!("there are more than {MOST_OPERATIONS} operations");
        return Err(blame(file, "/paths", message).fix("import it in parts, each an API of its own"));
    }
    Ok(())
}

/// Takes the security, the scopes and the operations of a document, and notes what is left of it.
fn surface(mut root: Table, version: Option<&mut Version>, notes: &mut Notes) -> Surface {
    let whole = root.clone();
    let mut scopes = Scopes::default();
    let schemes = Schemes::take(&mut root, &mut scopes, notes);
    let mut demand = Demand::default();
    if let Some(version) = version {
        fields(&mut root, version, notes);
        demand.take_stated(&mut root, notes);
    }
    let mut paths = Paths::new(&whole, &schemes, &mut root, notes);
    let operations = paths.operations(&mut root, notes);
    demand.include(paths.demand, notes);
    notes.rest(root, ROOT, &[]);
    Surface {
        operations,
        scopes,
        demand,
    }
}

/// Returns whether the document is of Swagger 2.0, or refuses it.
fn check_kind(file: &str, root: &mut Table) -> Result<bool, Violation> {
    let fix = "import an OpenAPI 3.0 or 3.1 document, or one of Swagger 2.0";
    match (root.take("openapi"), root.take("swagger")) {
        (Some(kind), _) if kind.text().is_some_and(|text| text == "3" || text.starts_with("3.")) => Ok(false),
        (None, Some(kind)) if kind.text().is_some_and(|text| text == "2" || text == "2.0") => Ok(true),
        (Some(kind), _) | (None, Some(kind)) => {
            Err(blame(file, &kind.at, "this version of the format is not known").fix(fix))
        }
        (None, None) => Err(blame(file, "", "there is neither `openapi` nor `swagger`").fix(fix)),
    }
}

fn take_tier(table: &mut Table) -> Option<Item> {
    let old = table.take("x-throttling-tier");
    table.take("x-wso2-throttling-tier").or(old)
}

/// Takes the names of the fields that hold credentials.
fn fields(root: &mut Table, version: &mut Version, notes: &mut Notes) {
    version.authorization_header = own_field(root.text("x-wso2-auth-header", notes), "Authorization");
    version.api_key_header = own_field(root.text("x-wso2-api-key-header", notes), "apikey");
}

fn cache(root: &mut Table, notes: &mut Notes) -> Option<Cache> {
    let mut stated = root.table("x-wso2-response-cache", notes)?;
    let is_on = stated.flag("enabled", notes).unwrap_or(false);
    let seconds = stated.take("cacheTimeoutInSeconds");
    let at = stated.at.clone();
    notes.rest(stated, &[], &[]);
    is_on.then(|| kept(seconds.and_then(|item| item.number()), &at, notes))
}

/// Says what proves a caller: what was stated, else what operations demand, else a token.
fn secure(version: &mut Version, demand: &Demand, operations: &[Operation]) {
    if !demand.words.is_empty() {
        version.security.clone_from(&demand.words);
    }
    let keeps = |word| version.security.contains(&word);
    let asks = operations.iter().any(|operation| operation.auth != AuthType::None);
    if version.api_key_header.is_none() && asks {
        version.api_key_header = demand.proofs.iter().find_map(Proof::field);
    }
    if !keeps(SecurityName::ApiKey) {
        version.api_key_header = None;
    }
    if !keeps(SecurityName::Oauth2) && !keeps(SecurityName::Basic) {
        version.authorization_header = None;
    }
}

impl Table {
    /// Makes a table of nothing.
    fn empty(at: &str) -> Self {
        Self {
            map: serde_json::Map::new(),
            at: at.to_owned(),
        }
    }
}

pub(super) const MOST_OPERATIONS: usize = 10_000;

/// What `api.yaml` says instead.
const ELSEWHERE: [&str; 16] = [
    "info",
    "servers",
    "host",
    "basePath",
    "schemes",
    "security",
    "x-wso2-basePath",
    "x-wso2-transports",
    "x-wso2-production-endpoints",
    "x-wso2-sandbox-endpoints",
    "x-wso2-response-cache",
    "x-wso2-cors",
    "x-wso2-auth-header",
    "x-wso2-api-key-header",
    "x-wso2-application-security",
    "x-wso2-mutual-ssl",
];

const INFO: &[(&str, &str)] = &[
    ("summary", ABOUT),
    ("description", ABOUT),
    ("termsOfService", ABOUT),
    ("contact", ABOUT),
    ("license", ABOUT),
];

const ROOT: &[(&str, &str)] = &[
    ("components", operation::CALLS),
    ("definitions", operation::CALLS),
    ("parameters", operation::CALLS),
    ("responses", operation::CALLS),
    ("consumes", operation::CALLS),
    ("produces", operation::CALLS),
    ("jsonSchemaDialect", operation::CALLS),
    ("tags", ABOUT),
    ("externalDocs", ABOUT),
    (
        "webhooks",
        "webhooks are calls that the API makes, and none of those goes through the gateway",
    ),
    (
        "x-wso2-cors",
        "cross-origin requests are not answered by the gateway; preflights reach the endpoint where `OPTIONS` is a method of the resource",
    ),
    ("x-wso2-label", "there is one gateway, so nothing chooses among several"),
];

const ABOUT: &str = "what people read about an API is not kept";
