//! What differs between two catalogs: by object and field, and by lines of their files.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;

use super::history::Texts;
use super::object::{self, Object};
use super::stated::parse;

/// A field of a thing that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The thing, in words, such as `version 3.0 of YouTube`.
    pub object: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The field; empty for a thing that is new or gone.
    pub field: String,
    /// What it said; `null` for nothing.
    pub before: Value,
    /// What it says; `null` for nothing.
    pub after: Value,
}

/// Says what differs, thing by thing: those that are new or gone as wholes, the others field by field.
pub fn by_object(before: &Texts, after: &Texts) -> Vec<Difference> {
    let (before, after) = (things(before, after), things(after, before));
    let all: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut found = Vec::new();
    for object in all {
        let difference = |field: &str, before: Option<&Value>, after: Option<&Value>| Difference {
            object: object.to_string(),
            tenant: object.tenant().to_string(),
            field: field.to_owned(),
            before: before.cloned().unwrap_or_default(),
            after: after.cloned().unwrap_or_default(),
        };
        match (before.get(object), after.get(object)) {
            (Some(before), Some(after)) => {
                let keys: BTreeSet<_> = [before, after]
                    .iter()
                    .filter_map(|value| value.as_object())
                    .flat_map(|table| table.keys())
                    .collect();
                let differing = keys.into_iter().filter(|key| before.get(key) != after.get(key));
                found.extend(differing.map(|key| difference(key, before.get(key), after.get(key))));
            }
            (before, after) => found.push(difference("", before, after)),
        }
    }
    found
}

/// Says what differs, line by line, as `diff -u` does.
pub fn by_line(before: &Texts, after: &Texts) -> String {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut text = String::new();
    for name in names {
        let (old, new) = (
            before.get(name).map_or("", String::as_str),
            after.get(name).map_or("", String::as_str),
        );
        if old != new {
            let header = |side: &str, texts: &Texts| {
                texts
                    .get(name)
                    .map_or_else(|| "/dev/null".to_owned(), |_| format!("{side}/{name}"))
            };
            let diff = TextDiff::from_lines(old, new);
            text += &diff
                .unified_diff()
                .header(&header("a", before), &header("b", after))
                .to_string();
        }
    }
    text
}

/// Finds the things that files state, each without the things inside it. Files that are the same in both catalogs are left
/// out: nothing in them differs.
fn things(texts: &Texts, other: &Texts) -> BTreeMap<Object, Value> {
    let differing = texts.iter().filter(|(name, text)| other.get(*name) != Some(text));
    let mut things = BTreeMap::new();
    for (_, text) in differing {
        let parsed = parse(text);
        for stated in object::stated_in(&parsed, true) {
            let mut value = stated.value(&parsed);
            if let Some(table) = value.as_object_mut() {
                for inner in ["versions", "resources"] {
                    table.remove(inner);
                }
                if matches!(stated.object, Object::Api(_)) {
                    table.remove("scopes");
                }
            }
            things.insert(stated.object, value);
        }
    }
    things
}
