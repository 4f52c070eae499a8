//! The operations and scopes of `api.yaml`, of release 4 and before it.

use crate::import::note::Notes;
use crate::import::openapi::MOST_OPERATIONS;
use crate::import::resources::{Operation, Scopes, counted, scope_keys};
use crate::import::tree::{Item, Table, texts};
use crate::import::words;
use crate::model::auth::AuthType;

/// Takes the operations; none where the file states none.
pub(super) fn operations(api: &mut Table, notes: &mut Notes) -> Vec<Operation> {
    let list = api.take_any(&["operations", "uriTemplates"]);
    let items = list.map(Item::elements).unwrap_or_default();
    if let Some(item) = items.get(MOST_OPERATIONS) {
        notes.add(
            &item.at,
            format!("operations beyond {MOST_OPERATIONS} are left out: their calls are refused"),
        );
    }
    let tables = items.into_iter().take(MOST_OPERATIONS);
    let tables: Vec<_> = tables.filter_map(|item| item.table(notes)).collect();
    tables.into_iter().filter_map(|table| operation(table, notes)).collect()
}

fn operation(mut stated: Table, notes: &mut Notes) -> Option<Operation> {
    let at = stated.at.clone();
    let path = stated.take_any(&["target", "uriTemplate"]).and_then(|item| item.text());
    let verb = stated.take_any(&["verb", "httpVerb"]).and_then(|item| item.text());
    let method = verb.as_deref().and_then(words::method);
    let auth = stated.take("authType").map_or(AuthType::Any, |item| {
        let known = item.text().and_then(|text| words::auth(&text));
        known.unwrap_or_else(|| {
            notes.add(
                &item.at,
                "is no auth type that is known, so any credential is asked for",
            );
            AuthType::Any
        })
    });
    let tier = counted(stated.take_any(&["throttlingPolicy", "throttlingTier"]), notes);
    let keys = stated.take_any(&["scopes", "scope"]).map(scopes_of);
    let scopes = keys.map(|item| texts(item, notes)).unwrap_or_default();
    let scopes = scope_keys(scopes, &at, notes);
    if let Some(item) = stated
        .take("operationPolicies")
        .filter(|item| has_policies(&item.value))
    {
        notes.add(&item.at, POLICIES);
    }
    notes.rest(stated, REASONS, PLAIN);
    match (path, method) {
        (Some(path), Some(method)) => Some(Operation {
            at,
            path: written(&path),
            method,
            auth,
            scopes,
            tier,
        }),
        (_, None) => {
            notes.add(
                &at,
                "its method is none that a gateway takes, and the operation is left out: its calls are refused",
            );
            None
        }
        (None, Some(_)) => {
            notes.add(&at, "it has no path, and is left out");
            None
        }
    }
}

/// Writes a path as templates have it.
fn written(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// Makes scopes that are described where they are used a list of their keys.
fn scopes_of(item: Item) -> Item {
    let Item { mut value, at } = item;
    let unwrap = |value: &mut serde_json::Value| {
        if let Some(key) = value.get("key").cloned() {
            *value = key;
        }
    };
    if let Some(list) = value.as_array_mut() {
        list.iter_mut().for_each(unwrap);
    } else {
        unwrap(&mut value);
    }
    Item { value, at }
}

fn has_policies(value: &serde_json::Value) -> bool {
    let lists = value.as_object().into_iter().flatten();
    lists
        .into_iter()
        .any(|(_, list)| list.as_array().is_none_or(|list| !list.is_empty()))
}

/// Takes the scopes: wrapped and shared or not as in release 4, or plain.
pub(super) fn scopes(api: &mut Table, scopes: &mut Scopes, notes: &mut Notes) {
    for item in api.take("scopes").map(Item::elements).unwrap_or_default() {
        let Some(mut entry) = item.table(notes) else { continue };
        let wrapped = entry.table("scope", notes);
        let shared = entry.take("shared").filter(|item| item.flag() == Some(true));
        let mut stated = match wrapped {
            Some(scope) => {
                notes.rest(entry, &[], &[]);
                scope
            }
            None => entry,
        };
        if let Some(shared) = shared {
            notes.add(
                &shared.at,
                "a shared scope that the catalog does not have becomes one of this API alone",
            );
        }
        let key = stated.text("key", notes);
        let name = stated.text("name", notes);
        let shown = stated.text("displayName", notes);
        let roles = stated.take_any(&["bindings", "roles"]).map(|item| roles(item, notes));
        let (key, shown) = match key {
            Some(key) => (Some(key), shown.or(name)),
            None => (name, shown),
        };
        match key {
            Some(key) => scopes.add(&key, shown, roles.unwrap_or_default()),
            None => notes.add(&stated.at, "a scope without a name is left out"),
        }
        notes.rest(stated, REASONS, &[]);
    }
}

/// Makes bindings roles: a list, or as some releases write it, a table of a type and values.
fn roles(item: Item, notes: &mut Notes) -> Vec<String> {
    if item.value.is_object() {
        let table = item.table(notes);
        return table
            .and_then(|mut table| table.texts(&["values", "roles"], notes))
            .unwrap_or_default();
    }
    texts(item, notes)
}

const POLICIES: &str = "policies that change requests and responses are not taken over: calls pass without them";

const PLAIN: &[(&str, &str)] = &[("httpVerbs", ""), ("throttlingTiers", "")];

const REASONS: &[(&str, &str)] = &[
    ("id", "is bookkeeping of where it came from"),
    ("usedProductIds", "is bookkeeping of where it came from"),
    ("usageCount", "is bookkeeping of where it came from"),
    ("description", "a scope has a key, a name and roles, and no description"),
    ("amznResourceName", "functions of AWS are not called"),
    ("amznResourceTimeout", "functions of AWS are not called"),
    ("payloadSchema", "what calls and responses look like is not checked"),
    (
        "uriMapping",
        "the path that is called is the path that the endpoint gets",
    ),
    ("mediationScript", "the gateway makes no answers of its own up"),
];
