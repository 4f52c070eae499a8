//! A text in JSON or YAML as a tree from which things are taken, so that what nobody took can be told.
//!
//! Everything is bounded: the text, the depth, and what the aliases of YAML unfold to.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::blame;
use super::note::{Notes, brief};
use super::resources::unrepeated;
use crate::model::violation::Violation;

/// A value of a source and its place.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) value: Value,
    /// The JSON pointer to it.
    pub(super) at: String,
}

/// A table of a source, from which things are taken.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) map: Map<String, Value>,
    /// The JSON pointer to it.
    pub(super) at: String,
}

/// Reads a text whose outermost value is a table.
pub(super) fn read(file: &str, text: &str) -> Result<Table, Violation> {
    if text.len() > LONGEST {
        let message = format!("the document is larger than {} MiB", LONGEST >> 20);
        return Err(blame(file, "", message));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = if text.trim_start().starts_with(['{', '[']) {
        json(file, text)?
    } else {
        yaml(file, text)?
    };
    match value {
        Value::Object(map) => Ok(Table { map, at: String::new() }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(blame(file, "", "the document is not a table of keys and values"))
        }
    }
}

fn json(file: &str, text: &str) -> Result<Value, Violation> {
    serde_json::from_str(text).map_err(|error| Violation {
        line: error.line(),
        column: error.column(),
        ..blame(file, "", format!("not valid JSON: {error}"))
    })
}

fn yaml(file: &str, text: &str) -> Result<Value, Violation> {
    let mut value: Value = serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let place = error.location();
        let number = |number: Option<u64>| {
            number
                .and_then(|number| usize::try_from(number).ok())
                .unwrap_or_default()
        };
        let said = error.to_string();
        let message = format!("not valid YAML: {}", brief(said.lines().next().unwrap_or_default()));
        Violation {
            line: number(place.map(|place| place.line())),
            column: number(place.map(|place| place.column())),
            ..blame(file, "", message)
        }
    })?;
    keep_labels(&mut value, text);
    Ok(value)
}

/// Puts labels that look like numbers back as they were written: the version 1.10 is not 1.1.
fn keep_labels(value: &mut Value, text: &str) {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Labels {
        info: Label,
        data: Label,
        id: Label,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Label {
        version: Option<String>,
    }
    let mut numbers = LABELS
        .iter()
        .filter(|at| value.pointer(at).is_some_and(Value::is_number));
    if numbers.next().is_none() {
        return;
    }
    let Ok(labels) = serde_saphyr::from_str_with_options::<Labels>(text, options()) else {
        return;
    };
    for (at, label) in LABELS.into_iter().zip([labels.info, labels.data, labels.id]) {
        if let (Some(place), Some(label)) = (value.pointer_mut(at), label.version) {
            *place = Value::String(label);
        }
    }
}

fn options() -> serde_saphyr::Options {
    // An alias stands for at most all that anchors hold, and none inside another: 1,000 times 64 KiB.
    serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 1,
        },
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_bytes: 64 << 10,
            max_depth: 64,
            max_nodes: 500_000,
            max_events: 2_000_000,
        },
    }
}

impl Item {
    /// Makes the value of a key an item.
    fn below(at: &str, key: &str, value: Value) -> Self {
        Self {
            value,
            at: step(at, key),
        }
    }

    /// Returns it as text, if it is a string or a number.
    pub(super) fn text(&self) -> Option<String> {
        match &self.value {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Returns whether it says yes, if it says yes or no.
    pub(super) fn flag(&self) -> Option<bool> {
        match &self.value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Returns it as a whole number that is not negative, if it is one, written as a number or as text.
    pub(super) fn number(&self) -> Option<u64> {
        self.text()?.parse().ok()
    }

    /// Returns its elements: those of a list, those of a text between its commas, or itself.
    pub(super) fn elements(self) -> Vec<Self> {
        match self.value {
            Value::Null => Vec::new(),
            Value::Array(list) => list
                .into_iter()
                .enumerate()
                .map(|(index, value)| Self::below(&self.at, &index.to_string(), value))
                .collect(),
            Value::String(text) => text
                .split(',')
                .filter(|part| !part.trim().is_empty())
                .map(|part| Self {
                    value: Value::String(part.trim().to_owned()),
                    at: self.at.clone(),
                })
                .collect(),
            value @ (Value::Bool(_) | Value::Number(_) | Value::Object(_)) => vec![Self { value, at: self.at }],
        }
    }

    /// Makes it a table, or notes that it is none.
    pub(super) fn table(self, notes: &mut Notes) -> Option<Table> {
        match self.value {
            Value::Object(map) => Some(Table { map, at: self.at }),
            Value::Null => None,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                notes.add(&self.at, "is not a table, and is left out");
                None
            }
        }
    }
}

impl Table {
    /// Takes a key's value, if there is one that is not null.
    pub(super) fn take(&mut self, key: &str) -> Option<Item> {
        let value = self.map.remove(key)?;
        Some(Item::below(&self.at, key, value)).filter(|item| !item.value.is_null())
    }

    /// Takes the value of the first of some keys that is there.
    pub(super) fn take_any(&mut self, keys: &[&str]) -> Option<Item> {
        keys.iter().find_map(|key| self.take(key))
    }

    /// Takes a text; one of another kind is noted, and an empty one is none.
    pub(super) fn text(&mut self, key: &str, notes: &mut Notes) -> Option<String> {
        let item = self.take(key)?;
        let text = item.text();
        if text.is_none() {
            notes.add(&item.at, "is not a text, and is left out");
        }
        text.filter(|text| !text.is_empty())
    }

    /// Takes a yes or no; one of another kind is noted.
    pub(super) fn flag(&mut self, key: &str, notes: &mut Notes) -> Option<bool> {
        let item = self.take(key)?;
        let flag = item.flag();
        if flag.is_none() && item.text().as_deref() != Some("") {
            notes.add(&item.at, "is neither true nor false, and is left out");
        }
        flag
    }

    /// Takes a table; one of another kind is noted.
    pub(super) fn table(&mut self, key: &str, notes: &mut Notes) -> Option<Self> {
        self.take(key)?.table(notes)
    }

    /// Takes a list of texts, or the texts between the commas of one; elements of another kind are noted.
    pub(super) fn texts(&mut self, keys: &[&str], notes: &mut Notes) -> Option<Vec<String>> {
        Some(texts(self.take_any(keys)?, notes))
    }

    /// Takes everything, in the order of the alphabet.
    pub(super) fn items(self) -> impl Iterator<Item = (String, Item)> {
        let at = self.at;
        self.map.into_iter().map(move |(key, value)| {
            let item = Item::below(&at, &key, value);
            (key, item)
        })
    }
}

/// Makes an item a list of texts. A table stands for its `name`, as old projects write tiers.
pub(super) fn texts(item: Item, notes: &mut Notes) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for element in item.elements() {
        let named = match &element.value {
            Value::Object(map) => map.get("name").and_then(Value::as_str).map(str::to_owned),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => element.text(),
        };
        match named.filter(|text| !text.is_empty()) {
            Some(text) => texts.push(text),
            None => notes.add(&element.at, "is not a text, and is left out"),
        }
    }
    unrepeated(texts)
}

/// Writes the JSON pointer (RFC 6901) to a key below another place; keys that nobody could read are cut.
pub(super) fn step(at: &str, key: &str) -> String {
    let cut = key.char_indices().nth(LONGEST_KEY).map_or(key.len(), |(cut, _)| cut);
    let key = key.get(..cut).unwrap_or_default();
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// No document that people write is larger.
const LONGEST: usize = 8 << 20;

const LONGEST_KEY: usize = 256;

/// Where documents state versions.
const LABELS: [&str; 3] = ["/info/version", "/data/version", "/id/version"];
