//! Operations made resources: those of one path that ask for the same become one.

use std::collections::{HashMap, HashSet};

use super::note::{Notes, brief};
use super::tree::Item;
use super::words::rank;
use crate::model::auth::AuthType;
use crate::model::document::{Resource, Scope};
use crate::model::method::MethodName;
use crate::model::name::{ScopeName, TierName};
use crate::model::template::{Segment, Template};
use crate::model::tier::UNLIMITED;

/// An operation: one method of one path.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// Where its source states it.
    pub(super) at: String,
    pub(super) path: String,
    pub(super) method: MethodName,
    pub(super) auth: AuthType,
    pub(super) scopes: Vec<String>,
    pub(super) tier: Option<String>,
}

/// Makes operations resources, in their order. What cannot be one is noted, and answers nobody.
pub(super) fn resources(operations: Vec<Operation>, notes: &mut Notes) -> Vec<Resource> {
    let mut resources: Vec<Resource> = Vec::new();
    let mut shapes: HashMap<Vec<Segment>, Vec<usize>> = HashMap::new();
    for operation in operations {
        let template = match Template::parse(&operation.path) {
            Ok(template) => template,
            Err(error) => {
                let message = format!(
                    "the path `{}` is left out, and its calls are refused: {error}",
                    brief(&operation.path)
                );
                notes.add(&operation.at, message);
                continue;
            }
        };
        let alike = shapes.entry(template.shape().to_vec()).or_default();
        let has = |index: &usize| {
            resources
                .get(*index)
                .is_some_and(|r| r.methods.contains(&operation.method))
        };
        if alike.iter().any(has) {
            notes.add(
                &operation.at,
                "another operation takes the same calls, and this one is left out",
            );
            continue;
        }
        let fits = |index: &usize| resources.get(*index).is_some_and(|r| asks_the_same(r, &operation));
        match alike.iter().copied().find(|index| fits(index)) {
            Some(index) => {
                if let Some(resource) = resources.get_mut(index) {
                    resource.methods.push(operation.method);
                }
            }
            None => {
                alike.push(resources.len());
                resources.push(resource(operation, notes));
            }
        }
    }
    for resource in &mut resources {
        resource.methods.sort_by_key(|method| rank(*method));
    }
    resources
}

fn asks_the_same(resource: &Resource, operation: &Operation) -> bool {
    let scopes = if operation.auth == AuthType::None {
        &[]
    } else {
        operation.scopes.as_slice()
    };
    resource.auth == operation.auth && resource.scopes == scopes && resource.tier == operation.tier
}

fn resource(operation: Operation, notes: &mut Notes) -> Resource {
    let mut scopes = operation.scopes;
    if operation.auth == AuthType::None && !scopes.is_empty() {
        notes.add(
            &operation.at,
            "it is open to everybody, so its scopes would protect nothing",
        );
        scopes.clear();
    }
    Resource {
        path: operation.path,
        methods: vec![operation.method],
        auth: operation.auth,
        scopes,
        tier: operation.tier,
        cache: None,
    }
}

/// Returns a resource tier, unless it counts nothing; a text that names no tier is noted.
pub(super) fn counted(tier: Option<Item>, notes: &mut Notes) -> Option<String> {
    let item = tier?;
    let text = item.text().unwrap_or_default();
    if text.is_empty() || text.eq_ignore_ascii_case(UNLIMITED) {
        return None;
    }
    if TierName::parse(&text).is_err() {
        notes.add(&item.at, "names no tier, and is left out: nothing is counted there");
        return None;
    }
    Some(text)
}

/// Keeps what can be scopes, each once, and not more of them than anybody needs.
pub(super) fn scope_keys(texts: Vec<String>, at: &str, notes: &mut Notes) -> Vec<String> {
    let mut keys = unrepeated(texts);
    let stated = keys.len();
    keys.retain(|key| ScopeName::parse(key).is_ok());
    if keys.len() < stated {
        notes.add(
            at,
            "a scope whose key is none here is left out: its holders are refused",
        );
    }
    if keys.len() > MOST_SCOPES {
        keys.truncate(MOST_SCOPES);
        notes.add(
            at,
            format!("the scopes beyond {MOST_SCOPES} are left out: their holders are refused"),
        );
    }
    keys
}

/// The scopes of an API, each once.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    list: Vec<Scope>,
    known: HashMap<String, usize>,
}

impl Scopes {
    /// Adds a scope, or to one that is there what it lacks.
    pub(super) fn add(&mut self, key: &str, name: Option<String>, roles: Vec<String>) {
        let name = name.filter(|name| !name.is_empty() && name != key);
        let index = *self.known.entry(key.to_owned()).or_insert(self.list.len());
        match self.list.get_mut(index) {
            Some(scope) => {
                scope.name = scope.name.take().or(name);
                scope.roles.extend(roles);
                scope.roles = unrepeated(std::mem::take(&mut scope.roles));
            }
            None => self.list.push(Scope {
                key: key.to_owned(),
                name,
                roles: unrepeated(roles),
                tenant: None,
            }),
        }
    }

    /// Returns the scopes, and those that resources ask for and nobody describes.
    pub(super) fn complete(mut self, resources: &[Resource]) -> Vec<Scope> {
        for key in resources.iter().flat_map(|resource| &resource.scopes) {
            self.add(key, None, Vec::new());
        }
        self.list
    }
}

/// Keeps the first of each text.
pub(super) fn unrepeated(texts: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::with_capacity(texts.len());
    texts.into_iter().filter(|text| seen.insert(text.clone())).collect()
}

/// No operation that people write asks for more.
const MOST_SCOPES: usize = 100;
