//! The operations of a document: its paths, what each asks for, and where `$ref` leads inside the document.

use serde_json::Value;

use super::scheme::{Asked, Demand, Schemes};
use super::{MOST_OPERATIONS, take_tier};
use crate::import::note::{Notes, brief};
use crate::import::resources::{Operation, counted, scope_keys};
use crate::import::tree::{Item, Table, step};
use crate::import::words;
use crate::model::auth::AuthType;

/// The paths of a document, and what holds for all of them.
pub(super) struct Paths<'d> {
    whole: &'d Table,
    schemes: &'d Schemes,
    usual: Usual,
    pub(super) demand: Demand,
    /// How much was copied by following references.
    copied: usize,
}

/// What holds where an operation says nothing.
#[derive(Clone, Debug, Default)]
struct Usual {
    /// `None` where nothing is asked for in words.
    asked: Option<Asked>,
    auth: Option<AuthType>,
}

impl<'d> Paths<'d> {
    /// Takes what holds for all paths.
    pub(super) fn new(whole: &'d Table, schemes: &'d Schemes, root: &mut Table, notes: &mut Notes) -> Self {
        let mut paths = Self {
            whole,
            schemes,
            usual: Usual::default(),
            demand: Demand::default(),
            copied: 0,
        };
        paths.usual = paths.refine(root, &Usual::default(), notes);
        paths
    }

    /// Takes the operations of a document.
    pub(super) fn operations(&mut self, root: &mut Table, notes: &mut Notes) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, item) in root.table("paths", notes).into_iter().flat_map(Table::items) {
            if path.starts_with("x-") {
                notes.add(&item.at, "extensions of `paths` have no counterpart here");
                continue;
            }
            if operations.len() > MOST_OPERATIONS {
                break;
            }
            let Some(table) = self.resolve(item, notes) else {
                continue;
            };
            self.path(&path, table, &mut operations, notes);
        }
        operations
    }

    fn path(&mut self, path: &str, mut table: Table, operations: &mut Vec<Operation>, notes: &mut Notes) {
        let usual = self.refine(&mut table, &self.usual.clone(), notes);
        let tier = counted(take_tier(&mut table), notes);
        let named = |key: &String| Some((words::method(key)?, key.clone()));
        let mut methods: Vec<_> = table.map.keys().filter_map(named).collect();
        methods.sort_by_key(|(method, _)| words::rank(*method));
        for (method, key) in methods {
            let Some(stated) = table.take(&key).and_then(|item| item.table(notes)) else {
                continue;
            };
            operations.push(self.operation((path, method), stated, (&usual, &tier), notes));
            if operations.len() > MOST_OPERATIONS {
                return;
            }
        }
        for key in ["connect", "query", "trace"] {
            if let Some(item) = table.take(key) {
                notes.add(
                    &item.at,
                    "a gateway does not take this method, and its calls are refused",
                );
            }
        }
        notes.rest(table, PATH, &[]);
    }

    fn operation(
        &mut self,
        (path, method): (&str, crate::model::method::MethodName),
        mut stated: Table,
        (usual, tier): (&Usual, &Option<String>),
        notes: &mut Notes,
    ) -> Operation {
        let at = stated.at.clone();
        let Usual { asked, auth } = self.refine(&mut stated, usual, notes);
        let own = take_tier(&mut stated).map(|own| counted(Some(own), notes));
        let scope = stated.texts(&["x-scope", "x-scopes"], notes);
        let auth = auth.unwrap_or_else(|| match &asked {
            Some(asked) if asked.is_open => AuthType::None,
            Some(_) => AuthType::Any,
            None => {
                notes.add(&at, SILENT);
                AuthType::Any
            }
        });
        let asked = asked.unwrap_or_default();
        if auth != AuthType::None {
            self.demand.add(&asked);
        }
        let scopes = match scope {
            Some(texts) => scope_keys(texts, &at, notes),
            None => asked.scopes,
        };
        notes.rest(stated, OPERATION, &[]);
        Operation {
            at,
            path: path.to_owned(),
            method,
            auth,
            scopes,
            tier: own.unwrap_or_else(|| tier.clone()),
        }
    }

    /// Takes what a table says of its callers; what it does not say is as usual.
    fn refine(&self, table: &mut Table, usual: &Usual, notes: &mut Notes) -> Usual {
        let asked = table.take("security").map(|list| self.schemes.demand(list, notes));
        // What a document asks for near an operation wins over an extension far from it.
        let mut auth = if asked.is_some() { None } else { usual.auth };
        if let Some(item) = table.take("x-auth-type") {
            auth = item.text().and_then(|text| words::auth(&text));
            if auth.is_none() {
                notes.add(
                    &item.at,
                    "is no auth type that is known, so any credential is asked for",
                );
                auth = Some(AuthType::Any);
            }
        }
        match table.flag("x-wso2-disable-security", notes) {
            Some(true) => auth = Some(AuthType::None),
            Some(false) if auth == Some(AuthType::None) => auth = Some(AuthType::Any),
            Some(false) | None => {}
        }
        Usual {
            asked: asked.or_else(|| usual.asked.clone()),
            auth,
        }
    }

    /// Follows the `$ref` of a path inside the document; one that leads elsewhere is noted and not followed.
    fn resolve(&mut self, item: Item, notes: &mut Notes) -> Option<Table> {
        let mut table = item.table(notes)?;
        for _ in 0..MOST_STEPS {
            let Some(reference) = table.take("$ref") else {
                return Some(table);
            };
            let text = reference.text().unwrap_or_default();
            let whole = |pointer: &str| pointed(&self.whole.map, pointer);
            let Some(Value::Object(found)) = text.strip_prefix('#').and_then(whole) else {
                let message = format!(
                    "`{}` leads out of the document or nowhere; nothing is fetched, and the path is left out",
                    brief(&text)
                );
                notes.add(&reference.at, message);
                return None;
            };
            if self.copied <= MOST_COPIED {
                self.copied += found.values().map(weight).sum::<usize>();
            }
            if self.copied > MOST_COPIED {
                notes.add(
                    &reference.at,
                    "the references of the document unfold to too much, and the path is left out",
                );
                return None;
            }
            // What stands beside a reference is part of the same path.
            for (key, value) in found {
                table.map.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        notes.add(&step(&table.at, "$ref"), "leads in a circle, and the path is left out");
        None
    }
}

/// Finds what a JSON pointer leads to (RFC 6901).
fn pointed<'m>(map: &'m serde_json::Map<String, Value>, pointer: &str) -> Option<&'m Value> {
    let mut steps = pointer.strip_prefix('/')?.split('/').map(unescape);
    let mut value = map.get(&steps.next()?)?;
    for key in steps {
        value = match value {
            Value::Object(map) => map.get(&key)?,
            Value::Array(list) => list.get(key.parse::<usize>().ok()?)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
    }
    Some(value)
}

fn unescape(step: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(step).decode_utf8_lossy();
    decoded.replace("~1", "/").replace("~0", "~")
}

/// Tells about how much a value takes.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::String(text) => text.len() + 1,
        Value::Array(list) => 1 + list.iter().map(weight).sum::<usize>(),
        Value::Object(map) => 1 + map.iter().map(|(key, value)| key.len() + weight(value)).sum::<usize>(),
    }
}

const MOST_STEPS: usize = 8;
const MOST_COPIED: usize = 32 << 20;

const SILENT: &str = "no `security` is stated: callers need a token; write `auth = \"none\"` where everybody may call";

/// Why what describes calls is left.
pub(super) const CALLS: &str = "what calls and responses look like is neither kept nor checked";

const ABOUT: &str = "what people read about an API is not kept";

const PATH: &[(&str, &str)] = &[
    ("summary", ABOUT),
    ("description", ABOUT),
    ("parameters", CALLS),
    ("servers", OWN_SERVERS),
    ("x-wso2-production-endpoints", OWN_SERVERS),
    ("x-wso2-sandbox-endpoints", OWN_SERVERS),
];

const OPERATION: &[(&str, &str)] = &[
    ("summary", ABOUT),
    ("description", ABOUT),
    ("operationId", ABOUT),
    ("tags", ABOUT),
    ("externalDocs", ABOUT),
    ("deprecated", ABOUT),
    ("parameters", CALLS),
    ("requestBody", CALLS),
    ("responses", CALLS),
    ("consumes", CALLS),
    ("produces", CALLS),
    (
        "schemes",
        "a version has transports, and a single call has none of its own",
    ),
    ("callbacks", "calls that the API makes do not go through the gateway"),
    ("servers", OWN_SERVERS),
    ("x-wso2-production-endpoints", OWN_SERVERS),
    ("x-wso2-sandbox-endpoints", OWN_SERVERS),
];

const OWN_SERVERS: &str = "a version has endpoints, and a single path has none of its own; its calls go where all go";
