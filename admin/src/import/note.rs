//! What a source says and Tollgate does not take over: where, and why.

use std::collections::HashMap;
use std::fmt;

use serde_json::Value;

use super::tree::{Table, step};

/// Something that a source says and the document made of it does not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    /// The file of the project, or the name of the document.
    pub file: String,
    /// The places, as JSON pointers, at least one and at most 100; empty for the file as a whole.
    pub pointers: Vec<String>,
    /// How many more places there are.
    pub more: usize,
    /// What is different, and why. Nothing that stood in the source as a secret is repeated.
    pub message: String,
}

/// Writes the first places and how many more there are, then the message.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        let mut before = if self.file.is_empty() { "" } else { " " };
        for pointer in self.pointers.iter().filter(|pointer| !pointer.is_empty()).take(FEW) {
            write!(f, "{before}{pointer}")?;
            before = ", ";
        }
        let more = self.pointers.len().saturating_sub(FEW) + self.more;
        if more > 0 {
            write!(f, " and {more} more")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Notes as they are met; alike ones become one with several places.
#[derive(Debug, Default)]
pub(super) struct Notes {
    file: String,
    list: Vec<Note>,
    known: HashMap<(String, String), usize>,
}

impl Notes {
    /// Begins the notes on a file.
    pub(super) fn on(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            ..Self::default()
        }
    }

    /// Goes on with another file.
    pub(super) fn turn_to(&mut self, file: &str) {
        file.clone_into(&mut self.file);
    }

    /// Adds a note on a place.
    pub(super) fn add(&mut self, at: &str, message: impl Into<String>) {
        let (file, message) = (self.file.clone(), message.into());
        let index = *self
            .known
            .entry((file.clone(), message.clone()))
            .or_insert(self.list.len());
        match self.list.get_mut(index) {
            Some(note) if note.pointers.len() < MANY => note.pointers.push(at.to_owned()),
            Some(note) => note.more += 1,
            None => self.list.push(Note {
                file,
                pointers: vec![at.to_owned()],
                more: 0,
                message,
            }),
        }
    }

    /// Notes whatever nobody took from a table, but for what says nothing: empty values, and those that `plain` names
    /// with the value that means the usual. `reasons` says why something of a name is left.
    pub(super) fn rest(&mut self, table: Table, reasons: &[(&str, &str)], plain: &[(&str, &str)]) {
        let Table { map, at } = table;
        for (key, value) in map {
            let is_plain = plain
                .iter()
                .any(|(name, usual)| *name == key && text(&value).is_some_and(|text| text.eq_ignore_ascii_case(usual)));
            if is_plain || is_nothing(&value) {
                continue;
            }
            let reason = reasons.iter().find(|(name, _)| *name == key);
            let message = reason.map_or_else(
                || format!("`{}` has no counterpart here", brief(&key)),
                |(_, why)| (*why).to_owned(),
            );
            self.add(&step(&at, &key), message);
        }
    }

    /// Returns the notes.
    pub(super) fn finish(self) -> Vec<Note> {
        self.list
    }
}

/// Shortens what somebody else wrote to what fits a line.
pub(super) fn brief(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// Tells whether a value says nothing. A list or table of such values says nothing either.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.iter().all(is_nothing),
        Value::Object(map) => map.values().all(is_nothing),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(list) => match list.as_slice() {
            [only] => text(only),
            _ => None,
        },
        Value::Null | Value::Object(_) => None,
    }
}

const FEW: usize = 3;
const MANY: usize = 100;
const LONGEST: usize = 80;
